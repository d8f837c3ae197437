"""Which cores an agent keeps to is what its children run on, and stands in every result."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from bitgauge.agents.host.cores import keep_to, listed
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.vocabulary.enums import PassName

from tests.labs.agent import Lab
from tests.processes.bench import BRIEF


@pytest.fixture
def one_core() -> Iterator[str]:
    """The last of the processors that this process may use, as `--cores` names it."""
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        pytest.skip("NOT RUN: missing hardware, a choice among cores takes two")
    chosen = listed([max(mine)])
    keep_to(chosen)
    yield chosen
    os.sched_setaffinity(0, mine)


async def test_what_ran_on_chosen_cores_says_which(lab: Lab, one_core: str) -> None:
    model = next(one.path for one in zoo.models() if one.name == "digits-mlp")
    evaluation = zoo.evaluation_path().read_bytes()
    passes = (PassName.ABSOLUTE,)
    lab.assignment(
        [model.read_bytes()],
        runtime="onnxruntime",
        evaluation=evaluation,
        passes=passes,
        overrides=BRIEF,
    )
    async with lab.agent():
        (report,) = await lab.reports(1, timeout_s=120)
    (device,) = lab.coordinator.devices
    assert report.failure is None
    assert device.core_count == 1
    for stack in (device.stack, report.stack):
        assert {one.name: one.value for one in stack}["cores"] == one_core
    metas = [read_raw(lab.coordinator.blobs[ref.digest.sha256]).meta for ref in report.raw]
    before = [meta["preflight"] for meta in metas if "preflight" in meta]
    assert {facts["cpuset"] for facts in before if isinstance(facts, dict)} == {one_core}
