"""What the coordinator remembers: the protocol that every store keeps, and its plain values.

A store is synchronous and has one writer; the actor calls it from one thread. Every write is
one transaction. Times are UTC nanoseconds given by the caller: a store owns no clock.
Decisions on job states are `jobs.advance`; a store applies them inside its transactions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.answers import TableQuery, TableRow
from bitgauge.benchmarks.cell_values import Cell
from bitgauge.benchmarks.errors import Unavailable
from bitgauge.benchmarks.model import (
    Assignment,
    DeviceDescription,
    DeviceView,
    Digest,
    Failure,
    JobSpec,
    JobView,
    MetricValue,
    Progress,
    RunReport,
    RunView,
)
from bitgauge.benchmarks.vocabulary import Disposition, ModelClass

from .access_store import AccessStore
from .campaign_store import CampaignAnswers, CampaignStore
from .care_store import CareStore
from .history_store import HistoryAnswers, HistoryStore
from .trust_store import TrustStore


class StoreFailed(Unavailable):
    """The store itself failed: it must be opened anew before anything more is written."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What an agent says of itself when it connects.

    Attributes:
        device: the device.
        agent_version: version of the agent.
        boot_id: changes when the device restarts.
        incarnation: UUID of this agent process.
        leftovers_dead: every process of older incarnations has ended.
        open_intents: ids of runs that older incarnations began and never reported.
    """

    device: DeviceDescription
    agent_version: str
    boot_id: str
    incarnation: str
    leftovers_dead: bool
    open_intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lives and how often it is renewed."""

    ttl_ns: int = 60_000_000_000
    renew_every_ns: int = 5_000_000_000
    unreachable_after_ns: int = 20_000_000_000
    max_attempts: int = 5
    max_hold_ns: int = 600_000_000_000


@dataclass(frozen=True, slots=True)
class BuildKey:
    """What a built artifact depends on; equal keys give the same artifact."""

    model: Digest
    recipe: str
    calibration: Digest | None
    toolchain: str


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """An artifact, or the reason why the recipe cannot be made of this model."""

    artifact: Digest | None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class PendingBuild:
    """One entry that waits for its artifact."""

    job_id: str
    entry_index: int
    key: BuildKey


@dataclass(frozen=True, slots=True)
class SpareBlob:
    """A blob that nothing needs.

    Attributes:
        digest: which blob.
        used_unix_ns: when it was last recorded, named or asked for.
        rebuildable: a build made it and can make it again.
    """

    digest: Digest
    used_unix_ns: int
    rebuildable: bool


class Answers(CampaignAnswers, HistoryAnswers, Protocol):
    """What may be asked of the memory of record, also read-only. Raises `BitgaugeError` only."""

    def close(self) -> None:
        """Close every connection."""

    def devices(self, now_ns: int, terms: LeaseTerms) -> tuple[DeviceView, ...]:
        """Every device, `unreachable` after the silence that `terms` allow."""

    def job(self, job_id: str) -> JobView:
        """One job. `UNKNOWN_JOB` when there is none."""

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""

    def run(self, run_id: str) -> RunView:
        """One run. `UNKNOWN_RUN` when there is none."""

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job, in order of arrival."""

    def rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The newest row per row key that matches; simulated and emulated results never."""

    def deciding_rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Like `rows`, with `table.DECIDING_METRICS` and no others: a third of the work."""

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that something was measured or tried for, without priors."""


class Store(Answers, AccessStore, CareStore, HistoryStore, TrustStore, CampaignStore, Protocol):
    """The memory of record. Raises `BitgaugeError` only."""

    # -- devices and leases ---------------------------------------------------------------
    def register(self, registration: Registration, now_ns: int) -> tuple[str, ...]:
        """Record a device. `DEVICE_RETIRED` when it was removed for good.

        Leases of older incarnations end once their process tree is reported dead; the ids of
        the jobs so queued again are returned. The runs that they began and never reported are
        kept as attempts that were interrupted.
        """

    def seen(self, device_id: str, incarnation: str, now_ns: int) -> None:
        """Note that an agent called.

        `LEASE_LOST` for an incarnation that is not the newest; `UNKNOWN_DEVICE` when it never
        registered.
        """

    def acquiring(self, device_id: str, incarnation: str, now_ns: int) -> tuple[str, ...]:
        """Like `seen`, for an agent that asks for work and so holds no lease.

        A lease of its device that it never renewed nor reported under was lost on the way and
        ends. The ids of the jobs queued again.
        """

    def claim(
        self, job_id: str, device_id: str, token: bytes, now_ns: int, terms: LeaseTerms
    ) -> Assignment | None:
        """Lease a queued job to a device by one UPDATE that raises the epoch.

        None when the job is no longer queued or the device already holds a lease.
        """

    def renew(  # noqa: PLR0917  (a lease, then what is said of it)
        self,
        job_id: str,
        epoch: int,
        token: bytes,
        progress: Progress | None,
        hold_ns: int,
        now_ns: int,
        terms: LeaseTerms,
    ) -> str:
        """Extend a lease: `ok`, `cancel` (stop, the user asked) or `lost` (stop, forget)."""

    def expire(self, now_ns: int) -> tuple[str, ...]:
        """End the leases that have run out; the ids of the jobs queued again."""

    def refresh_leases(self, now_ns: int, terms: LeaseTerms) -> None:
        """At start: give every active lease a fresh TTL; downtime consumes none."""

    # -- jobs -----------------------------------------------------------------------------
    def submit(
        self,
        job_id: str,
        spec: JobSpec,
        model_class: ModelClass,
        now_ns: int,
        submitted_by: str = "",
    ) -> tuple[str, bool]:
        """Record a job; one idempotency key is one job. `submitted_by` names a token.

        Returns:
            The id of the job, and whether this call made it. A known key with another spec
            raises `IDEMPOTENCY_CONFLICT`.
        """

    def pending_builds(self) -> tuple[PendingBuild, ...]:
        """Entries whose artifact has to be built (`key.toolchain` is empty: filled by caller)."""

    def built(
        self, job_id: str, entry_index: int, outcome: BuildOutcome | Failure, now_ns: int
    ) -> None:
        """Record an entry's artifact, its being unsupported, or its failure.

        When no entry is left to build the job is queued: its baseline can always be measured.
        """

    def cached_build(self, key: BuildKey) -> BuildOutcome | None:
        """The outcome of an equal build, if one is known."""

    def cache_build(self, key: BuildKey, outcome: BuildOutcome, now_ns: int) -> None:
        """Remember a build."""

    def cancel(self, job_id: str, reason: str, now_ns: int) -> JobView:
        """Cancel a job that has not ended; a leased one ends when its agent is told."""

    def spec(self, job_id: str) -> JobSpec:
        """What was submitted."""

    def queued(self) -> tuple[tuple[JobView, JobSpec], ...]:
        """Queued jobs with their specs, for the scheduler, oldest first."""

    def avoid(self) -> dict[str, frozenset[str]]:
        """Per waiting job the devices on which a lease ran out or an attempt must be repeated.

        The scheduler leaves such a job to another matching device when there is one.
        """

    # -- runs -----------------------------------------------------------------------------
    def report(self, report: RunReport, now_ns: int, terms: LeaseTerms) -> Disposition:
        """Store a run once by its id and say what became of it.

        `accepted` only if its epoch is current, its job waits for results and its entry has
        none; a retryable failure is kept as `retry` until the attempts are used up; else
        `stale`. Repeating a report gives the first answer. When every entry is settled the
        lease ends and the job is analysed; when every entry of this epoch has reported and some
        must be retried, it is queued again.

        A run under a token that never belonged to its job, epoch and device raises `LEASE_LOST`
        and is not kept: it could otherwise take the run id of the one who holds the lease. Ids
        that do not agree raise `BAD_ARGUMENT`.
        """

    def unanalysed(self) -> tuple[str, ...]:
        """Ids of accepted runs with raw data and without metrics, oldest first.

        A run that failed is among them when the sentinel was timed around it.
        """

    def analysed(
        self, run_id: str, version: int, metrics: tuple[MetricValue, ...], now_ns: int
    ) -> None:
        """Store the published metrics of a run, replacing older ones.

        Ends the job when this was the last run it waited for.
        """

    def analysis_failed(self, run_id: str, failure: Failure, now_ns: int) -> None:
        """Record that nothing can be computed from a run, say because a raw file is damaged.

        Its entry fails, its raw data stays, and the job no longer waits for it.
        """

    # -- the table ------------------------------------------------------------------------
    def use_inputs(self, toolchains: Mapping[str, str]) -> int:
        """Mark as stale what something else would build or measure now.

        Args:
            toolchains: what builds each recipe here, from now on.

        Returns:
            How many rows changed their marks. Those of devices change when a device registers.
        """

    def rebuild_table(self) -> int:
        """Make all rows and cells anew from the runs; the number of rows."""

    # -- blobs ----------------------------------------------------------------------------
    def record_blob(self, digest: Digest, now_ns: int) -> None:
        """Note a blob that is complete and durable on disk."""

    def missing_blobs(self, digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
        """Those of `digests` that are not recorded."""

    def use_blobs(self, digests: tuple[Digest, ...], now_ns: int) -> None:
        """Let the recorded ones of `digests` live on; somebody is about to name them."""

    def blobs(self) -> tuple[tuple[Digest, int], ...]:
        """Every recorded blob and when it was last used."""

    def blob_bytes(self) -> int:
        """Size of all recorded blobs together."""

    def spare_blobs(self, unused_since_ns: int) -> tuple[SpareBlob, ...]:
        """Blobs that may go, unused since then.

        Never among them: what a job that has not ended names, or may yet build; raw data,
        baseline, evaluation set and reference of an accepted run; and a measured artifact or a
        calibration set that somebody uploaded.
        """

    def forget_blobs(self, digests: tuple[Digest, ...]) -> None:
        """Strike blobs off the record, and the builds that they are the outcome of."""
