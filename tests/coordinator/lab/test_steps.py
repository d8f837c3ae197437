"""Builds and analyses at work: done once, tried again, or data of their job."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, FailureGroup, JobState
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.decisions.steps import ANALYSING, End, Ending, StepLimit, error_of
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.lab.slots import Wish
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.coordinator import BASELINE, EVALUATION, LATENCY, SPEC, Lab, report_of
from tests.labs.values import RECIPE

T = TypeVar("T")


async def test_equal_builds_are_done_once(lab: Lab) -> None:
    await lab.register()
    jobs = [
        (await lab.jobs.submit(dataclasses.replace(SPEC, idempotency_key=key)))[0]
        for key in ("", "x", "y")
    ]
    for job_id in jobs:
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert lab.runner.built == [
        BuildKey(BASELINE, RECIPE, None, "tool 1", "onnxruntime", "onnx", 1, "onnx")
    ]


async def test_a_build_that_fails_is_data_of_its_job(lab: Lab) -> None:
    await lab.register()
    lab.runner.failures = []
    job_id, _ = await lab.jobs.submit(dataclasses.replace(SPEC, wait_for_device=True))
    await lab.until(job_id, lambda view: view.state is JobState.QUEUED)

    spec = dataclasses.replace(SPEC, baseline=EVALUATION, idempotency_key="2")

    async def build(key: BuildKey) -> BuildOutcome:
        raise BadInput(Code.BUILD_FAILED, "the quantizer stumbled")

    lab.runner.build = build  # type: ignore[method-assign]
    job_id, _ = await lab.jobs.submit(spec)
    view = await lab.until(job_id, lambda view: view.entries[1].state is EntryState.FAILED)
    assert "stumbled" in (view.entries[1].reason or "")


async def test_a_step_that_was_lost_is_tried_once_more_and_not_twice(lab: Lab) -> None:
    await lab.register()
    lost = Unavailable(Code.TASK_LOST, "gone")
    lab.runner.failures = [lost]
    job_id, _ = await lab.jobs.submit(SPEC)
    lab.runner.failures = [lost, lost]
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert view.entries[1].reason == "gone"
    assert lab.runner.built == []


async def test_raw_data_that_gives_no_numbers_fails_its_entry_and_ends_the_job(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    lab.runner.failures = [BadInput(Code.BAD_RAW, "damaged"), BadInput(Code.BAD_RAW, "damaged")]
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    view = await lab.until(job_id, lambda view: view.state is JobState.FAILED)
    assert "damaged" in (view.entries[0].reason or "")
    assert {row.failure_group for row in await lab.table()} == {FailureGroup.DEVICE}
    assert lab.runner.analysed == []  # once each, and never again


async def test_a_step_that_raw_data_ended_is_the_device_s(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    lab.runner.failures = [error_of(Ending(End.MEMORY, StepLimit(1.0, 1)), ANALYSING)] * 2
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    await lab.until(job_id, lambda view: view.state is JobState.FAILED)
    assert {row.failure_group for row in await lab.table()} == {FailureGroup.DEVICE}


async def test_evidence_of_another_lease_is_refused_and_its_own_is_taken_again(lab: Lab) -> None:
    await lab.submitted()
    first = await lab.claimed()
    for index in range(2):
        await lab.leases.report(report_of(first, index))
    await lab.submitted(dataclasses.replace(SPEC, idempotency_key="other"))
    second = await lab.claimed()
    borrowed = dataclasses.replace(report_of(second, 0), raw=report_of(first, 0).raw)
    with pytest.raises(BadInput, match="which is of run") as error:
        await lab.leases.report(borrowed)
    assert error.value.code is Code.BAD_EVIDENCE
    assert await lab.leases.report(report_of(second, 0)) is Disposition.ACCEPTED
    assert await lab.leases.report(report_of(second, 0)) is Disposition.ACCEPTED
    with pytest.raises(BadInput, match="names no raw file"):
        await lab.leases.report(dataclasses.replace(report_of(second, 1), raw=()))


async def test_numbers_that_cannot_be_stored_end_the_job_in_one_sentence(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    lab.runner.metrics = (LATENCY, LATENCY)  # the store holds one of a kind
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    view = await lab.until(job_id, lambda view: view.state is JobState.FAILED)
    for entry in view.entries:
        assert "Analysing the run failed by a defect of Bitgauge" in (entry.reason or "")
    tried = len(lab.runner.analysed)
    assert tried == 4  # twice each
    await asyncio.sleep(0.2)
    assert len(lab.runner.analysed) == tried


async def test_a_full_disk_is_waited_for_when_numbers_are_stored(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [Unavailable(Code.DISK_FULL, "full")] * 5
    change = lab.writer.change

    async def changed(work: Callable[[Store], T]) -> T:
        if lab.runner.analysed and full:
            raise full.pop()
        return await change(work)

    job_id = await lab.submitted()
    assignment = await lab.claimed()
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    monkeypatch.setattr(lab.writer, "change", changed)
    await lab.until(job_id, lambda view: view.state is JobState.FINISHED)
    assert not full


async def test_an_end_that_cannot_be_recorded_is_not_tried_for_ever(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def refuses(_store: Store, *told: object) -> None:
        tried.append(told)
        raise RuntimeError("never")

    monkeypatch.setattr(Store, "analysed", refuses)
    monkeypatch.setattr(Store, "analysis_failed", refuses)
    await lab.submitted()
    assignment = await lab.claimed()
    await lab.leases.report(report_of(assignment, 0))
    await asyncio.sleep(0.5)
    assert len(tried) == 3  # twice its numbers, once that there are none


async def test_what_ended_while_it_was_found_pending_is_not_done_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = lab.writer.call

    async def late(work: Callable[[Store], T], *, first: bool = False) -> T:
        found = await quick(work, first=first)
        if isinstance(found, tuple) and len(found) == 3:  # what is pending, of which much may end
            await asyncio.sleep(0.05)
        return found

    analyse = lab.runner.analyse

    async def slow(*told: Any) -> Analysis:
        found = await analyse(*told)
        await asyncio.sleep(0.1)
        await lab.writer.changes.announce()  # Somebody looks for what is pending just now.
        await asyncio.sleep(0.02)
        return found

    monkeypatch.setattr(lab.writer, "call", late)
    monkeypatch.setattr(lab.runner, "analyse", slow)
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    await lab.until(job_id, lambda view: view.state is JobState.FINISHED)
    await asyncio.sleep(0.5)
    assert len(lab.runner.analysed) == 2
    assert len(lab.runner.built) == 1


async def test_reanalysis_compares_bit_by_bit(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    with pytest.raises(BitgaugeError):
        await lab.parts.analyses.again(run_id(job_id, 1, 0), "ann")
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    await lab.until(job_id, lambda view: view.state is JobState.FINISHED)
    run = run_id(job_id, assignment.epoch, 1)
    assert (await lab.parts.analyses.again(run, "ann")).identical
    lab.runner.metrics = (dataclasses.replace(LATENCY, value=0.3),)
    changed = await lab.parts.analyses.again(run, "ann")
    assert not changed.identical
    assert (await lab.ask(lambda store: store.run(run))).metrics == (LATENCY,)


async def test_a_reanalysis_stands_in_the_line_of_who_asks(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    for index in range(2):
        await lab.leases.report(report_of(assignment, index))
    await lab.until(job_id, lambda view: view.state is JobState.FINISHED)
    slots, in_line_of = lab.parts.analyses.builds.slots, list[str]()
    taken = slots.taken

    def seen(wish: Wish, *told: Any) -> Any:
        in_line_of.append(wish.user)
        return taken(wish, *told)

    monkeypatch.setattr(slots, "taken", seen)
    await lab.parts.analyses.again(run_id(job_id, assignment.epoch, 1), "mallory")
    assert in_line_of == ["mallory"]


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": " "},
        {"workload": dataclasses.replace(SPEC.workload, batch=0)},
        {"workload": dataclasses.replace(SPEC.workload, threads=-1)},
        {"deadline_s": 0},
        {"accuracy_margin_pp": float("nan")},
        {"entries": (Entry(""),)},
    ],
)
async def test_nonsense_is_one_sentence(lab: Lab, change: dict[str, object]) -> None:
    await lab.register()
    with pytest.raises(BitgaugeError, match=r"can not be taken: .*\.") as caught:
        await lab.jobs.submit(dataclasses.replace(SPEC, **change))  # type: ignore[arg-type]
    assert caught.value.code is Code.BAD_ARGUMENT
