"""A device on which an artifact becomes wrong and right again, with every part real: the agent
measures, the coordinator finds it, has it measured once more and only then calls the webhook."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.values.history import Regression
from bitgauge.benchmarks.vocabulary.values.jobs import JobView, Overrides, Selector
from bitgauge.coordinator.client.client import Client

from tests.processes.bench import AgentService, patiently, small_job
from tests.processes.conftest import Up

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

DEVICE, RECIPE = "board", "int8-dynamic"
RUNTIME = """
\"\"\"ONNX Runtime, whose integer models answer the class beside while a file is there.\"\"\"

from dataclasses import replace
from pathlib import Path

import numpy as np
from bitgauge.agents.runtimes import ort as real
from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.ort import empty_artifact, prepare

NAME = "turning"
RANK = 5
HINT = "nothing is missing"
TRAITS = Traits(("onnx",), sentinel=real.sentinel_artifact)
_BROKEN = Path({broken!r})


class Turned:
    def __init__(self, session):
        self._session = session

    def __getattr__(self, name):
        return getattr(self._session, name)

    def run(self, feeds):
        return [np.roll(output, 1, axis=1) for output in self._session.run(feeds)]


def probe():
    return replace(real.probe(), name=NAME)


def load(path, options):
    session = real.load(path, options)
    turns = _BROKEN.exists() and b"MatMulInteger" in path.read_bytes()
    return Turned(session) if turns else session
"""


class Hook:
    """A webhook that takes every alert."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.told.append(json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Tests print nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


class Bench:
    """Jobs of one model on one device, and what the coordinator says of their past."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.spec = replace(
            small_job(client, ""),
            runtime="turning",
            selector=Selector(device=DEVICE),
            overrides=Overrides(launches=1, budget_ms=100),
        )

    def measure(self) -> JobView:
        job_id = patiently(lambda: self.client.submit(self.spec)).job_id
        *_, last = self.client.watch(job_id)
        assert last.state is JobState.FINISHED, last
        return last

    def found(self, holds: Callable[[tuple[Regression, ...]], bool]) -> tuple[Regression, ...]:
        """All regressions, once `holds` is so of them."""
        deadline = time.monotonic() + 90
        while not holds(found := patiently(lambda: self.client.regressions(ended=True))):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found


def test_what_became_wrong_is_measured_again_before_anybody_is_told(
    tmp_path: Path, hook: Hook
) -> None:
    broken = tmp_path / "broken"
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/turning.py").write_text(RUNTIME.format(broken=str(broken)))
    up = Up.start(tmp_path / "home", variables={"BITGAUGE_ALERT_WEBHOOK": hook.url})
    agent = AgentService.of(
        up,
        *("--name", DEVICE, "--sandbox", "rlimits"),  # the runtime looks outside its folder
        variables={"BITGAUGE_PLUGIN_PATH": str(tmp_path / "plug")},
    )
    try:
        with up.client() as client:
            bench = Bench(client)
            right = bench.measure()
            assert bench.found(lambda found: True) == ()

            broken.touch()
            wrong = bench.measure()
            # Whatever dies now, it is confirmed by another job, and told once.
            actor = up.find("ray::CoordinatorActor")
            actor.kill()
            psutil.wait_procs([actor], 30)
            found = bench.found(
                lambda found: bool(found) and all(x.state == "confirmed" for x in found)
            )
            assert {one.metric for one in found} == {"accuracy_delta_pp"}
            [one] = found
            confirmed_by = one.confirm_job_id
            assert confirmed_by not in (None, right.job_id, wrong.job_id)
            assert (one.row.model_name, one.row.recipe) == (bench.spec.model_name, RECIPE)
            assert one.after.value is not None
            assert one.after.value < -50
            said = up.bitgauge("regressions", "--fail-on", "confirmed")
            assert (said.returncode, said.stderr) == (1, "")
            deadline = time.monotonic() + 60
            while not hook.told:
                assert time.monotonic() < deadline, "nobody was told"
                time.sleep(0.2)
            assert hook.told[0]["schema"] == "bitgauge.alert/1"
            assert hook.told[0]["regression"]["regression_id"] == one.regression_id

            broken.unlink()
            bench.measure()
            [ended] = bench.found(lambda found: found[0].state != "confirmed")
            assert ended.state == "fixed"
            assert up.bitgauge("regressions", "--fail-on", "confirmed").returncode == 0
            assert len(hook.told) == 1
            # What was measured: four jobs, one of them the coordinator's own.
            jobs = {job.job_id for job in client.jobs()}
            assert len(jobs) == 4
            assert confirmed_by in jobs
    finally:
        agent.end()
        left = up.stop()
    assert left == []
