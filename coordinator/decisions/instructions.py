"""What a decision about a job tells the store to do, in plain values."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, FailureGroup, JobState
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RunReport


@dataclass(frozen=True, slots=True)
class KeepRun:
    """Store a run and say what became of it."""

    run: RunReport
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class HearDevice:
    """Note that a device was heard."""

    device_id: str


@dataclass(frozen=True, slots=True)
class SettleEntry:
    """Give an entry its final state."""

    index: int
    state: EntryState
    reason: str | None = None
    group: FailureGroup | None = None


@dataclass(frozen=True, slots=True)
class KeepArtifact:
    """Note the artifact of an entry, which can be measured now."""

    index: int
    artifact: Digest


@dataclass(frozen=True, slots=True)
class GrantClaims:
    """Give the job all its claims back: something of it was settled."""

    count: int


@dataclass(frozen=True, slots=True)
class EndLease:
    """End the active lease of the job."""

    ended_by: str


@dataclass(frozen=True, slots=True)
class ReviveLease:
    """Take up the lease of the newest epoch, which ran out and whose agent measured on."""


@dataclass(frozen=True, slots=True)
class NoteCancel:
    """Remember that the user wants the job cancelled, to tell its agent."""

    reason: str


@dataclass(frozen=True, slots=True)
class MoveJob:
    """Bring the job into a state."""

    state: JobState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PublishMetrics:
    """Store what was computed from a run, instead of what was before."""

    run_id: str
    version: int
    metrics: tuple[MetricValue, ...]


@dataclass(frozen=True, slots=True)
class FailAnalysis:
    """Note that nothing can be computed from a run; its raw data stays."""

    run_id: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class CordonDevice:
    """Give a device no further job until a human has looked at it."""

    device_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class JudgeJob:
    """The job has ended: let `job_end.on_end` say what follows."""


@dataclass(frozen=True, slots=True)
class RefreshTable:
    """Bring the table up to what the job says now."""


Change = (
    HearDevice
    | SettleEntry
    | KeepArtifact
    | GrantClaims
    | EndLease
    | ReviveLease
    | NoteCancel
    | MoveJob
    | FailAnalysis
)
"""What changes a few columns."""

Instruction = KeepRun | PublishMetrics | CordonDevice | JudgeJob | RefreshTable | Change
Instructions = tuple[Instruction, ...]
