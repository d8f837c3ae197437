"""A real coordinator whose webhook takes an alert and never says a word."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.coordinator.store.store import Store

from tests.labs.rooms.past import SATURATED, judge, measure
from tests.labs.store import ENTRIES, Lab, spec

from .conftest import Up

SECRET = "n0b0dy-sh4ll-see"


class Silent:
    """A webhook that reads what it gets and answers nothing, until it is told to."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/{SECRET}"
        self.told: list[bytes] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            got = b""
            while b"\r\n\r\n" not in got or not got.endswith(b"}"):
                part = connection.recv(65_536)
                if not part:
                    break
                got += part
            self.told.append(got)

    def close(self) -> None:
        self._server.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    hook = Silent()
    yield hook
    hook.close()


def with_a_confirmed_regression(home: Path) -> str:
    """A store as a coordinator left it: saturation appeared and was there once more."""
    home.mkdir(mode=0o700)
    lab = Lab(Store.open(home / "store.db"))
    lab.register()
    measure(lab)
    judge(lab)
    measure(lab, lab.submit(spec(entries=ENTRIES[:2])), saturated_pct=SATURATED)
    [one] = judge(lab)
    measure(lab, one.confirm_job_id, saturated_pct=SATURATED)
    judge(lab)
    lab.store.close()
    return one.regression_id


def test_an_alert_that_hangs_is_one_sentence_and_everything_else_goes_on(
    tmp_path: Path, silent: Silent
) -> None:
    home = tmp_path / "home"
    one = with_a_confirmed_regression(home)
    up = Up.start(home, variables={"BITGAUGE_ALERT_WEBHOOK": silent.url})
    try:
        deadline = time.monotonic() + 60
        while True:
            asked = time.monotonic()
            said = up.bitgauge("regressions", "--fail-on", "confirmed")
            assert time.monotonic() - asked < 30
            assert said.returncode == 1, said.stderr
            if "not delivered" in said.stdout:
                break
            assert time.monotonic() < deadline, said.stdout
        flat = " ".join(said.stdout.split())
        host = silent.url.split("/")[2]
        assert f"not delivered after 1 attempt: the webhook at {host} did not answer" in flat
        body = json.loads(silent.told[0].partition(b"\r\n\r\n")[2])
        assert body["regression"]["regression_id"] == one
        # The rest of the past, over the wire.
        with up.client() as client:
            [found] = client.histories(HistoryQuery(recipe="int8-dynamic", metric="saturated_pct"))
            assert [point.value.value for point in found.points] == [0.0, 0.3, 0.3]
            runs = [found.points[0].run_id, found.points[1].run_id]
            comparison = client.compare(CompareQuery(runs[0], runs[1]))
            [change] = [x for x in comparison.rows[0].metrics if x.key == "saturated_pct"]
            assert change.verdict == "regressed"
            assert [x.regression_id for x in client.regressions()] == [one]
        said = up.bitgauge("history", "annotate", one[:8], "--note", "known")
        assert said.stdout == f"The baseline of 1 row restarts. {one[:8]} is explained.\n"
        assert up.bitgauge("regressions", "--fail-on", "confirmed").returncode == 0
        again = up.bitgauge("history", "annotate", one[:8], "--note", "known")
        assert (again.returncode, again.stderr.count("\n")) == (1, 1)
        for process in up.tree():
            assert SECRET not in " ".join(process.cmdline())
    finally:
        left = up.stop()
    assert left == []
    log = (home / "logs" / "coordinator.log").read_text()
    assert f"the webhook at {host} did not answer within 10 s" in log
    assert not any(SECRET in path.read_text() for path in (home / "logs").glob("*.log"))
