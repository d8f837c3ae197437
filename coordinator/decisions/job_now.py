"""What is known of a job when something happens to it, and what can happen to it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    JobState,
    ModelClass,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from .transitions import Transitions

ENDED = frozenset({JobState.FINISHED, JobState.FAILED, JobState.CANCELLED})
SETTLED = frozenset(
    {EntryState.UNSUPPORTED, EntryState.ACCEPTED, EntryState.FAILED, EntryState.CANCELLED}
)


class JobEvent(str, enum.Enum):
    """What can happen to a job."""

    BUILT = "queue"
    CLAIM = "claim"
    RELEASE = "release"
    SETTLE = "settle"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    STOP = "stop"


# RELEASE: the lease ended and something is left to measure. SETTLE: no entry is left to
# measure; it is legal while queued because a result may arrive after its lease has run out
# and before the next claim. STOP: a leased job is not cancelled at once, the wish is noted until
# its agent was told or its lease ended. A cancelled analysis loses nothing: accepted runs are
# analysed whatever became of their job.
TRANSITIONS: Transitions[JobState, JobEvent] = Transitions(
    {
        (JobState.BUILDING, JobEvent.BUILT): JobState.QUEUED,
        (JobState.BUILDING, JobEvent.CANCEL): JobState.CANCELLED,
        (JobState.QUEUED, JobEvent.CLAIM): JobState.LEASED,
        (JobState.QUEUED, JobEvent.SETTLE): JobState.ANALYSING,
        (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
        (JobState.LEASED, JobEvent.RELEASE): JobState.QUEUED,
        (JobState.LEASED, JobEvent.SETTLE): JobState.ANALYSING,
        (JobState.LEASED, JobEvent.STOP): JobState.CANCELLED,
        (JobState.ANALYSING, JobEvent.FINISH): JobState.FINISHED,
        (JobState.ANALYSING, JobEvent.FAIL): JobState.FAILED,
        (JobState.ANALYSING, JobEvent.CANCEL): JobState.CANCELLED,
    }
)


# -- what is known ------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class EntryNow:
    """One entry of a job."""

    index: int
    recipe: str
    state: EntryState
    reason: str | None = None
    artifact: Digest | None = None


@dataclass(frozen=True, slots=True)
class RunNow:
    """One attempt of an entry.

    Attributes:
        epoch: of the lease under which it was made.
        status: how it ended on the device.
        failed: it says why it produced nothing.
        raw: it has raw data; a run that failed has when the sentinel was timed around it.
        spoiled: nothing could be computed from it.
        waits: it was accepted, has raw data and was not analysed; its job waits for that.
    """

    run_id: str
    epoch: int
    entry_index: int
    disposition: Disposition
    status: RunStatus = RunStatus.MEASURED
    failed: bool = False
    raw: bool = True
    spoiled: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class JobNow:
    """What is known of a job when something happens to it.

    Attributes:
        model_class: as it was recognised.
        epoch: of its newest lease.
        runs: every attempt so far, in order of arrival.
        first_leased_unix_ns: when its deadline began to run.
        claim_limit: how many claims in a row may settle nothing.
        claims_left: of those.
        cancel_reason: the user's wish to cancel it, of which its agent was not told yet.
        repeats: the suspect job that it measures again.
    """

    job_id: str
    spec: JobSpec
    model_class: ModelClass
    state: JobState
    epoch: int
    entries: tuple[EntryNow, ...]
    runs: tuple[RunNow, ...] = ()
    first_leased_unix_ns: int | None = None
    claim_limit: int = 0
    claims_left: int = 0
    cancel_reason: str | None = None
    submitted_by: str = ""
    repeats: str | None = None
