"""SIGKILL of each part in the middle of a job: it finishes, each result once, nothing left over."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

from .bench import (
    RECIPE,
    AgentService,
    accepted,
    in_the_middle,
    patiently,
    require_none_left,
    small_job,
)
from .conftest import Up

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]


@dataclass
class Bench:
    """A coordinator and an agent on one machine."""

    up: Up
    agent: AgentService
    killed: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    up = Up.start(tmp_path_factory.mktemp("bench"))
    agent = AgentService.of(up)
    yield Bench(up, agent)
    agent.end()
    up.stop()
    require_none_left(up.home)


def kill(bench: Bench, victim: str) -> None:
    bench.killed.append(victim)
    if victim == "child":
        bench.agent.child().kill()
    elif victim == "agent":
        bench.agent.process.kill()
    elif victim == "actor":
        bench.up.find("ray::CoordinatorActor").kill()
    else:
        bench.up.find("bitgauge.coordinator.cluster.driver").kill()


@pytest.mark.parametrize("victim", ["child", "agent", "actor", "driver"])
def test_a_job_outlives_its_parts(bench: Bench, victim: str) -> None:
    with bench.up.client() as client:
        job_id = client.submit(small_job(client, victim)).job_id
        acknowledged: dict[int, list[str]] = {}
        view = client.job(job_id)
        for view in client.watch(job_id):
            if not acknowledged and in_the_middle(view):
                acknowledged = accepted(client.runs(job_id))
                kill(bench, victim)
        assert acknowledged, "the job was over before anything could be killed"
        assert view.state is JobState.FINISHED
        assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
        attempts = patiently(lambda: client.runs(job_id))
        results = accepted(attempts)
        if victim == "child":  # the attempt that was killed stays visible
            assert [run.failure.code for run in attempts if run.failure] == ["killed"]
        assert {index: len(runs) for index, runs in results.items()} == {0: 1, 1: 1}
        assert all(results[index] == runs for index, runs in acknowledged.items())
        rows = client.table(TableQuery(job_id=job_id))
        assert {row.recipe for row in rows} == {"fp32", RECIPE}
        assert client.submit(small_job(client, victim)).job_id == job_id


def test_what_was_killed_was_started_again_and_no_more(bench: Bench) -> None:
    killed = collections.Counter(bench.killed)
    said = " ".join(bench.up.lines)
    assert bench.agent.starts == 1 + killed["agent"]
    assert said.count("actor has ended") == killed["actor"]
    assert said.count("driver has ended") == killed["driver"]
    assert said.count("serving again on") == killed["actor"] + killed["driver"]
