"""What listens at adb's port is asked by its own protocol first: adb would end or start it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.agents.devices.android import listing
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

CLIENT = 41


@pytest.fixture(autouse=True)
def adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of adb of version 41 that leaves a trace when it is asked for anything else."""
    program, trace = tmp_path / listing.ADB, tmp_path / "asked"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = version ] || {{ touch {trace}; exit 0; }}\n'
        f"echo Android Debug Bridge version 1.0.{CLIENT}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return trace


@contextlib.contextmanager
def server(answer: bytes) -> Iterator[int]:
    """The port of what answers every call with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    with line:
                        line.recv(64)
                        line.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def version(number: int) -> bytes:
    """A server of adb says so: four hexadecimal digits, after their count."""
    return b"OKAY0004%04x" % number


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (version(31), f"it has version 31, and the program adb has {CLIENT}"),
        (version(CLIENT + 1), f"it has version {CLIENT + 1}, and the program adb has {CLIENT}"),
        (b"HTTP/1.1 400 Bad Request\r\n", "it does not answer as adb does"),
        (b"", "it does not answer as adb does"),
    ],
)
def test_another_server_is_refused_and_left_alone(adb: Path, answer: bytes, says: str) -> None:
    with server(answer) as port, pytest.raises(Unavailable) as refused:
        listing.ask(port)
    assert refused.value.code is Code.ADB_SERVER
    assert f"at port {port}: {says}." in refused.value.sentence
    assert not adb.exists(), "adb itself would have ended it"


def test_a_server_of_the_same_version_is_asked(adb: Path) -> None:
    with server(version(CLIENT)) as port:
        assert listing.ask(port) == ()
    assert adb.exists()


def test_none_is_started_where_none_runs(adb: Path) -> None:
    with server(version(CLIENT)) as port:
        pass
    with pytest.raises(Unavailable, match=f"No server of adb runs at port {port}") as refused:
        listing.ask(port)
    assert refused.value.code is Code.ADB_SERVER
    assert not adb.exists()
