"""A baseline that is not in order is measured in order, and the job says what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.values.campaigns import Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.lab.campaigns import plan

from tests.labs.coordinator import BASELINE, EVALUATION, ORDERED, SPEC, Lab, open_lab
from tests.labs.values import RECIPE

NOTES = ("initializers were listed as inputs: 26", "opset 9 to 13")


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as opened:
        opened.runner.disorder = NOTES
        yield opened


async def test_it_is_the_baseline_of_the_job_and_its_entries(lab: Lab) -> None:
    twice = replace(SPEC, entries=(*SPEC.entries, Entry("", BASELINE, "again.onnx")))
    job_id = await lab.submitted(twice)
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert (view.original, view.order) == (BASELINE, NOTES)
    assignment = await lab.claimed()
    assert assignment.baseline == ORDERED
    assert assignment.entries[0].artifact == ORDERED
    assert assignment.entries[-1].artifact == ORDERED
    assert [key.model for key in lab.runner.built] == [BASELINE, ORDERED], "built from it"


async def test_it_is_put_in_order_once(lab: Lab) -> None:
    first = await lab.submitted(replace(SPEC, idempotency_key="k"))
    assert await lab.jobs.submit(replace(SPEC, idempotency_key="k")) == (first, False)
    await lab.jobs.submit(SPEC)
    orders = [key for key in lab.runner.built if key.recipe == "order"]
    assert [(key.model, key.calibration) for key in orders] == [(BASELINE, EVALUATION)]


async def test_what_is_asked_of_it_is_part_of_what_is_kept(lab: Lab) -> None:
    await lab.submitted(replace(SPEC, float32=True, dims=(StackItem("S", "16"),)))
    assert lab.runner.built[0].recipe == "order float32 S=16"
    model = SuiteModel("m", BASELINE, EVALUATION, dims=(StackItem("S", "16"),), float32=True)
    suite = Suite("edge", (model, replace(model, name="other", dims=())), (RECIPE,))
    found = await lab.ask(lambda store: plan.in_order(store, suite))
    assert found.models[0] == SuiteModel("m", ORDERED, EVALUATION), "which holds what was asked"
    assert found.models[1] == suite.models[1], "nobody asked for that yet"


async def test_measured_again_it_still_says_what_it_was(lab: Lab) -> None:
    await lab.submitted()
    await lab.ask(lambda store: store.record_blob(ORDERED, 1))
    lab.runner.disorder = ()
    stale = replace(SPEC, baseline=ORDERED, entries=(), idempotency_key="")
    view = await lab.jobs.view((await lab.jobs.submit(stale))[0])
    assert (view.original, view.order) == (BASELINE, NOTES)
    assert await lab.ask(lambda store: store.in_order(BASELINE)) == ORDERED
    assert await lab.ask(lambda store: store.in_order(ORDERED)) == ORDERED


async def test_another_tool_in_between_is_no_other_request(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(SPEC, idempotency_key="k")
    first = await lab.submitted(spec)
    monkeypatch.setattr(lab.runner, "toolchain", lambda _asked: "tool 2")
    lab.runner.disorder = ("opset 9 to 14",)
    assert await lab.jobs.submit(spec) == (first, False)


async def test_a_job_cannot_say_itself_where_its_baseline_comes_from(lab: Lab) -> None:
    lab.runner.disorder = ()
    forged = replace(SPEC, original=ORDERED, order=("all is well",))
    view = await lab.jobs.view(await lab.submitted(forged))
    assert (view.original, view.order) == (None, ())
