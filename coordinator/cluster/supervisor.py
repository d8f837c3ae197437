"""`bitgauge up`: keeps one driver alive and leaves nothing behind. Knows no ray.

The supervisor is the one process of a coordinator that never dies by Ray's hand. It starts the
driver in a session of its own, hears from it over a pipe, and sleeps. When the driver ends, in
whatever way, everything below the supervisor is ended too, because Ray's helpers outlive their
driver by many seconds; as child subreaper it finds even those whose parents are gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType

from bitgauge.benchmarks.common import crash
from bitgauge.benchmarks.common.join_line import Address
from bitgauge.benchmarks.common.prctl import adopt_orphans
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Internal, Refused

from ..access.administration import JOIN_LIFE_S
from ..client.client import Client
from ..client.endpoint import Endpoint
from ..config import CoordinatorConfig, TlsListen, require_loopback
from ..tasks.nursery.nursery import Nursery
from ..tasks.nursery.order import Site
from . import driver_process, family, home_folder, listeners, sockets
from .driver_process import DriverEvent, EventKind, EventReader

STOP_GRACE_S = 8.0
END_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0

Say = Callable[[str], None]


def say_on_stderr(line: str) -> None:
    """Write one status line where people see it."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run(
    config: CoordinatorConfig, say: Say = say_on_stderr, *, alert_webhook: str | None = None
) -> int:
    """Serve until SIGINT or SIGTERM; restart what breaks.

    Must be called in the main thread of a process that has no other children: everything
    below it is ended at the end.

    Args:
        config: what to start; port 0 is replaced by a free one.
        say: receives one line when serving and one for each restart.
        alert_webhook: URL that alerts are posted to.

    Returns:
        0 after an orderly stop.

    Raises:
        BitgaugeError: the coordinator cannot be started at all (address not loopback, port in
            use, state folder held by another coordinator, Ray without token mode, ...).
    """
    require_loopback(config.host)
    crash.parse(os.environ.get(crash.VARIABLE, ""))
    _require_ray_token_mode(config)
    os.umask(0o077)  # of all that is started here: no file is anybody else's for a moment
    if home_folder.prepare(config):
        say(f"{config.home_folder} was open to other users of this machine; it is closed now.")
    port = config.port or listeners.free_port(config.host)
    config = replace(config, port=port, supervisor_pid=os.getpid())
    home_folder.refuse_if_running(config)
    listeners.refuse_if_port_taken(config)
    home_folder.keep_webhook(config, alert_webhook)
    say(f"Sandbox of background steps: {_sandbox(config)}.")
    adopt_orphans()
    with Wakeup() as wakeup:
        return _Supervisor(config, say, wakeup).run()


def _sandbox(config: CoordinatorConfig) -> str:
    """How steps are confined on this machine, and why not better.

    Raises:
        Refused: the level that must confine them does not work here.
    """
    with driver_process.ray_folder() as folder:
        place = Site(folder, config.sandbox, (config.home_folder,))
        with Nursery(place) as nursery:
            return nursery.settle()


def _require_ray_token_mode(config: CoordinatorConfig) -> None:
    if config.ray_address and os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        raise Refused(
            Code.RAY_INSECURE,
            f"The Ray cluster at {config.ray_address} would be joined without a token.",
        )


@dataclass(slots=True)
class _Life:
    """What one driver did before it ended."""

    served: bool = False
    refusal: BitgaugeError | None = None


class _Supervisor:
    def __init__(self, config: CoordinatorConfig, say: Say, wakeup: Wakeup) -> None:
        self._config = config
        self._say = say
        self._wakeup = wakeup
        self._served = False

    def run(self) -> int:
        pause_s = FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            life = self._live_once()
            if self._wakeup.stops():
                return 0
            if life.refusal is not None:
                raise life.refusal
            if not self._served:
                log = driver_process.log_path(self._config)
                raise Internal(Code.START_FAILED, f"The coordinator did not start; see {log}.")
            if time.monotonic() - started > STEADY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            self._say(f"The coordinator's driver has ended; restarting in {pause_s:g} s.")
            self._sleep(pause_s)
            if self._wakeup.stops():
                return 0
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _live_once(self) -> _Life:
        """Start a driver, follow it to its end, and end whatever it left."""
        life = _Life()
        with driver_process.ray_folder() as folder:
            try:
                driver, reader = driver_process.start(self._config, folder)
                try:
                    self._follow(driver, reader, life)
                finally:
                    os.close(reader.descriptor)
                    self._stop(driver)
            finally:
                left = family.end_descendants(END_TIMEOUT_S)
                if left:
                    self._say(f"Processes that would not end: {', '.join(map(str, left))}.")
                if not self._wakeup.stops():
                    driver_process.keep_ray_logs(folder, self._config)
        return life

    def _follow(self, driver: subprocess.Popen[bytes], reader: EventReader, life: _Life) -> None:
        """Sleep until the driver has something to say, has ended, or we are told to stop."""
        while not self._wakeup.stops():
            ready = self._wakeup.wait([reader.descriptor])
            family.reap_orphans(except_pid=driver.pid)
            if ready:
                events = reader.read()
                if events is None:
                    return
                for event in events:
                    self._hear(event, life)
                if life.refusal is not None:
                    return

    def _hear(self, event: DriverEvent, life: _Life) -> None:
        if event.kind is EventKind.REFUSED:
            life.refusal = Refused(event.code or Code.START_FAILED, event.sentence)
        elif event.kind is EventKind.ACTOR_LOST:
            self._say("The coordinator's actor has ended; Ray restarts it.")
        else:
            life.refusal = sockets.surprise(self._config)
            if life.refusal is None:
                self._serving(life)

    def _serving(self, life: _Life) -> None:
        again = " again" if self._served else ""
        self._say(f"Bitgauge coordinator serving{again} on {self._config.address}")
        if not self._served and self._config.tls is not None:
            for line in lines(self._config, self._config.tls):
                self._say(line)
        life.served = self._served = True

    def _stop(self, driver: subprocess.Popen[bytes]) -> None:
        """Ask the driver to end, for a few seconds; a second Ctrl-C asks no longer."""
        with contextlib.suppress(ProcessLookupError):
            driver.terminate()
        deadline = time.monotonic() + STOP_GRACE_S
        while driver.poll() is None and self._wakeup.stops() < 2:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            self._wakeup.wait(timeout_s=left_s)
        with contextlib.suppress(ProcessLookupError):
            driver.kill()
        driver.wait()

    def _sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._wakeup.stops() and (left_s := deadline - time.monotonic()) > 0:
            self._wakeup.wait(timeout_s=left_s)


class Wakeup:
    """Counts SIGINT and SIGTERM, and wakes `wait` at these and when a child ends.

    A context manager of the main thread; afterwards the old handlers are back.
    """

    def __init__(self) -> None:
        self._stops = 0

    def __enter__(self) -> Wakeup:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old_handlers = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._count),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._count),
            signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda _number, _frame: None),
        }
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_descriptor)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def stops(self) -> int:
        """How often we were asked to stop."""
        return self._stops

    def wait(self, descriptors: Sequence[int] = (), timeout_s: float | None = None) -> list[int]:
        """Sleep until a descriptor can be read, a signal comes or the time is over.

        Returns:
            Those of `descriptors` that can be read.
        """
        ready, _, _ = select.select([*descriptors, self._read], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass
        return [descriptor for descriptor in ready if descriptor != self._read]


def lines(
    config: CoordinatorConfig, tls: TlsListen, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """What to print; a join line is a secret and is not printed into a journal."""
    shown = Address(tls.advertise, tls.port)
    agents = f"agents at port {tls.agent_port}"
    where = f"Other machines reach it over TLS at {shown}, {agents}."
    if "JOURNAL_STREAM" in environ:
        return (where, "For the line with which a device joins, run: bitgauge join-line")
    endpoint = Endpoint(config.address, None, config.tokens_folder / "user")
    try:
        with Client(endpoint) as client:
            line, _ = client.create_join_line()
    except BitgaugeError as error:
        return (where, f"No join line could be made: {error}")
    return (where, join_sentence(line, JOIN_LIFE_S))


def join_sentence(line: str, life_s: float) -> str:
    """How a join line is shown to people."""
    return (
        f"One device may join within {life_s / 60:.0f} minutes:"
        f" bitgauge-agent join {shlex.quote(line)}"
    )
