"""What follows from what happens to a job, as lists of instructions."""

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    PassName,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import Failure, RawRef, RunReport
from bitgauge.coordinator.decisions import jobs
from bitgauge.coordinator.decisions.instructions import (
    CordonDevice,
    EndLease,
    GrantClaims,
    HearDevice,
    JudgeJob,
    KeepRun,
    MoveJob,
    RefreshTable,
    ReviveLease,
    SettleEntry,
)
from bitgauge.coordinator.decisions.job_now import SETTLED, JobNow
from bitgauge.coordinator.decisions.jobs import judge
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values
from tests.labs.rooms.jobs import ACCEPTED, FAILED, JOB, LOST, MOST, READY, SPEC, job, known

RAW = (RawRef(PassName.PAIR, 0, RawRole.BOTH, Digest("c" * 64, 1)),)
CRASH = Failure(FailureGroup.ARTIFACT, "child_crashed", "it crashed", "Look at the log.")


def told(index: int, epoch: int = 2, **changes: Any) -> RunReport:
    return values.told(JOB, index, epoch=epoch, **({"device_id": "rpi5", "raw": RAW} | changes))


def failing(index: int, why: Failure, **changes: Any) -> RunReport:
    return told(index, status=RunStatus.FAILED, failure=why, raw=(), **changes)


def on_report(now: JobNow, run: RunReport, now_ns: int = 1) -> tuple[object, ...]:
    return jobs.on_report(now, run, MOST, now_ns)


# -- a run is reported --------------------------------------------------------------------
MEASURED, CRASHED, UNDONE = told(1), failing(1, CRASH), failing(1, LOST)


def settled(run: RunReport, *after: object) -> tuple[object, ...]:
    entry = SettleEntry(1, *after)  # type: ignore[arg-type]
    return KeepRun(run, Disposition.ACCEPTED), HearDevice("rpi5"), entry, GrantClaims(MOST)


DONE = settled(MEASURED, ACCEPTED)
BROKEN = settled(CRASHED, FAILED, "it crashed", FailureGroup.ARTIFACT)
AGAIN = (KeepRun(UNDONE, Disposition.RETRY), HearDevice("rpi5"))
ANALYSING = MoveJob(JobState.ANALYSING)
END = (EndLease("settled"), ANALYSING, MoveJob(JobState.FINISHED), JudgeJob(), RefreshTable())
LEFT = job(ACCEPTED, READY)


@pytest.mark.parametrize(
    ("now", "run", "acts"),
    [
        pytest.param(job(READY, READY), MEASURED, DONE, id="measured"),
        pytest.param(LEFT, MEASURED, (*DONE, EndLease("settled"), ANALYSING), id="the last"),
        pytest.param(
            job(ACCEPTED, READY, state=JobState.QUEUED),
            MEASURED,
            (*DONE, ANALYSING),
            id="after its lease, and nobody claimed the job",
        ),
        pytest.param(job(READY, READY), CRASHED, (*BROKEN, RefreshTable()), id="crashed"),
        pytest.param(LEFT, CRASHED, (*BROKEN, *END), id="the last, nothing to analyse"),
        pytest.param(job(READY, READY), UNDONE, AGAIN, id="the harness failed"),
        pytest.param(
            LEFT,
            UNDONE,
            (*AGAIN, EndLease("retry"), MoveJob(JobState.QUEUED)),
            id="the harness failed, all that is left was tried",
        ),
    ],
)
def test_what_a_reported_run_does(now: JobNow, run: RunReport, acts: tuple[object, ...]) -> None:
    assert on_report(now, run) == acts


@pytest.mark.parametrize(
    "now",
    [
        job(READY, READY, epoch=3),
        job(READY, READY, state=JobState.CANCELLED),
        job(READY, READY, state=JobState.FINISHED),
        job(READY, ACCEPTED),
        job(READY, FAILED),
    ],
    ids=["fence", "cancelled", "finished", "accepted before", "failed before"],
)
def test_a_run_that_nobody_waits_for_is_kept_and_changes_nothing(now: JobNow) -> None:
    assert on_report(now, told(1)) == (KeepRun(told(1), Disposition.STALE),)


def test_what_is_unsupported_is_settled_and_nobodys_failure() -> None:
    run = told(1, status=RunStatus.UNSUPPORTED, failure=CRASH, raw=())
    assert SettleEntry(1, EntryState.UNSUPPORTED, "it crashed") in on_report(job(READY, READY), run)


def test_a_job_of_which_another_run_waits_does_not_end() -> None:
    waiting = known(0, Disposition.ACCEPTED, waits=True)
    acts = on_report(job(ACCEPTED, READY, runs=(waiting,)), failing(1, CRASH))
    assert MoveJob(JobState.ANALYSING) in acts
    assert JudgeJob() not in acts


def test_the_last_attempt_is_accepted_as_it_failed() -> None:
    tries = tuple(known(1, Disposition.RETRY, epoch) for epoch in (-2, -1, 0, 1))
    assert len(tries) == MOST - 1
    acts = on_report(job(READY, READY, runs=tries), failing(1, LOST))
    assert SettleEntry(1, FAILED, "the agent was lost", FailureGroup.HARNESS) in acts


def test_what_befell_a_device_is_tried_elsewhere_and_cordons_it() -> None:
    why = Failure(FailureGroup.ENVIRONMENT, "device_lost", "GPU is lost", "Look at the log.")
    acts = on_report(job(READY, READY), failing(1, why))
    assert CordonDevice("rpi5", "GPU is lost") in acts
    assert acts[0] == KeepRun(failing(1, why), Disposition.RETRY)


def test_attempts_of_other_entries_do_not_count() -> None:
    tries = tuple(known(0, Disposition.RETRY, epoch) for epoch in (-2, -1, 0, 1))
    run = failing(1, LOST)
    assert on_report(job(READY, READY, runs=tries), run)[0] == KeepRun(run, Disposition.RETRY)


@pytest.mark.parametrize(
    "run", [told(2), told(-1), told(1, run_id=run_id(JOB, 2, 0)), told(1, run_id=run_id(JOB, 1, 1))]
)
def test_ids_that_do_not_agree_are_refused(run: RunReport) -> None:
    with pytest.raises(BitgaugeError) as caught:
        jobs.require_run_of(job(READY, READY), run)
    assert caught.value.code is Code.BAD_ARGUMENT
    jobs.require_run_of(job(READY, READY), told(1))


@given(
    live=st.booleans(),
    entry=st.sampled_from(EntryState),
    status=st.sampled_from(RunStatus),
    group=st.sampled_from(FailureGroup),
    earlier=st.integers(0, 9),
    most=st.integers(1, 9),
)
def test_a_verdict_on_a_run_is_consistent(
    live: bool, entry: EntryState, status: RunStatus, group: FailureGroup, earlier: int, most: int
) -> None:
    failure = None if status is RunStatus.MEASURED else replace(CRASH, group=group)
    disposition, after = judge(
        live=live,
        entry=entry,
        status=status,
        failure=failure,
        earlier_attempts=earlier,
        max_attempts=most,
    )
    if not live or entry is not READY:
        assert (disposition, after) == (Disposition.STALE, entry)
    elif disposition is Disposition.RETRY:
        assert (status, after) == (RunStatus.FAILED, READY)
        assert group.retries
        assert earlier + 1 < most
    else:
        assert disposition is Disposition.ACCEPTED
        assert after in SETTLED
        assert (after is ACCEPTED) == (status is RunStatus.MEASURED)


# -- a lease ends -------------------------------------------------------------------------
DEADLINE_NS = SPEC.deadline_s * 1_000_000_000


def test_a_lease_that_runs_out_queues_the_job_again() -> None:
    assert jobs.on_expiry(job(ACCEPTED, READY), "expired", 1) == (
        EndLease("expired"),
        MoveJob(JobState.QUEUED),
    )


def test_a_job_that_was_to_be_cancelled_is() -> None:
    now = job(ACCEPTED, READY, cancel_reason="not wanted")
    assert jobs.on_expiry(now, "expired", 1) == (
        EndLease("expired"),
        MoveJob(JobState.CANCELLED, "not wanted"),
        SettleEntry(1, EntryState.CANCELLED, "cancelled"),
        JudgeJob(),
        RefreshTable(),
    )


def test_a_job_past_its_deadline_ends_with_what_was_measured() -> None:
    late = f"the deadline of {SPEC.deadline_s} s after the first lease has passed"
    assert jobs.on_expiry(job(ACCEPTED, READY), "expired", DEADLINE_NS) == (
        EndLease("expired"),
        SettleEntry(1, FAILED, late, FailureGroup.ENVIRONMENT),
        MoveJob(JobState.ANALYSING),
        MoveJob(JobState.FINISHED),
        JudgeJob(),
        RefreshTable(),
    )
    assert MoveJob(JobState.QUEUED) in jobs.on_expiry(
        job(ACCEPTED, READY), "expired", DEADLINE_NS - 1
    )


def test_a_job_whose_claims_are_used_up_is_given_up() -> None:
    acts = jobs.on_expiry(job(READY, READY, claims_left=0), "expired", 1)
    why = f"{MOST} claims in a row ended without a result of any entry"
    assert acts == (
        EndLease("expired"),
        SettleEntry(0, FAILED, why, FailureGroup.HARNESS),
        SettleEntry(1, FAILED, why, FailureGroup.HARNESS),
        MoveJob(JobState.ANALYSING),
        MoveJob(JobState.FAILED, f"Nothing could be measured; recipe-0: {why}"),
        JudgeJob(),
        RefreshTable(),
    )


def on_renewal(now: JobNow, now_ns: int = 1, *, revivable: bool = False) -> tuple[str, object]:
    return jobs.on_renewal(now, revivable=revivable, now_ns=now_ns)


def test_a_lease_is_renewed() -> None:
    assert on_renewal(job(READY, READY)) == ("ok", ())


def test_an_agent_is_told_of_a_cancellation_once() -> None:
    answer, acts = on_renewal(job(READY, ACCEPTED, cancel_reason="not wanted"))
    assert answer == "cancel"
    assert acts == (
        EndLease("cancelled"),
        MoveJob(JobState.CANCELLED, "not wanted"),
        SettleEntry(0, EntryState.CANCELLED, "cancelled"),
        JudgeJob(),
        RefreshTable(),
    )
    assert on_renewal(job(READY, READY, state=JobState.CANCELLED)) == ("cancel", ())


def test_a_lease_that_ran_out_is_taken_up_again_while_nobody_claimed() -> None:
    queued = job(READY, READY, state=JobState.QUEUED)
    assert on_renewal(queued, revivable=True) == ("ok", (ReviveLease(), MoveJob(JobState.LEASED)))
    assert on_renewal(queued) == ("lost", ())
    for ended in (JobState.FINISHED, JobState.ANALYSING):
        assert on_renewal(job(READY, READY, state=ended), revivable=True) == ("lost", ())


def test_nothing_is_measured_past_the_deadline() -> None:
    answer, acts = on_renewal(job(ACCEPTED, READY), DEADLINE_NS)
    assert answer == "lost"
    assert isinstance(acts, tuple)
    assert acts[1:3] == (EndLease("settled"), MoveJob(JobState.ANALYSING))
