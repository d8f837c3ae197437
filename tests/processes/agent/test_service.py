"""The real agent against a coordinator in this process."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import psutil
import pytest
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.execution.plan import plan_passes
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.raw.quality import judged_of, quality_samples
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, PassName, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry
from bitgauge.protos.v1 import agent_pb2

from tests.labs.agent import SAMPLES, Lab, fake_artifact, until
from tests.labs.rooms.spooled import BASELINE, is_empty, spool_of

CANDIDATE = fake_artifact(offset=0.5)


def children() -> list[psutil.Process]:
    """The measuring children below this process; other tests may run a coordinator beside."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "bitgauge.agents.worker.worker" in one.cmdline():
                found.append(one)
    return found


async def test_a_job_is_measured_and_reported(lab: Lab) -> None:
    job = lab.assignment([BASELINE, CANDIDATE])
    async with lab.agent():
        first, second = await lab.reports(2)
        await until(lambda: is_empty(lab))
    assert first.run_id == run_id(job.job_id, 1, 0)
    assert [one.status for one in (first, second)] == [RunStatus.MEASURED] * 2
    assert [(ref.pass_name, ref.role) for ref in second.raw] == [
        (PassName.QUALITY, RawRole.BOTH),
        (PassName.NUMERICS, RawRole.BOTH),
    ]
    assert (
        "does not show"
        in read_ledger(read_raw(lab.coordinator.blobs[second.raw[1].digest.sha256])).why_not
    )
    raw = read_raw(lab.coordinator.blobs[second.raw[0].digest.sha256])
    samples = quality_samples(raw)
    assert samples.ids.size == SAMPLES
    assert samples.max_abs_diff is not None
    assert samples.max_abs_diff.max() == pytest.approx(0.5)
    assert second.sandbox == "rlimits"
    assert len(second.fingerprint) == 64
    assert {item.name for item in second.stack} >= {"architecture", "runtime"}
    assert not (lab.folder / "home" / "agent" / "work").exists() or not any(
        (lab.folder / "home" / "agent" / "work").iterdir()
    )


async def test_the_output_that_a_job_names_is_judged(lab: Lab) -> None:
    job = lab.assignment([BASELINE], passes=(PassName.QUALITY,), output="another")
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.entry_index == job.entries[0].index
    judged = judged_of(read_raw(lab.coordinator.blobs[report.raw[0].digest.sha256]))
    assert judged is not None
    assert (judged.reason, judged.output) == ("output_missing", "")


async def test_unchanged_artifacts_are_fetched_once(lab: Lab) -> None:
    evaluation = None
    for _ in range(2):
        lab.assignment([BASELINE, CANDIDATE], evaluation=evaluation)
        evaluation = lab.coordinator.blobs[list(lab.coordinator.blobs)[-1]]
    async with lab.agent():
        await lab.reports(4)
    assert lab.coordinator.events.count("Read") == 3


async def test_accepted_entries_are_not_measured_again(lab: Lab) -> None:
    job = lab.assignment([BASELINE, CANDIDATE])
    from dataclasses import replace

    done = (replace(job.entries[0], accepted=True), job.entries[1])
    lab.coordinator.waiting[:] = [replace(job, entries=done)]
    async with lab.agent():
        (only,) = await lab.reports(1)
        await until(lambda: is_empty(lab))
    assert only.entry_index == 1


async def test_a_lost_acknowledgement_is_asked_for_again(lab: Lab) -> None:
    lab.coordinator.lose_replies.update({"Report": 2, "Register": 1, "Write": 1})
    lab.assignment([BASELINE, CANDIDATE])
    async with lab.agent():
        await lab.reports(2)
        await until(lambda: is_empty(lab))
    assert lab.coordinator.events.count("Report") == 4
    assert len(lab.coordinator.reports) == 2


async def test_measuring_goes_on_while_the_coordinator_is_away(lab: Lab) -> None:
    slow = [fake_artifact(latency_ns=20_000_000, offset=k) for k in range(3)]
    lab.assignment(slow)
    async with lab.agent():
        await lab.reports(1)
        await lab.coordinator.stop()
        await until(lambda: len(spool_of(lab).reports()) == 2)
        await lab.coordinator.start()
        await lab.reports(3)
        await until(lambda: is_empty(lab))
        await until(lambda: len(lab.coordinator.registers) == 2)
    away = [line for line in lab.said if "is away" in line]
    back = [line for line in lab.said if "is back" in line]
    assert (len(away), len(back)) == (1, 1), lab.said


async def test_heartbeats_carry_progress(lab: Lab) -> None:
    lab.assignment([fake_artifact(latency_ns=30_000_000)])
    async with lab.agent():
        await lab.reports(1)
    renewals = lab.coordinator.renewals
    assert len(renewals) >= 3
    assert {one.progress.recipe for one in renewals} == {"fp32"}
    assert "quality" in {one.progress.step for one in renewals}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [(agent_pb2.LEASE_VERDICT_CANCEL, "cancelled"), (agent_pb2.LEASE_VERDICT_LOST, "passed on")],
)
async def test_a_job_that_ends_elsewhere_stops_here(lab: Lab, verdict: int, words: str) -> None:
    lab.assignment([fake_artifact(behaviour="hang")])
    async with lab.agent():
        await until(lambda: any(one.name().startswith("python") for one in children()))
        lab.coordinator.verdict = verdict
        await until(lambda: any(words in line for line in lab.said))
        assert children() == []
        assert is_empty(lab)
        lab.coordinator.verdict = agent_pb2.LEASE_VERDICT_OK
        lab.assignment([BASELINE])
        await lab.reports(1)
    assert len(lab.coordinator.reports) == 1


async def test_failures_are_told_apart(lab: Lab) -> None:
    """One that a signal ends, and those that say so; `test_failures` tells other kinds apart."""
    asked = (("crash_segv", "run"), ("oom", "load"), ("unsupported", "load"))
    bad = [fake_artifact(behaviour=behaviour, when=when) for behaviour, when in asked]
    lab.assignment([BASELINE, *bad, b"not a model", CANDIDATE])
    async with lab.agent():
        first, *failed, last = await lab.reports(6, timeout_s=90)
    assert first.status is last.status is RunStatus.MEASURED
    found = [one.failure for one in failed if one.failure is not None]
    assert [(one.status, one.attempts) for one in failed] == [
        (RunStatus.FAILED, 2),
        (RunStatus.FAILED, 1),
        (RunStatus.UNSUPPORTED, 1),
        (RunStatus.FAILED, 1),
    ]
    assert [one.code for one in found] == ["crash_segv", "oom", "unsupported_artifact", "bad_model"]
    assert {one.group for one in found} == {FailureGroup.ARTIFACT}
    assert found[0].advice
    for words, one in zip(("phase measure", "phase load", "no kernel", ""), found, strict=True):
        assert words in one.message
        assert "Traceback" not in one.message
    assert children() == []


async def test_a_crash_that_does_not_come_back_is_no_failure(lab: Lab) -> None:
    once = fake_artifact(behaviour="crash_segv", once_file=str(lab.folder / "crashed"))
    lab.assignment([once])
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert (report.status, report.attempts) == (RunStatus.MEASURED, 2)


@pytest.mark.parametrize("when", ["load", "run"])
async def test_a_hang_is_a_timeout_that_names_its_phase(lab: Lab, when: str) -> None:
    lab.limits = PhaseLimits(load=0.7, measure=0.7, terminate=0.2)
    lab.assignment([fake_artifact(behaviour="hang", when=when)])
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.failure is not None
    assert (report.failure.group, report.failure.code) == (FailureGroup.ARTIFACT, "timeout")
    assert f"phase {'load' if when == 'load' else 'measure'}" in report.failure.message
    assert children() == []


async def test_a_flood_of_output_is_capped_and_disturbs_nothing(lab: Lab) -> None:
    lab.assignment([fake_artifact(behaviour="flood", when="load"), BASELINE])
    async with lab.agent():
        first, second = await lab.reports(2)
    assert (first.status, second.status) == (RunStatus.MEASURED, RunStatus.MEASURED)


async def test_grandchildren_end_with_the_child(lab: Lab) -> None:
    lab.assignment([fake_artifact(behaviour="grandchild", when="load")])
    before = {one.pid for one in psutil.process_iter() if "time.sleep(600)" in " ".join(_line(one))}
    async with lab.agent():
        await lab.reports(1)
    after = {one.pid for one in psutil.process_iter() if "time.sleep(600)" in " ".join(_line(one))}
    assert after <= before


async def test_a_child_that_was_killed_is_not_waited_for_because_of_its_own_children(
    lab: Lab,
) -> None:
    """They hold its pipes; a silence would end in a timeout, for which the artifact is blamed."""
    lab.assignment([fake_artifact(behaviour="heir", when="load")])
    async with lab.agent():
        (report,) = await lab.reports(1, timeout_s=30)
    assert report.failure is not None
    told = (report.failure.group, report.failure.code)
    assert told == (FailureGroup.ENVIRONMENT, "killed")
    assert children() == []


def _line(one: psutil.Process) -> list[str]:
    try:
        return one.cmdline()
    except psutil.Error:
        return []


async def test_a_bad_set_is_one_sentence(lab: Lab) -> None:
    lab.assignment([BASELINE], evaluation=b"not a set")
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.failure is not None
    told = (report.failure.group, report.failure.code)
    assert told == (FailureGroup.ARTIFACT, "bad_evaluation_set")
    assert "Traceback" not in report.failure.message


async def test_an_unknown_runtime_is_the_devices_matter(lab: Lab) -> None:
    lab.assignment([BASELINE], runtime="abacus")
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.failure is not None
    assert (report.failure.group, report.failure.code) == (FailureGroup.DEVICE, "runtime_missing")


async def test_a_job_out_of_time_is_reported_as_such(lab: Lab) -> None:
    lab.assignment([fake_artifact(behaviour="hang"), BASELINE], deadline_s=1)
    async with lab.agent():
        first, second = await lab.reports(2)
    assert {one.failure.code for one in (first, second) if one.failure} == {"deadline"}
    assert children() == []


async def test_a_broken_download_goes_on_where_it_was_cut(lab: Lab) -> None:
    lab.coordinator.cut_reads_after = 100
    lab.assignment([BASELINE, CANDIDATE])
    async with lab.agent():
        await lab.reports(2)
    assert lab.coordinator.events.count("Read") == 4


async def test_corrupted_bytes_are_sent_again_once(lab: Lab) -> None:
    lab.coordinator.flip_reads = 1
    lab.assignment([BASELINE])
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.status is RunStatus.MEASURED

    lab.coordinator.flip_reads = 99
    lab.assignment([fake_artifact(offset=9)])
    async with lab.agent():
        reports = await lab.reports(2)
    failures = [one.failure.code for one in reports if one.failure]
    assert failures == ["digest_mismatch"]


async def test_once_ends_after_one_job(lab: Lab) -> None:
    lab.assignment([BASELINE])
    async with lab.agent(once=True) as task:
        await asyncio.wait_for(asyncio.shield(task), 20)
    assert len(lab.coordinator.reports) == 1
    assert is_empty(lab)


async def test_a_simulated_device_measures_quality_and_numerics_only(lab: Lab) -> None:
    lab.devices = ("fake",)
    lab.assignment([BASELINE])
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert lab.coordinator.devices[0].realness.value == "simulated"
    assert {ref.pass_name for ref in report.raw} == {PassName.QUALITY, PassName.NUMERICS}


async def test_a_defect_of_the_agent_fails_one_entry_only(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:

    def plan(entry: AssignedEntry, *rest: Any, **named: Any) -> Any:
        if entry.index == 0:
            raise ZeroDivisionError("of a defect")
        return plan_passes(entry, *rest, **named)

    monkeypatch.setattr("bitgauge.agents.execution.run.plan_passes", plan)
    lab.assignment([BASELINE, CANDIDATE])
    async with lab.agent():
        first, second = await lab.reports(2)
    assert first.failure is not None
    assert (first.failure.group, first.failure.code) == (FailureGroup.HARNESS, "internal")
    assert "ZeroDivisionError" in first.failure.log_tail
    assert second.status is RunStatus.MEASURED
