"""What may happen to a job and to a reported run: one table and a few pure decisions.

A store applies these inside its transactions; nothing here reads a clock or a database.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView
from bitgauge.benchmarks.vocabulary.values.runs import Failure

ENDED = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED})
SETTLED = frozenset(
    {EntryState.UNSUPPORTED, EntryState.ACCEPTED, EntryState.FAILED, EntryState.CANCELLED}
)


class JobEvent(str, enum.Enum):
    """What can happen to a job."""

    BUILT = "built"
    CLAIM = "claim"
    RELEASE = "release"
    SETTLE = "settle"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    STOP = "stop"


# RELEASE: the lease ended and something is left to measure. SETTLE: no entry is left to
# measure; it is legal while queued because a result may arrive after its lease has run out
# and before the next claim. CANCEL of a leased job only records the wish: STOP follows when
# the agent was told or its lease ended. A cancelled analysis loses nothing: accepted runs
# are analysed whatever became of their job.
TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.BUILDING, JobEvent.BUILT): JobState.QUEUED,
    (JobState.BUILDING, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.QUEUED, JobEvent.CLAIM): JobState.LEASED,
    (JobState.QUEUED, JobEvent.SETTLE): JobState.ANALYSING,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.LEASED, JobEvent.RELEASE): JobState.QUEUED,
    (JobState.LEASED, JobEvent.SETTLE): JobState.ANALYSING,
    (JobState.LEASED, JobEvent.CANCEL): JobState.LEASED,
    (JobState.LEASED, JobEvent.STOP): JobState.CANCELLED,
    (JobState.ANALYSING, JobEvent.FINISH): JobState.FINISHED,
    (JobState.ANALYSING, JobEvent.FAIL): JobState.FAILED,
    (JobState.ANALYSING, JobEvent.CANCEL): JobState.CANCELLED,
}


def advance(state: JobState, event: JobEvent, story: str) -> JobState:
    """The state that follows.

    Args:
        state: where the job is.
        event: what happened to it.
        story: which job this is and how it got here, for the sentence of the error.

    Raises:
        Refused: `ILLEGAL_TRANSITION` when the event can not happen in that state.
    """
    following = TRANSITIONS.get((state, event))
    if following is None:
        legal = ", ".join(start.value for start, known in TRANSITIONS if known is event)
        raise Refused(
            Code.ILLEGAL_TRANSITION,
            f"{story}: it is {state.value}, and `{event.value}` needs it to be {legal}.",
        )
    return following


def judge(
    *,
    live: bool,
    entry: EntryState,
    status: RunStatus,
    failure: Failure | None,
    earlier_attempts: int,
    max_attempts: int,
) -> tuple[Disposition, EntryState]:
    """What becomes of a reported run, and of its entry.

    Args:
        live: whether the run's epoch is the job's newest and the job waits for results.
        entry: state of the entry before this report.
        status: how the run ended on the device.
        failure: why it produced nothing, when it did not.
        earlier_attempts: runs of this entry that ended in `retry`.
        max_attempts: how many runs of one entry may be made.
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


def ending(entries: Sequence[EntryView]) -> tuple[JobEvent, str | None]:
    """How a job ends once all entries are settled and analysed: the event and the reason.

    It fails only when nothing could be measured.
    """
    if any(entry.state is EntryState.ACCEPTED for entry in entries):
        return JobEvent.FINISH, None
    first = next((entry for entry in entries if entry.state is EntryState.FAILED), entries[0])
    why = first.reason or first.state.value
    return JobEvent.FAIL, f"Nothing could be measured; {first.recipe}: {why}"


def is_built(entries: Sequence[EntryView]) -> bool:
    """Whether no entry waits for its artifact; the baseline always has one, so a job goes on."""
    return all(entry.state is not EntryState.BUILDING for entry in entries)


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
