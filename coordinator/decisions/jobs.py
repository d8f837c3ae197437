"""What happens to a job: from what is known of it to instructions, which a store carries out.

Each decision takes a `JobNow`, read once, and returns instructions in the order in which they are
done, in one transaction. Nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import CORDONS, BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import Failure, RunReport

from .instructions import (
    CordonDevice,
    EndLease,
    FailAnalysis,
    GrantClaims,
    HearDevice,
    Instruction,
    Instructions,
    JudgeJob,
    KeepArtifact,
    KeepRun,
    MoveJob,
    NoteCancel,
    PublishMetrics,
    RefreshTable,
    ReviveLease,
    SettleEntry,
)
from .job_now import ENDED, SETTLED, TRANSITIONS, EntryNow, JobEvent, JobNow, RunNow

SECOND_NS = 1_000_000_000


class _Course:
    """What happens to a job one after the other: what is known then, and what is to be done."""

    def __init__(self, now: JobNow, *acts: Instruction) -> None:
        self.now = now
        self.acts = list(acts)

    @property
    def told(self) -> Instructions:
        """All of it, the table last."""
        refresh = RefreshTable()
        left = [act for act in self.acts if act != refresh]
        return (*left, refresh) if len(left) < len(self.acts) else tuple(left)

    def settle(
        self,
        index: int,
        state: EntryState,
        reason: str | None = None,
        group: FailureGroup | None = None,
    ) -> None:
        """Give one entry its final state."""
        self.acts.append(SettleEntry(index, state, reason, group))
        entry = replace(self.now.entries[index], state=state, reason=reason)
        entries = (*self.now.entries[:index], entry, *self.now.entries[index + 1 :])
        self.now = replace(self.now, entries=entries)

    def settle_open(
        self, state: EntryState, reason: str, group: FailureGroup | None = None
    ) -> None:
        """Give every entry that has none its final state."""
        for index in unsettled(self.now):
            self.settle(index, state, reason, group)

    def move(self, event: JobEvent, reason: str | None = None) -> None:
        """Let an event happen. A job that is cancelled takes its open entries with it."""
        now = self.now
        story = f"Job {now.job_id} of {now.spec.model_name} at epoch {now.epoch}"
        state = TRANSITIONS.advance(now.state, event, story)
        self.acts.append(MoveJob(state, reason))
        self.now = replace(self.now, state=state)
        if state is JobState.CANCELLED:
            self.settle_open(EntryState.CANCELLED, "cancelled")
        if state in ENDED:
            self.acts += (JudgeJob(), RefreshTable())

    def lose_lease(self, ended_by: str, now_ns: int) -> None:
        """End a lease under which something is left to measure.

        The job is cancelled when the user asked for that, given up when its deadline or its
        claims are used up, else queued again.
        """
        self.acts.append(EndLease(ended_by))
        if self.now.cancel_reason is not None:
            self.move(JobEvent.STOP, self.now.cancel_reason)
        elif is_overdue(self.now, now_ns):
            self.give_up(overdue(self.now.spec.deadline_s))
        elif self.now.claims_left <= 0:
            self.give_up(exhausted(self.now.claim_limit))
        else:
            self.move(JobEvent.RELEASE)

    def give_up(self, failure: Failure) -> None:
        """Fail every entry that is not settled; the job ends with what was measured."""
        self.settle_open(EntryState.FAILED, failure.message, failure.group)
        self.finish_measuring()

    def finish_measuring(self) -> None:
        """Every entry is settled: the lease ends, the job waits for analysis or ends."""
        leased = self.now.state is JobState.LEASED
        if leased and not any(isinstance(act, EndLease) for act in self.acts):
            self.acts.append(EndLease("settled"))
        self.move(JobEvent.SETTLE)
        self.conclude()

    def conclude(self) -> None:
        """End a job whose runs are all analysed."""
        if self.now.state is JobState.ANALYSING and not any(run.waits for run in self.now.runs):
            self.move(*ending(self.now.entries))


def on_report(now: JobNow, told: RunReport, max_attempts: int, now_ns: int) -> Instructions:
    """What follows from a run that is reported for the first time.

    The ids of the run agree with one another and its lease was looked at. `max_attempts` bounds the
    runs of one entry, and the claims in a row that settle none.
    """
    entry = now.entries[told.entry_index]
    disposition, state = judge(
        live=now.epoch == told.epoch and now.state in (JobState.LEASED, JobState.QUEUED),
        entry=entry.state,
        status=told.status,
        failure=told.failure,
        earlier_attempts=sum(
            run.entry_index == entry.index and run.disposition is Disposition.RETRY
            for run in now.runs
        ),
        max_attempts=max_attempts,
    )
    keep = KeepRun(told, disposition)
    if disposition is Disposition.STALE:
        return (keep,)
    waits = disposition is Disposition.ACCEPTED and bool(told.raw)
    run = RunNow(told.run_id, told.epoch, entry.index, disposition, told.status, waits=waits)
    course = _Course(replace(now, runs=(*now.runs, run)), keep, HearDevice(told.device_id))
    failure = told.failure
    if failure is not None and failure.code in CORDONS:
        course.acts.append(CordonDevice(told.device_id, failure.message))
    if disposition is Disposition.ACCEPTED:
        group = failure.group if failure and state is EntryState.FAILED else None
        course.settle(entry.index, state, failure.message if failure else None, group)
        course.acts.append(GrantClaims(max_attempts))
        course.now = replace(course.now, claim_limit=max_attempts, claims_left=max_attempts)
        if failure is not None:
            course.acts.append(RefreshTable())
    left = set(unsettled(course.now))
    reported = {run.entry_index for run in course.now.runs if run.epoch == told.epoch}
    if not left:
        course.finish_measuring()
    elif now.state is JobState.LEASED and left <= reported:
        course.lose_lease("retry", now_ns)
    return course.told


def on_expiry(now: JobNow, ended_by: str, now_ns: int) -> Instructions:
    """What follows when a lease ends before its job is measured, by time or by whatever ends it."""
    course = _Course(now)
    course.lose_lease(ended_by, now_ns)
    return course.told


def on_renewal(now: JobNow, *, revivable: bool, now_ns: int) -> tuple[str, Instructions]:
    """What the holder of a job's newest lease is told when it asks for more time.

    It is `revivable` when its lease ran out and nobody has claimed job or device since.

    Returns:
        `ok`, `cancel` or `lost`, and what follows.
    """
    if now.state is JobState.LEASED and now.cancel_reason is not None:
        return "cancel", on_expiry(now, "cancelled", now_ns)
    if now.state is JobState.CANCELLED:
        return "cancel", ()
    course = _Course(now)
    if now.state is JobState.QUEUED and revivable:
        course = _Course(now, ReviveLease())
        course.move(JobEvent.CLAIM)
    if course.now.state is not JobState.LEASED:
        return "lost", ()
    if not is_overdue(now, now_ns):
        return "ok", course.told
    course.give_up(overdue(now.spec.deadline_s))
    return "lost", course.told


def on_analysis(now: JobNow, name: str, found: PublishMetrics | FailAnalysis) -> Instructions:
    """What follows when a run was analysed, for the first time or again.

    An entry that had failed on the device keeps its reason, whatever is computed from the sentinel
    around it.
    """
    run = next(one for one in now.runs if one.run_id == name)
    measured = run.status is RunStatus.MEASURED or run.raw
    if run.disposition is not Disposition.ACCEPTED or not measured:
        raise Refused(
            Code.ILLEGAL_TRANSITION,
            f"Run {name} is {run.disposition.value} and {run.status.value};"
            " only accepted runs with something measured are analysed.",
        )
    after = replace(run, waits=False)
    runs = tuple(after if one is run else one for one in now.runs)
    course = _Course(replace(now, runs=runs), found)
    if isinstance(found, FailAnalysis) and not run.failed:
        why = found.failure
        course.settle(run.entry_index, EntryState.FAILED, why.message, why.group)
    elif isinstance(found, PublishMetrics) and run.spoiled and not run.failed:
        course.settle(run.entry_index, EntryState.ACCEPTED)
    course.conclude()
    course.acts.append(RefreshTable())
    return course.told


def on_build(now: JobNow, index: int, made: Digest | Failure | str) -> Instructions:
    """What follows from a build: an artifact, its failure, or why the recipe cannot be made.

    An answer that comes twice or too late changes nothing.
    """
    if now.state is not JobState.BUILDING or now.entries[index].state is not EntryState.BUILDING:
        return ()
    course = _Course(now)
    if isinstance(made, Failure):
        course.settle(index, EntryState.FAILED, made.message, made.group)
    elif isinstance(made, str):
        course.settle(index, EntryState.UNSUPPORTED, made)
    else:
        course.acts.append(KeepArtifact(index, made))
    others = (entry for entry in now.entries if entry.index != index)
    # The baseline always has an artifact, so the job goes on whatever became of the others.
    if all(entry.state is not EntryState.BUILDING for entry in others):
        course.move(JobEvent.BUILT)
    return course.told


def on_cancel(now: JobNow, reason: str) -> Instructions:
    """What follows when somebody cancels a job; the agent of a leased one must be told first."""
    if now.state is JobState.CANCELLED:
        return ()
    if now.state in ENDED:
        raise Refused(
            Code.JOB_ENDED, f"Job {now.job_id} of {now.spec.model_name} is {now.state.value}."
        )
    if now.state is JobState.LEASED:
        return (NoteCancel(reason),)
    course = _Course(now)
    course.move(JobEvent.CANCEL, reason)
    return course.told


# -- parts of it --------------------------------------------------------------------------
def require_run_of(now: JobNow, told: RunReport) -> None:
    """Refuse a report whose ids or times do not agree with one another.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    if not 0 <= told.entry_index < len(now.entries):
        raise BadInput(
            Code.BAD_ARGUMENT, f"Job {told.job_id} has no entry {told.entry_index} to report."
        )
    if told.run_id != run_id(told.job_id, told.epoch, told.entry_index):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Run {told.run_id} is not the id of entry {told.entry_index} of job {told.job_id}"
            f" at epoch {told.epoch}.",
        )
    if told.ended_unix_ns < told.started_unix_ns:
        raise BadInput(Code.BAD_ARGUMENT, f"Run {told.run_id} ends before it has started.")


def judge(
    *,
    live: bool,
    entry: EntryState,
    status: RunStatus,
    failure: Failure | None,
    earlier_attempts: int,
    max_attempts: int,
) -> tuple[Disposition, EntryState]:
    """What becomes of a reported run, and of its entry as it was before.

    It is `live` when its epoch is the newest of a job that waits for results. The earlier attempts
    are those that ended in `retry`.
    """
    if not live or entry is not EntryState.READY:
        return Disposition.STALE, entry
    if status is RunStatus.MEASURED:
        return Disposition.ACCEPTED, EntryState.ACCEPTED
    if status is RunStatus.UNSUPPORTED:
        return Disposition.ACCEPTED, EntryState.UNSUPPORTED
    retries = failure is not None and failure.group.retries
    if retries and earlier_attempts + 1 < max_attempts:
        return Disposition.RETRY, EntryState.READY
    return Disposition.ACCEPTED, EntryState.FAILED


def ending(entries: Sequence[EntryNow]) -> tuple[JobEvent, str | None]:
    """How a job ends once all entries are settled and analysed: the event and the reason.

    It fails only when nothing could be measured.
    """
    if any(entry.state is EntryState.ACCEPTED for entry in entries):
        return JobEvent.FINISH, None
    first = next((entry for entry in entries if entry.state is EntryState.FAILED), entries[0])
    why = first.reason or first.state.value
    return JobEvent.FAIL, f"Nothing could be measured; {first.recipe}: {why}"


def is_overdue(now: JobNow, now_ns: int) -> bool:
    """Whether the deadline of a job has passed, which runs from its first lease."""
    since_ns = now.first_leased_unix_ns
    return since_ns is not None and now_ns >= since_ns + now.spec.deadline_s * SECOND_NS


def unsettled(now: JobNow) -> tuple[int, ...]:
    """The entries that have no final state."""
    return tuple(entry.index for entry in now.entries if entry.state not in SETTLED)


def exhausted(claims: int) -> Failure:
    """The failure of entries whose job was claimed `claims` times and settled nothing."""
    return Failure(
        group=FailureGroup.HARNESS,
        code="claims_exhausted",
        message=f"{claims} claims in a row ended without a result of any entry",
        advice="Read the agent's log on the device; then submit the job again.",
    )


def overdue(deadline_s: int) -> Failure:
    """The failure of entries that were not measured before the job's deadline."""
    return Failure(
        group=FailureGroup.ENVIRONMENT,
        code="deadline",
        message=f"the deadline of {deadline_s} s after the first lease has passed",
        advice="Submit the job again with a longer --deadline.",
    )


def overdue_builds(doing: str, deadline_s: int) -> Failure:
    """The failure of an entry that was not built before the job's deadline."""
    return Failure(
        group=FailureGroup.ENVIRONMENT,
        code="deadline",
        message=f"{doing} was stopped: the deadline of {deadline_s} s for building has passed",
        advice="Submit the job again with a longer --deadline.",
    )
