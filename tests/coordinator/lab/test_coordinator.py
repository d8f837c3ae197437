"""The facade with a real store in memory and a task runner that is told what to answer."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import pytest
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    HardwareClass,
    JobState,
    PassName,
    RawRole,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Selector
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.decisions.steps import ANALYSING, End, Ending, StepLimit, error_of
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.lab.slots import Wish
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.coordinator import (
    BASELINE,
    BUILT,
    EVALUATION,
    LATENCY,
    REFERENCE,
    SECOND_NS,
    SPEC,
    Lab,
    open_lab,
    report_of,
)
from tests.labs.values import RECIPE

T = TypeVar("T")


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as opened:
        yield opened


async def test_a_job_goes_from_submit_to_the_table(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    assert [entry.recipe for entry in assignment.entries] == ["fp32", RECIPE]
    assert [entry.artifact for entry in assignment.entries] == [BASELINE, BUILT]
    for index in range(2):
        assert await lab.leases.report(report_of(assignment, index)) is Disposition.ACCEPTED
    view = await lab.until(job_id, lambda view: view.state is JobState.FINISHED)
    assert [entry.state for entry in view.entries] == [EntryState.ACCEPTED] * 2
    rows = await lab.table()
    assert {row.recipe for row in rows} == {"fp32", RECIPE}
    baseline, candidate = sorted(lab.runner.analysed, key=lambda facts: facts.entry_index)
    assert baseline.is_baseline
    assert lab.runner.references == {REFERENCE}
    assert (candidate.is_baseline, candidate.candidate, candidate.comparisons) == (False, BUILT, 1)


async def test_one_idempotency_key_is_one_job(lab: Lab) -> None:
    await lab.register()
    first = await lab.jobs.submit(SPEC)
    again = await lab.jobs.submit(SPEC)
    assert first == (again[0], True)
    assert again[1] is False
    other = dataclasses.replace(SPEC, model_name="other")
    with pytest.raises(BitgaugeError) as caught:
        await lab.jobs.submit(other)
    assert caught.value.code is Code.IDEMPOTENCY_CONFLICT


async def test_submits_at_once_with_one_key_make_one_job(lab: Lab) -> None:
    await lab.register()
    answers = await asyncio.gather(*(lab.jobs.submit(SPEC) for _ in range(8)))
    assert len({job_id for job_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1


async def test_what_was_not_uploaded_is_named(lab: Lab) -> None:
    await lab.register()
    absent = Digest("9" * 64, 77)
    spec = dataclasses.replace(SPEC, entries=(Entry("", absent, "mine.onnx"),))
    with pytest.raises(BitgaugeError, match=r"mine\.onnx, 999999999999 \(77 bytes\)") as caught:
        await lab.jobs.submit(spec)
    assert caught.value.code is Code.BLOB_MISSING


async def test_a_bad_model_is_refused_before_it_is_a_job(lab: Lab) -> None:
    await lab.register()
    lab.runner.failures = [BadInput(Code.BAD_MODEL, "cut short")]
    with pytest.raises(BitgaugeError, match="cut short"):
        await lab.jobs.submit(SPEC)
    assert await lab.listed(50, active_only=False) == ()


async def test_without_any_device_a_job_is_refused_unless_it_may_wait(lab: Lab) -> None:
    with pytest.raises(BitgaugeError, match="No device has ever registered") as caught:
        await lab.jobs.submit(SPEC)
    assert caught.value.code is Code.NO_MATCHING_DEVICE
    job_id, created = await lab.jobs.submit(dataclasses.replace(SPEC, wait_for_device=True))
    assert created
    await lab.until(job_id, lambda view: view.state is JobState.QUEUED)


async def test_a_selector_that_nothing_meets_is_refused_with_reasons(lab: Lab) -> None:
    await lab.register()
    selector = Selector(hardware_class=HardwareClass.GPU_NVIDIA, device="rpi5")
    with pytest.raises(BitgaugeError, match="bench is not rpi5 and is cpu_only"):
        await lab.jobs.submit(dataclasses.replace(SPEC, selector=selector))


async def test_a_device_that_is_offline_still_counts(lab: Lab) -> None:
    await lab.register()
    lab.clock.now_ns += 3600 * SECOND_NS
    assert (await lab.ask(lab.care.devices))[0].state == "unreachable"
    assert (await lab.jobs.submit(SPEC))[1]


async def test_acquire_waits_for_work(lab: Lab) -> None:
    await lab.register()
    assert await lab.acquire(wait_s=0.01) is None
    waiting = asyncio.create_task(lab.acquire(wait_s=5))
    await asyncio.sleep(0.05)
    job_id, _ = await lab.jobs.submit(SPEC)
    assignment = await asyncio.wait_for(waiting, 5)
    assert assignment is not None
    assert assignment.job_id == job_id


async def test_two_calls_of_one_device_get_one_job(lab: Lab) -> None:
    await lab.submitted()
    answers = await asyncio.gather(lab.acquire(1), lab.acquire(1))
    assert sum(answer is not None for answer in answers) == 1


async def test_an_assignment_that_was_lost_on_the_way_is_given_again(lab: Lab) -> None:
    await lab.submitted()
    lost = await lab.claimed()
    again = await lab.claimed()
    assert (again.job_id, again.epoch) == (lost.job_id, lost.epoch + 1)


async def test_a_caller_that_goes_away_does_not_undo_a_report(lab: Lab) -> None:
    job_id = await lab.submitted()
    assignment = await lab.claimed()
    for index in range(2):
        call = asyncio.create_task(lab.leases.report(report_of(assignment, index)))
        await asyncio.sleep(0)
        call.cancel()
    await lab.until(job_id, lambda view: view.state is JobState.FINISHED)


async def test_a_report_without_its_raw_data_is_refused(lab: Lab) -> None:
    await lab.submitted()
    assignment = await lab.claimed()
    ref = RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("8" * 64, 5))
    with pytest.raises(BitgaugeError) as caught:
        await lab.leases.report(dataclasses.replace(report_of(assignment, 0), raw=(ref,)))
    assert caught.value.code is Code.BLOB_MISSING


async def test_a_lease_runs_out_and_late_results_are_kept_aside(lab: Lab) -> None:
    await lab.submitted()
    late = await lab.claimed()
    assert await lab.leases.renew(late.job_id, late.epoch, late.lease_token, None, 0) == "ok"
    lab.clock.now_ns += 61 * SECOND_NS
    await lab.until(late.job_id, lambda view: view.state is JobState.QUEUED)
    newer = await lab.claimed()
    assert newer.epoch == late.epoch + 1
    assert await lab.leases.renew(late.job_id, late.epoch, late.lease_token, None, 0) == "lost"
    assert await lab.leases.report(report_of(late, 0)) is Disposition.STALE
    assert await lab.leases.report(report_of(newer, 0)) is Disposition.ACCEPTED
    assert await lab.leases.report(report_of(newer, 0)) is Disposition.ACCEPTED


async def test_cancel_reaches_the_agent_with_its_next_renewal(lab: Lab) -> None:
    job_id = await lab.submitted()
    held = await lab.claimed()
    await lab.jobs.cancel(job_id)
    assert await lab.leases.renew(job_id, held.epoch, held.lease_token, None, 0) == "cancel"
    await lab.until(job_id, lambda view: view.state is JobState.CANCELLED)


async def test_equal_builds_are_done_once(lab: Lab) -> None:
    await lab.register()
    jobs = [
        (await lab.jobs.submit(dataclasses.replace(SPEC, idempotency_key=key)))[0]
        for key in ("", "x", "y")
    ]
    for job_id in jobs:
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert lab.runner.built == [
        BuildKey(BASELINE, RECIPE, None, "tool 1", "onnxruntime", "onnx", batch=1)
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
