"""A real `bitgauge up` with a real Ray: one for the session, or one for a test that kills."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil
import pytest
from bitgauge.agents.registry import FAKES
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint

BITGAUGE = str(Path(sys.executable).with_name("bitgauge"))
SHORT_LEASES = ("--lease-ttl", "3", "--renew-every", "0.5", "--unreachable-after", "2")
NO_CHECKS = ("--check-hours", "0", "--check-jobs", "0")
"""A health check would come before the job that a test is about."""
START_S = 60.0
STOP_S = 15.0
_SERVING = re.compile(r"serving(?: again)? on (\S+)$")


def environment(home: Path) -> dict[str, str]:
    """Our environment with another state folder, without anybody's Ray, with the fake runtime."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "BITGAUGE_", "XDG_"))}
    return {**kept, "BITGAUGE_HOME": str(home), FAKES: "1"}


@dataclass
class Up:
    home: Path
    process: subprocess.Popen[str]
    address: str = ""
    lines: list[str] = field(default_factory=list)
    _arrivals: queue.Queue[str | None] = field(default_factory=queue.Queue)

    @classmethod
    def start(
        cls,
        home: Path,
        *arguments: str,
        variables: Mapping[str, str] = MappingProxyType({}),
        prefix: Sequence[str] = (),
    ) -> Up:
        """Start one and wait until it serves.

        Args:
            home: state folder.
            arguments: further ones of `bitgauge up`; the last one of a kind counts.
            variables: what its environment has besides.
            prefix: a command that runs it.
        """
        command = [BITGAUGE, "up", "--port", "0", "--task-cpus", "2", *SHORT_LEASES, *NO_CHECKS]
        command.extend(arguments)
        process = subprocess.Popen(
            [*prefix, *command],
            env={**environment(home), **variables},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        up = cls(home, process)
        threading.Thread(target=up._pump, daemon=True).start()
        up.wait_serving()
        return up

    def _pump(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            self._arrivals.put(line.rstrip())
        self._arrivals.put(None)

    def wait_serving(self) -> None:
        """Until the next line that says so."""
        deadline = time.monotonic() + START_S
        while True:
            line = self._arrivals.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"it ended: {self.lines}"
            if found := _SERVING.search(line):
                self.address = found[1]
                return

    def client(self) -> Client:
        return Client(Endpoint(self.address, None, self.home / "tokens" / "user"))

    def bitgauge(
        self, *arguments: str, patience_s: float = 200
    ) -> subprocess.CompletedProcess[str]:
        """A command that asks this coordinator."""
        return subprocess.run(
            [BITGAUGE, *arguments, "--coordinator", self.address],
            env=environment(self.home),
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )

    def tree(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def find(self, words: str) -> psutil.Process:
        """The one process below the supervisor whose command line has `words`."""
        found = []
        for process in self.tree()[1:]:
            with contextlib.suppress(psutil.NoSuchProcess):
                if words in " ".join(process.cmdline()):
                    found.append(process)
        assert len(found) == 1, f"{words}: {found}"
        return found[0]

    def stop(self) -> list[psutil.Process]:
        """End it as Ctrl-C does; the processes that are left over."""
        tree = self.tree()
        self.process.terminate()
        try:
            assert self.process.wait(STOP_S) == 0
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.process.stderr is not None:
                self.process.stderr.close()
        return [process for process in tree if process.is_running()]


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The coordinator that the session shares; its end is a test too: nothing is left over."""
    running = Up.start(tmp_path_factory.mktemp("home"))
    yield running
    assert running.stop() == []


@pytest.fixture
def own_up(tmp_path: Path) -> Iterator[Up]:
    """A coordinator of the test's own, to be killed in parts."""
    running = Up.start(tmp_path / "home")
    yield running
    if running.process.poll() is None:
        assert running.stop() == []
