"""A refresh whose coordinator is killed three times ends as one that nobody disturbed."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import CampaignState, Disposition, RunStatus
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, RefreshOrder
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.suites import read_suite
from bitgauge.coordinator.client.upload import upload
from bitgauge.coordinator.decisions.campaigns import ENDED

from tests.processes.bench import AgentService, patiently, require_none_left
from tests.processes.conftest import Up

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]

RECIPES = ("fp32", "fp16", "int8-dynamic", "int4-wo-b32")
BATCHES = (1, 8)
# When something is settled for the n-th time, this part of the coordinator is killed.
KILLS = {
    1: "bitgauge.coordinator.cluster.driver",
    3: "ray::CoordinatorActor",
    6: "bitgauge.coordinator.cluster.driver",
}
PATIENCE_S = 400.0
SUITE = """
name = "small"
recipes = ["fp16", "int8-dynamic", "int4-wo-b32"]
[[model]]
zoo = "digits-mlp"
[[workload]]
batch = 1
[[workload]]
batch = 8
[overrides]
launches = 1
budget = "50 ms"
warm_up = "20 ms"
"""


@dataclass
class Outcome:
    view: CampaignView
    cells: set[object]
    rows: set[object]
    diff: set[tuple[object, ...]]
    killed: list[str] = field(default_factory=list)


@contextmanager
def lab(home: Path) -> Iterator[tuple[Up, Client]]:
    up = Up.start(home)
    agent = AgentService.of(up)
    try:
        with Client(Endpoint(up.address, None, up.home / "tokens" / "user")) as client:
            yield up, client
    finally:
        agent.end()
        up.stop()
    require_none_left(home)


def acknowledged(client: Client, view: CampaignView) -> dict[tuple[str, int], str]:
    """The run that was taken for each entry so far."""
    found: dict[tuple[str, int], str] = {}
    for job in view.jobs:
        for run in patiently(partial(client.runs, job.job_id)) if job.job_id else ():
            if run.disposition is Disposition.ACCEPTED:
                assert (run.job_id, run.entry_index) not in found, "an entry was measured twice"
                found[run.job_id, run.entry_index] = run.run_id
    return found


def refreshed(home: Path, suite: Path, kills: dict[int, str]) -> Outcome:
    """Refresh, with the coordinator killed whenever so many entries are settled."""
    local = read_suite(str(suite))
    left, killed = dict(kills), []
    with lab(home) as (up, client):
        deadline = time.monotonic() + PATIENCE_S
        while not any(view.state == "idle" for view in patiently(client.devices)):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        patiently(lambda: upload(client, local.files))
        order = RefreshOrder(suite=local.suite)
        view = patiently(lambda: client.start_campaign(order, "once")).campaign
        known: dict[tuple[str, int], str] = {}
        while view.state not in ENDED:
            assert time.monotonic() < deadline, view
            view = patiently(partial(client.campaign, view.campaign_id))
            now = acknowledged(client, view)
            assert known.items() <= now.items(), "an acknowledged result was replaced"
            known = now
            due = [number for number in left if len(known) >= number]
            if due and view.state not in ENDED:
                words = left.pop(due[0])
                up.find(words).kill()
                killed.append(words)
            time.sleep(0.1)
        assert patiently(lambda: client.start_campaign(order, "once")).campaign == view
        require_measured_once(client, view, known)
        return Outcome(
            view=view,
            cells={
                (cell.key, cell.state, cell.recipe, cell.best and cell.best.pass_rate)
                for cell in patiently(client.cells)
                if cell.source is None
            },
            rows={
                (row.model_name, row.recipe, row.workload, row.state, row.runtime, row.overrides)
                for row in patiently(lambda: client.table(TableQuery()))
            },
            diff={(one.kind, one.recipe, one.workload, one.after) for one in view.diff},
            killed=killed,
        )


def require_measured_once(
    client: Client, view: CampaignView, known: dict[tuple[str, int], str]
) -> None:
    """Each entry was measured once; what was cut short by a kill was never acknowledged."""
    jobs = patiently(lambda: client.jobs(limit=100))
    assert {job.job_id for job in jobs} == {job.job_id for job in view.jobs}
    measured: collections.Counter[tuple[str, int]] = collections.Counter()
    for job in jobs:
        for run in patiently(partial(client.runs, job.job_id)):
            measured[run.job_id, run.entry_index] += run.status is RunStatus.MEASURED
    assert set(measured) == set(known)
    assert set(measured.values()) == {1}


def test_killed_three_times_it_ends_with_the_same_cells(tmp_path: Path) -> None:
    suite = tmp_path / "small.toml"
    suite.write_text(SUITE)
    calm = refreshed(tmp_path / "calm", suite, {})
    killed = refreshed(tmp_path / "killed", suite, KILLS)
    assert len(killed.killed) == len(KILLS)
    for one in (calm, killed):
        assert one.view.state is CampaignState.FINISHED
        assert len(one.view.jobs) == len(BATCHES)
        assert len(one.rows) == len(BATCHES) * len(RECIPES)
    assert killed.cells == calm.cells
    assert killed.rows == calm.rows
    assert killed.diff == calm.diff
    assert {one[0] for one in calm.diff} == {"new"}
