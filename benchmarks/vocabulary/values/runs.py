"""Values of one measured entry: its report, its numbers, its failure."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..enums import (
    Disposition,
    FailureGroup,
    PassName,
    RawRole,
    RunStatus,
)
from .devices import StackItem
from .digests import Digest


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run or a build produced no result, grouped by who must act."""

    group: FailureGroup
    code: str
    message: str
    advice: str
    log_tail: str = ""


MAX_RAW_FILES = 512
"""Of one run."""
MAX_RAW_FILE_BYTES = 64 << 20
"""Of one raw file as it is sent."""
MAX_RUN_RAW_BYTES = 512 << 20
"""Of all raw files of a run as they are sent."""


@dataclass(frozen=True, slots=True)
class RawRef:
    """One raw file of a run: what one child process wrote."""

    pass_name: PassName
    launch: int
    role: RawRole
    digest: Digest


@dataclass(frozen=True, slots=True)
class RunReport:
    """One entry measured under one lease: facts and digests, no statistics."""

    run_id: str
    job_id: str
    epoch: int
    lease_token: bytes
    entry_index: int
    status: RunStatus
    started_unix_ns: int
    ended_unix_ns: int
    device_id: str
    sandbox: str
    stack: tuple[StackItem, ...] = ()
    fingerprint: str = ""
    raw: tuple[RawRef, ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    measuring_version: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the agent is inside a job, for people who watch."""

    entry_index: int
    recipe: str
    step: str
    fraction: float


FIRST = {"left_out_at_default": True}
"""Metadata of a field that came later: where it is missing, and where nothing but its default is
to be said, files leave it out (`table.file.lean`), so that older ones stay what they are."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One published number, or null with a reason; never an invented value.

    `low` and `high` are in the unit of `value`: the 95 % interval, unless a detail named
    `bounds` says what else they are (the extremes of the launches, for memory and loading).
    `definition` is the version of the metric's definition that it follows (`metrics.METRICS`);
    numbers of two versions are never compared or pooled.
    """

    key: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str | None = None
    verdict: str | None = None
    difference: str | None = None
    flags: tuple[str, ...] = ()
    detail: tuple[StackItem, ...] = ()
    definition: int = field(default=1, metadata=FIRST)


@dataclass(frozen=True, slots=True)
class RunView:
    """One stored run with its published metrics.

    `built` is what was found of the artifact when it was built here, in words; else empty. An
    artifact that its owner gave has its digest in `artifact` and its name in `label`.
    """

    run_id: str
    job_id: str
    epoch: int
    entry_index: int
    disposition: Disposition
    status: RunStatus
    device_id: str
    device_name: str
    recipe: str
    sandbox: str
    started_unix_ns: int
    ended_unix_ns: int
    analysis_version: int | None = field(default=None, kw_only=True)
    fingerprint: str = ""
    stack: tuple[StackItem, ...] = ()
    raw: tuple[RawRef, ...] = ()
    metrics: tuple[MetricValue, ...] = ()
    failure: Failure | None = None
    built: tuple[str, ...] = ()
    label: str = ""
    artifact: Digest | None = None

    @property
    def full_name(self) -> str:
        """Its recipe, and which file it is of where its owner gave it."""
        own = "" if self.artifact is None else self.artifact.under(self.label)
        return f"{self.recipe} {own}".rstrip()


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """A run's stored numbers and the same computed again; `identical` is bit for bit."""

    published: tuple[MetricValue, ...]
    recomputed: tuple[MetricValue, ...]
    identical: bool
