"""What follows when a run is analysed, a build ends, a job is cancelled."""

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.decisions import jobs
from bitgauge.coordinator.decisions.instructions import (
    FailAnalysis,
    JudgeJob,
    KeepArtifact,
    MoveJob,
    NoteCancel,
    PublishMetrics,
    RefreshTable,
    SettleEntry,
)
from bitgauge.coordinator.decisions.job_now import JobEvent, RunNow

from tests.labs.rooms.jobs import ACCEPTED, FAILED, INT8, JOB, LOST, READY, job, known


# -- a run is analysed --------------------------------------------------------------------
def test_the_last_analysis_ends_the_job() -> None:
    runs = (known(0, Disposition.ACCEPTED), known(1, Disposition.ACCEPTED, waits=True))
    now = job(ACCEPTED, ACCEPTED, state=JobState.ANALYSING, runs=runs)
    found = PublishMetrics(runs[1].run_id, 7, ())
    assert jobs.on_analysis(now, runs[1].run_id, found) == (
        found,
        MoveJob(JobState.FINISHED),
        JudgeJob(),
        RefreshTable(),
    )
    again = replace(now, state=JobState.FINISHED)
    assert jobs.on_analysis(again, runs[1].run_id, found) == (found, RefreshTable())
    waiting = replace(now, runs=(replace(runs[0], waits=True), runs[1]))
    assert jobs.on_analysis(waiting, runs[1].run_id, found) == (found, RefreshTable())


def test_a_run_from_which_nothing_can_be_computed_fails_its_entry() -> None:
    run = known(1, Disposition.ACCEPTED, waits=True)
    now = job(FAILED, ACCEPTED, state=JobState.ANALYSING, runs=(run,))
    found = FailAnalysis(run.run_id, LOST)
    assert jobs.on_analysis(now, run.run_id, found) == (
        found,
        SettleEntry(1, FAILED, "the agent was lost", FailureGroup.HARNESS),
        MoveJob(JobState.FAILED, "Nothing could be measured; recipe-0: reason 0"),
        JudgeJob(),
        RefreshTable(),
    )
    mended = job(FAILED, FAILED, state=JobState.FAILED, runs=(replace(run, spoiled=True),))
    published = PublishMetrics(run.run_id, 8, ())
    assert jobs.on_analysis(mended, run.run_id, published) == (
        published,
        SettleEntry(1, ACCEPTED),
        RefreshTable(),
    )


def test_an_entry_that_failed_on_the_device_keeps_its_reason() -> None:
    run = known(1, Disposition.ACCEPTED, status=RunStatus.FAILED, failed=True, waits=True)
    now = job(ACCEPTED, FAILED, state=JobState.ANALYSING, runs=(run,))
    for found in (FailAnalysis(run.run_id, LOST), PublishMetrics(run.run_id, 7, ())):
        acts = jobs.on_analysis(now, run.run_id, found)
        assert not [act for act in acts if isinstance(act, SettleEntry)]
        assert MoveJob(JobState.FINISHED) in acts


@pytest.mark.parametrize(
    "run",
    [
        known(1, Disposition.STALE),
        known(1, Disposition.RETRY, status=RunStatus.FAILED),
        known(1, Disposition.ACCEPTED, status=RunStatus.FAILED, raw=False),
    ],
)
def test_only_what_was_accepted_and_measured_is_analysed(run: RunNow) -> None:
    now = job(READY, READY, runs=(run,))
    with pytest.raises(BitgaugeError) as caught:
        jobs.on_analysis(now, run.run_id, PublishMetrics(run.run_id, 7, ()))
    assert caught.value.code is Code.ILLEGAL_TRANSITION


# -- a build ends, a job is cancelled -----------------------------------------------------
BUILDING = EntryState.BUILDING


def test_a_job_is_queued_when_no_entry_waits_for_its_artifact() -> None:
    now = job(READY, BUILDING, BUILDING, state=JobState.BUILDING)
    assert jobs.on_build(now, 1, INT8) == (KeepArtifact(1, INT8),)
    last = job(READY, READY, BUILDING, state=JobState.BUILDING)
    assert jobs.on_build(last, 2, INT8) == (KeepArtifact(2, INT8), MoveJob(JobState.QUEUED))
    assert jobs.on_build(last, 2, "no such kernel") == (
        SettleEntry(2, EntryState.UNSUPPORTED, "no such kernel"),
        MoveJob(JobState.QUEUED),
    )
    assert jobs.on_build(last, 2, LOST) == (
        SettleEntry(2, FAILED, "the agent was lost", FailureGroup.HARNESS),
        MoveJob(JobState.QUEUED),
    )


def test_a_build_that_comes_twice_or_too_late_changes_nothing() -> None:
    assert jobs.on_build(job(READY, READY, BUILDING, state=JobState.BUILDING), 1, INT8) == ()
    assert jobs.on_build(job(READY, BUILDING, state=JobState.CANCELLED), 1, INT8) == ()


def test_a_job_is_cancelled_at_once_unless_an_agent_measures_it() -> None:
    assert jobs.on_cancel(job(READY, ACCEPTED), "no") == (NoteCancel("no"),)
    for state in (JobState.QUEUED, JobState.BUILDING, JobState.ANALYSING):
        assert jobs.on_cancel(job(READY, ACCEPTED, state=state), "no") == (
            MoveJob(JobState.CANCELLED, "no"),
            SettleEntry(0, EntryState.CANCELLED, "cancelled"),
            JudgeJob(),
            RefreshTable(),
        )
    assert jobs.on_cancel(job(READY, state=JobState.CANCELLED), "no") == ()
    with pytest.raises(BitgaugeError, match=f"Job {JOB} of digits is finished") as caught:
        jobs.on_cancel(job(ACCEPTED, state=JobState.FINISHED), "no")
    assert caught.value.code is Code.JOB_ENDED


# -- how it ends --------------------------------------------------------------------------
def test_a_job_fails_only_when_nothing_was_measured() -> None:
    unsupported = EntryState.UNSUPPORTED
    assert jobs.ending(job(FAILED, ACCEPTED).entries) == (JobEvent.FINISH, None)
    event, reason = jobs.ending(job(unsupported, FAILED).entries)
    assert event is JobEvent.FAIL
    assert reason == "Nothing could be measured; recipe-1: reason 1"
    event, reason = jobs.ending(job(unsupported, unsupported).entries)
    assert reason == "Nothing could be measured; recipe-0: reason 0"
