"""Each process of a lab is stopped for a while in the middle of a job, and goes on: SIGSTOP."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil
import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.jobs import JobView

from tests.processes.bench import AgentService, accepted, patiently, small_job
from tests.processes.conftest import BITGAUGE, Up, environment

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

BRIEFLY_S = 1.0
LONG_S = 3.5
"""Longer than a lease lives here, which is 3 s: none of it is any agent's silence."""
PATIENCE_S = 90.0


@dataclass
class Bench:
    """A coordinator and an agent on one machine."""

    up: Up
    agent: AgentService
    stopped: list[str] = field(default_factory=list)

    def find(self, name: str) -> psutil.Process:
        """One of the processes that a job needs, once it is there."""
        if name == "child":
            return self.agent.child()
        if name == "agent":
            return psutil.Process(self.agent.process.pid)
        if name == "supervisor":
            return psutil.Process(self.up.process.pid)
        words = {
            "actor": "ray::CoordinatorActor",
            "driver": "bitgauge.coordinator.cluster.driver",
            "nursery": "bitgauge.coordinator.tasks.nursery",
        }[name]
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for process in self.up.tree()[1:]:
                with contextlib.suppress(psutil.Error):
                    if words in " ".join(process.cmdline()):
                        return process
            time.sleep(0.05)
        raise AssertionError(f"there is no {name}")

    def stop(self, name: str, seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
        """Stop one of them for so long; it may have ended by itself."""
        self.stopped.append(name)
        began = time.monotonic()
        with contextlib.suppress(psutil.NoSuchProcess):
            process = self.find(name)
            process.suspend()
            try:
                if meanwhile is not None:
                    meanwhile()
                time.sleep(max(0.0, seconds - (time.monotonic() - began)))
            finally:
                process.resume()

    def second(self) -> None:
        """Another coordinator on the same state folder is refused, and changes nothing."""
        ended = subprocess.run(
            [BITGAUGE, "up", "--port", "0"],
            env=environment(self.up.home),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode != 0
        assert "already works on" in ended.stderr, ended.stderr


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    up = Up.start(tmp_path_factory.mktemp("stopped"))
    agent = AgentService.of(up)
    yield Bench(up, agent)
    agent.end()
    up.stop()


def followed(bench: Bench, key: str, between: Callable[[JobView], None]) -> JobView:
    """A job to its end, with `between` called while it is measured."""
    with bench.up.client() as client:
        job_id = client.submit(small_job(client, key)).job_id
        if key == "building":
            bench.stop("nursery", BRIEFLY_S)
        deadline = time.monotonic() + PATIENCE_S
        view = client.job(job_id)
        while view.state is not JobState.FINISHED:
            assert time.monotonic() < deadline, view
            if view.state is JobState.LEASED and view.progress is not None:
                between(view)
            time.sleep(0.1)
            with contextlib.suppress(BitgaugeError):
                view = client.job(job_id)
        assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
        runs = patiently(lambda: client.runs(job_id))
        assert {index: len(ids) for index, ids in accepted(runs).items()} == {0: 1, 1: 1}
        return view


def test_a_job_outlives_a_stop_of_each_process(bench: Bench) -> None:
    """Once each while it builds or measures, the actor for longer than a lease lives."""
    left = ["supervisor", "child", "driver", "agent", "actor"]

    def stop_next(_: JobView) -> None:
        if left:
            name = left.pop(0)
            if name == "actor":
                bench.stop(name, LONG_S, bench.second)
            else:
                bench.stop(name, BRIEFLY_S)

    followed(bench, "building", stop_next)
    if left:  # it was over before: the rest is stopped in the next one
        followed(bench, "again", stop_next)
    assert bench.stopped == ["nursery", "supervisor", "child", "driver", "agent", "actor"]


def test_nothing_was_started_again_for_it(bench: Bench) -> None:
    said = " ".join(bench.up.lines)
    assert bench.agent.starts == 1
    assert "has ended" not in said, said
