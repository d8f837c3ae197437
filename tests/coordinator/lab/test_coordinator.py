"""The facade with a real store in memory and a task runner that is told what to answer."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    HardwareClass,
    JobState,
    PassName,
    RawRole,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Selector
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from tests.labs.coordinator import BASELINE, BUILT, REFERENCE, SECOND_NS, SPEC, Lab, report_of
from tests.labs.values import RECIPE


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
