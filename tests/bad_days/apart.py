"""Each file of attacks runs in a network namespace of its own: loopback, and nothing of the host's.

A namespace belongs to a process, hence each file has a pytest of its own, started by `unshare`. The
pytest that somebody called collects and tells; it runs none of these tests itself. Reports come
over a pipe, so that it counts and shows them as it does others.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = ("attacks", "faults", "hostile", "network")
"""Of this folder; what is not there starts no server, or needs a package registry."""
OWN = Path("/proc/self/ns/net")
VARIABLE = "BITGAUGE_TESTS_APART"
"""In the environment of a file's own pytest: what `Orders` is made of, as JSON."""
LONGEST_S = 900
"""For which the caller waits for one test; its own pytest gives up long before."""
_END_S = 60.0
_TOLD_OF_A_CRASH = 4000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


class NotApart(Exception):
    """The host's network can be reached from here; the text says how it was seen."""


def wanted(path: Path) -> bool:
    """Whether the tests of a file run apart."""
    return path.is_relative_to(HERE) and path.relative_to(HERE).parts[0] in FOLDERS


def command() -> list[str]:
    """What to put before a command that shall have a namespace of its own."""
    if os.geteuid() == 0:
        return ["unshare", "--net", "--"]
    return ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--"]


def hindrance() -> str:
    """Why this machine gives us none; empty when it does."""
    try:
        tried = subprocess.run([*command(), "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"unshare cannot be started ({error.strerror})"
    return tried.stderr.strip() if tried.returncode else ""


def raise_loopback() -> None:
    """A new namespace has a loopback that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _GET_FLAGS, request), 16)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def require_apart(outside: str) -> None:
    """Look whether this process has left the namespace `outside`.

    Raises:
        NotApart: it has not, or a way leads out.
    """
    own = os.readlink(OWN)
    if own == outside:
        raise NotApart(f"this is the namespace that the tests were started in, {own}")
    with contextlib.suppress(OSError):  # not everybody may look at another's process
        if own == os.readlink("/proc/1/ns/net"):
            raise NotApart(f"this is the namespace of the machine, {own}")
    if routes := Path("/proc/net/route").read_text().splitlines()[1:]:
        raise NotApart(f"a way leads out: {routes[0]}")


# -- the pytest that somebody called -------------------------------------------------------
class Own:
    """The pytest of one file, and what it has reported so far."""

    def __init__(self, path: Path, names: Sequence[str], config: pytest.Config) -> None:
        self.path, self.config = path, config
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        ours, theirs = os.pipe()
        orders = {"outside": os.readlink(OWN), "names": list(names), "pipe": theirs}
        capture = str(config.getoption("capture"))
        same = ("-p", "no:cacheprovider", f"--capture={capture}", f"--rootdir={config.rootpath}")
        silent = None if capture == "no" else self._said
        self._process = subprocess.Popen(
            [*command(), sys.executable, "-m", "pytest", *same, str(path)],
            cwd=config.invocation_params.dir,
            env={**os.environ, VARIABLE: json.dumps(orders)},
            pass_fds=(theirs,),
            stdout=silent,
            stderr=silent,
        )
        os.close(theirs)
        self._reports = os.fdopen(ours)

    def reports(self, item: pytest.Item) -> Iterator[pytest.TestReport]:
        """Of one test, until it is over."""
        for line in self._reports:
            report = self.config.hook.pytest_report_from_serializable(
                config=self.config, data=json.loads(line)
            )
            yield report
            if report.nodeid == item.nodeid and report.when == "teardown":
                return
        yield pytest.TestReport(
            item.nodeid,
            item.location,
            {},
            "failed",
            f"Its own pytest ended.\n{self.last()}",
            "call",
        )

    def last(self) -> str:
        """The end of what it printed."""
        self._said.seek(max(0, self._said.seek(0, os.SEEK_END) - _TOLD_OF_A_CRASH))
        return self._said.read().decode(errors="replace")

    def end(self) -> None:
        """Wait for it; when it was not asked for all, what it holds is given back first."""
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            self._reports.close()
            self._said.close()

    def interrupt(self) -> None:
        """Have it give back what it holds."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self.end()


class Caller:
    """Has the tests of each file run by a pytest of its own."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.own: Own | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        apart = [item for item in items if wanted(item.path)]
        if apart and (reason := hindrance()):
            for item in apart:
                item.add_marker(pytest.mark.skip(f"NOT RUN: no network namespaces: {reason}"))
        for item in apart:
            item.add_marker(pytest.mark.timeout(LONGEST_S), append=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        if not wanted(item.path) or item.get_closest_marker("skip"):
            return None
        if self.own is None:
            follow = dropwhile(lambda one: one is not item, item.session.items)
            names = [one.nodeid for one in takewhile(lambda one: one.path == item.path, follow)]
            self.own = Own(item.path, names, self.config)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self.own.reports(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        if nextitem is None or nextitem.path != item.path:
            self.own.end()
            self.own = None
        return True

    def pytest_sessionfinish(self) -> None:
        if self.own is not None:  # somebody wanted no more of it
            self.own.interrupt()
            self.own = None


# -- the pytest of one file ----------------------------------------------------------------
class Inside:
    """Runs what it was told, and reports it."""

    def __init__(self, config: pytest.Config, outside: str, names: list[str], pipe: int) -> None:
        self.config, self.outside, self.names = config, outside, frozenset(names)
        os.set_inheritable(pipe, False)
        self._reports = os.fdopen(pipe, "w", buffering=1)
        raise_loopback()
        require_apart(outside)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.names]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self._reports.write(json.dumps(data) + "\n")


def plugin(config: pytest.Config) -> Caller | Inside:
    """What this process is for."""
    if orders := os.environ.pop(VARIABLE, ""):
        return Inside(config, **json.loads(orders))
    return Caller(config)
