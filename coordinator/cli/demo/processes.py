"""The two processes of the demo: a coordinator and an agent, started as a user would.

Each has a session of its own, so that Ctrl-C reaches the demo alone and both are stopped in
order. Whatever happens in between, `stop` leaves neither behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bitgauge.benchmarks.vocabulary.errors import Code, Internal, Unavailable
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView

from ...client.client import Client
from ...client.endpoint import Endpoint

T = TypeVar("T")

SERVING_TIMEOUT_S = 120.0
DEVICE_TIMEOUT_S = 60.0
CARD_TIMEOUT_S = 180.0
"""What a card's kernels do is found out before it registers; without it the demo goes on."""
# The supervisor needs up to 18 s to end Ray's processes; the agent ends its children.
COORDINATOR_STOP_S = 30.0
AGENT_STOP_S = 15.0
_POLL_S = 0.2
_PROBE_TIMEOUT_S = 2.0
_STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class DemoProcess:
    """A started process, its name for people, and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Refuse to wait for a process that has ended.

        Raises:
            Internal: `START_FAILED` with the last line that it wrote.
        """
        if self.process.poll() is not None:
            raise Internal(
                Code.START_FAILED,
                f"The {self.name} ended with {self.process.returncode}{_last_words(self.log)};"
                f" its log is {self.log}.",
            )

    def wait_for(self, found: Callable[[], T | None], what: str, timeout_s: float) -> T:
        """What `found` gives at last, which is how it shows that it can `what`.

        Raises:
            Internal: `START_FAILED`, it ended or took longer than `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while (given := found()) is None:
            self.require_alive()
            if time.monotonic() > deadline:
                raise Internal(
                    Code.START_FAILED,
                    f"The {self.name} did not {what} within {timeout_s:.0f} s;"
                    f" its log is {self.log}.",
                )
            time.sleep(_POLL_S)
        return given

    def stop(self, timeout_s: float) -> None:
        """Ask it to end, and end it when it does not within `timeout_s` seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_s)
            return
        # It leads a session of its own: whatever it started and left is in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class DemoLab:
    """A coordinator and one agent on this machine; a context manager."""

    def __init__(self, home: Path, address: str) -> None:
        """Prepare, with one state folder for both; nothing is started yet."""
        self.endpoint = Endpoint(address, None, home / "tokens" / "user")
        self._home = home
        self._children: list[DemoProcess] = []

    def __enter__(self) -> DemoLab:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start_coordinator(self) -> None:
        """Start `bitgauge up` and wait until it answers.

        Raises:
            Internal: `START_FAILED`, it ended or did not answer in time.
        """
        port = self.endpoint.address.rpartition(":")[2]
        child = self._start(
            "coordinator",
            ["bitgauge.coordinator.cli.app", "up", "--home", str(self._home), "--port", port],
        )
        child.wait_for(lambda: _serves(self.endpoint) or None, "answer", SERVING_TIMEOUT_S)

    def start_agent(self, client: Client, cards: Sequence[str] = ()) -> tuple[DeviceView, ...]:
        """Start `bitgauge-agent run` and wait until its devices have registered.

        Args:
            client: of the coordinator.
            cards: names of the graphics cards beside the machine itself, which comes first.

        Raises:
            Internal: `START_FAILED`, it ended or did not register in time.
        """
        started_unix_ns = time.time_ns()
        child = self._start(
            "agent", ["bitgauge.agents.cli", "run", "--coordinator", self.endpoint.address]
        )

        def seen() -> list[DeviceView]:
            return [one for one in client.devices() if one.last_seen_unix_ns >= started_unix_ns]

        machine = child.wait_for(lambda: all_there(seen(), ()), "register", DEVICE_TIMEOUT_S)
        until = time.monotonic() + CARD_TIMEOUT_S
        while cards and time.monotonic() < until:
            if (every := all_there(seen(), cards)) is not None:
                return every
            child.require_alive()
            time.sleep(_POLL_S)
        return machine

    def require_alive(self) -> None:
        """Refuse to go on when one of the processes has ended."""
        for child in self._children:
            child.require_alive()

    def stop(self) -> None:
        """End both, the agent first, and wait for them; a further Ctrl-C does not break this."""
        waits = {"coordinator": COORDINATOR_STOP_S, "agent": AGENT_STOP_S}
        with _undisturbed():
            while self._children:
                child = self._children.pop()
                child.stop(waits[child.name])

    def _start(self, name: str, arguments: list[str]) -> DemoProcess:
        folder = self._home / "logs"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = folder / f"demo-{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "BITGAUGE_HOME": str(self._home)},
                start_new_session=True,
            )
        child = DemoProcess(name, process, log)
        self._children.append(child)
        return child


def all_there(views: Sequence[DeviceView], cards: Sequence[str]) -> tuple[DeviceView, ...] | None:
    """The machine itself and then its cards; None as long as one of them is missing."""
    machine = [one for one in views if not one.description.hardware_class.is_gpu]
    named = {one.description.name: one for one in views}
    if not machine or not set(cards) <= set(named):
        return None
    return machine[0], *(named[name] for name in cards)


def _serves(endpoint: Endpoint) -> bool:
    if not endpoint.token_path.exists():
        return False
    with Client(endpoint, call_timeout_s=_PROBE_TIMEOUT_S) as client:
        try:
            client.jobs(limit=1)
        except Unavailable:
            return False
    return True


def _last_words(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines:
            return f" ({lines[-1]})"
    return ""


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C or SIGTERM end us before our processes have ended."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
