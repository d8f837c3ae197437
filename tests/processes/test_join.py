"""Attaching a device with one line: real processes, TLS, a job, revocation; surprise sockets."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint

from tests.labs.agent import known_kernels

from .conftest import BITGAUGE, Up, environment

AGENT = str(Path(sys.executable).with_name("bitgauge-agent"))
LIFE_S = 12.0
_LINE = re.compile(r"bitgauge-join://\S+")
_TLS = re.compile(r"over TLS at (\S+),")
_LATE_S = 30.0


def run(arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One `bitgauge` command and how it ended."""
    command = [BITGAUGE, *arguments]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@dataclass
class Board:
    """A second machine, as far as files and processes go."""

    home: Path
    process: subprocess.Popen[str]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def lines_until(self, words: str) -> str:
        """What the agent printed up to the line with `words`."""
        assert self.process.stdout is not None
        seen = ""
        for line in self.process.stdout:
            seen += line
            if words in line:
                return seen
        raise AssertionError(f"it ended: {seen}")


@dataclass
class Joined:
    """A coordinator with TLS and a device that joined it."""

    up: Up
    line: str
    tls: str
    board: Board

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `bitgauge` beside the coordinator."""
        env = {**environment(self.up.home), "BITGAUGE_COORDINATOR": self.up.address}
        return run([*arguments], env)


def spoken(up: Up, pattern: re.Pattern[str]) -> str:
    """The first match in what `bitgauge up` prints."""
    deadline = time.monotonic() + _LATE_S
    while time.monotonic() < deadline:
        for line in up.lines:
            if found := pattern.search(line):
                return found[found.re.groups]
        time.sleep(0.05)
    raise AssertionError(up.lines)


def start_agent(home: Path, *arguments: str, stdin: str = "") -> Board:
    process = subprocess.Popen(
        [AGENT, *arguments],
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    return Board(home, process)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joined]:
    up = Up.start(
        tmp_path_factory.mktemp("home"),
        *("--listen", "127.0.0.1:0", "--certificate-days", str(LIFE_S / 86_400)),
    )
    with contextlib.ExitStack() as ending:
        ending.callback(up.stop)
        line = spoken(up, _LINE)
        home = tmp_path_factory.mktemp("board")
        ending.enter_context(known_kernels(home / "agent"))
        board = start_agent(home, "join", "-", "--name", "board", stdin=line + "\n")
        ending.callback(board.end)
        yield Joined(up, line, spoken(up, _TLS), board)


def test_a_device_joins_and_a_job_runs_on_it_while_certificates_change(joined: Joined) -> None:
    said = joined.board.lines_until("Registered board")
    assert "Joined 127.0.0.1:" in said
    assert joined.line.rpartition("/")[2] not in said
    started = time.monotonic()
    done = joined.cli(
        *("run", "--baseline", str(zoo.models()[0].path), "--eval", str(zoo.evaluation_path())),
        *("--recipes", "int8-dynamic", "--on", "board", "--json"),
        *("--launches", "1", "--warm-up", "20ms", "--budget", "500ms"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["jobs"][0]["state"] == "finished"
    time.sleep(max(0.0, LIFE_S + 1.0 - (time.monotonic() - started)))
    (device,) = json.loads(joined.cli("devices", "--json").stdout)
    assert device["description"]["name"] == "board"
    assert device["state"] == "idle"
    assert device["certificate_expires_unix_ns"] > time.time_ns()


def test_no_secret_is_in_arguments_or_logs(joined: Joined) -> None:
    enrolment = json.loads((joined.board.home / "agent" / "enrolment.json").read_text())
    secrets = {
        "join line": joined.line.rpartition("/")[2],
        "agent token": enrolment["token"],
        "admin token": (joined.up.home / "tokens" / "user").read_text().strip(),
        "ray token": (joined.up.home / "ray-token").read_text().strip(),
        "key": enrolment["key_pem"].splitlines()[1],
    }
    processes = [*joined.up.tree(), psutil.Process(joined.board.process.pid)]
    arguments = " ".join(" ".join(process.cmdline()) for process in processes)
    logs = b"".join(
        path.read_bytes() for path in joined.up.home.glob("logs/**/*") if path.is_file()
    )
    database = b"".join(path.read_bytes() for path in joined.up.home.glob("store.db*"))
    for name, secret in secrets.items():
        assert secret not in arguments, name
        assert secret.encode() not in logs + database, name


def test_people_come_with_a_token_over_tls(joined: Joined) -> None:
    token = joined.cli("token", "create", "reader", "--role", "read").stdout.strip()
    path = joined.board.home / "reader"
    path.write_text(token)
    with Client(Endpoint(joined.tls, None, path)) as client:
        assert [view.description.name for view in client.devices()] == ["board"]
    refused = joined.cli("join-line", "--coordinator", joined.tls, "--token-file", str(path))
    assert refused.returncode == 2
    assert "role read" in refused.stderr
    listed = joined.cli("token", "list").stdout
    assert "reader" in listed
    assert token.partition("@")[0] not in listed


def test_a_used_line_is_refused(joined: Joined, tmp_path: Path) -> None:
    second = start_agent(tmp_path, "join", joined.line, "--name", "second")
    second.process.wait(30)
    assert second.process.stdout is not None
    said = second.process.stdout.read()
    second.end()
    assert second.process.returncode == 3
    assert "has been used" in said
    assert len(said.splitlines()) == 1


def test_a_device_comes_back_by_itself_and_goes_when_revoked(joined: Joined) -> None:
    joined.board.end()
    again = start_agent(joined.board.home, "run")
    try:
        again.lines_until("Registered board")
        done = joined.cli("agents", "revoke", "board")
        assert done.returncode == 0, done.stderr
        assert again.process.wait(10) == 3
    finally:
        again.end()


SURPRISE = """
import atexit, pathlib, socket
if {where!r} in pathlib.Path("/proc/self/cmdline").read_text():
    surprise = socket.create_server(("0.0.0.0", 0))
    atexit.register(surprise.close)
"""


@pytest.mark.parametrize("where", ["default_worker", "log_monitor"])
def test_a_socket_that_nobody_expects_keeps_the_coordinator_from_serving(
    tmp_path: Path, where: str
) -> None:
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(SURPRISE.format(where=where))
    env = {**environment(tmp_path / "home"), "PYTHONPATH": str(hook)}
    ended = run(["up", "--port", "0"], env)
    assert ended.returncode == 1
    assert re.search(r"Process \d+ \(.+\) listens on 0\.0\.0\.0:\d+", ended.stderr), ended.stderr
    assert "serving" not in ended.stderr
