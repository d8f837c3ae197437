"""What the store remembers of how far devices can be trusted: a protocol on plain values.

Drift is judged by the store itself, in the transaction that ends a job: nobody ever sees a job
that has ended and is yet to be called suspect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bitgauge.benchmarks.refresh.plan import Ask, RunTime
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    ModelClass,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CellChange,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import (
    Failure,
    MetricValue,
    Progress,
    RunReport,
)

from ..decisions.campaigns import CampaignEvent, Step
from ..decisions.care import CheckOutcome, DeviceCare, Hearing
from .access_protocol import AccessStore, HistoryStore
from .reads import Answers, CampaignAnswers
from .values import (
    AskKey,
    BuildKey,
    BuildOutcome,
    DueSchedule,
    EndedCheck,
    LeaseTerms,
    NewCampaign,
    PendingBuild,
    Registration,
    SpareBlob,
)


class TrustStore(Protocol):
    """The part of the store that knows A/A certificates. Raises `BitgaugeError` only."""

    def begin_certification(
        self,
        job_id: str,
        device_id: str,
        spec: JobSpec,
        model_class: ModelClass,
        now_ns: int,
        *,
        submitted_by: str = "",
    ) -> tuple[str, bool]:
        """Record a job as the certification of a device and of the runtime that `spec` names.

        Its certificate is issued, or refused, when the job has finished. One that fails or is
        cancelled says nothing. `DEVICE_RETIRED`.

        Returns:
            The id of the job, and whether this call made it: one certification at a time.
        """

    def certificates(
        self, device_id: str, runtime: str, fingerprint: str
    ) -> tuple[AaCertificate, ...]:
        """Every certificate of one device, runtime and stack, refused ones too, oldest first."""


class CampaignStore(CampaignAnswers, Protocol):
    """The part of the store that knows campaigns. Raises `BitgaugeError` only."""

    def begin_campaign(self, campaign: NewCampaign, now_ns: int) -> tuple[str, bool]:
        """Record a campaign; one idempotency key is one campaign. Its files are pinned.

        Returns:
            The id of the campaign, and whether this call made it. A known key with another order
            raises `IDEMPOTENCY_CONFLICT`.
        """

    def campaign_with_key(self, idempotency_key: str) -> tuple[str, RefreshOrder] | None:
        """The campaign that this idempotency key made, and what it was asked."""

    def campaign_plan(self, campaign_id: str) -> RefreshPlan:
        """What a campaign set out to measure. `UNKNOWN_CAMPAIGN`."""

    def live_campaigns(self) -> tuple[str, ...]:
        """Ids of the campaigns that have not ended, oldest first."""

    def campaign_steps(self, campaign_id: str) -> tuple[Step, ...]:
        """The jobs of a campaign with what followed from each, in order."""

    def campaign_submitted(self, campaign_id: str, n: int, job_id: str) -> None:
        """Note the job that a step became."""

    def campaign_refused(self, campaign_id: str, n: int, reason: str) -> None:
        """Note that a step can not be submitted."""

    def campaign_rows(self, campaign_id: str) -> tuple[tuple[TableRow, ...], tuple[TableRow, ...]]:
        """The table as it was at the start, and what the jobs of the campaign know now."""

    def stacks(self, run_ids: tuple[str, ...]) -> Mapping[str, tuple[StackItem, ...]]:
        """By run, what was written down of its stack."""

    def move_campaign(
        self,
        campaign_id: str,
        event: CampaignEvent,
        now_ns: int,
        reason: str | None = None,
        diff: tuple[CellChange, ...] = (),
    ) -> None:
        """Let an event happen to a campaign; one that ends lets go of its files."""

    def orphaned_jobs(self) -> tuple[str, ...]:
        """Ids of jobs that have not ended though their campaign was cancelled."""

    # -- what a plan is made from ---------------------------------------------------------
    def stale_rows(self) -> tuple[tuple[TableRow, JobSpec], ...]:
        """The rows of which an input is another one now, each with what was submitted for it."""

    def run_times(self) -> tuple[RunTime, ...]:
        """How long the newest runs took on their devices."""

    def note_asks(self, asks: Mapping[AskKey, int], day: int) -> None:
        """Add to what was asked on a day, counted from 1970-01-01."""

    def asks(self, since_day: int) -> tuple[Ask, ...]:
        """How often each part of the table was asked for since a day."""

    # -- schedules ------------------------------------------------------------------------
    def set_schedule(self, schedule: ScheduleView, order: RefreshOrder) -> None:
        """Record a schedule instead of an earlier one of its name, and pin its files."""

    def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule. `UNKNOWN_SCHEDULE`."""

    def due_schedules(self, now_ns: int) -> tuple[DueSchedule, ...]:
        """Schedules whose time has come."""

    def schedule_started(self, due: DueSchedule, next_unix_ns: int, campaign_id: str) -> None:
        """Note what a schedule started, and when it starts next."""


class CareStore(Protocol):
    """The part of the store that knows how devices are. Raises `BitgaugeError` only."""

    def care(self, device_id: str) -> DeviceCare:
        """What is remembered about a device. `UNKNOWN_DEVICE`."""

    def hearings(self) -> tuple[Hearing, ...]:
        """When each device that is neither cordoned nor retired was heard last."""

    def device_named(self, device: str) -> str:
        """The id of the device with this id or name, retired ones only when no other has it.

        `UNKNOWN_DEVICE`; `BAD_ARGUMENT` when several have the name.
        """

    def cordon(self, device_id: str, reason: str) -> None:
        """Give a device no further job; health `maintenance` unless `bad`. `DEVICE_RETIRED`."""

    def uncordon(self, device_id: str) -> None:
        """Take a device up again; its health is `suspect` until checked. `DEVICE_RETIRED`."""

    def retire(self, device_id: str, reason: str, now_ns: int) -> tuple[str, ...]:
        """Remove a device for good and end its lease; the ids of the jobs queued again."""

    def begin_check(
        self, job_id: str, device_id: str, spec: JobSpec, model_class: ModelClass, now_ns: int
    ) -> None:
        """Record a job as the health check of a device.

        Such a job is in no list and in no table, and asks for the quality pass alone.
        """

    def ended_checks(self) -> tuple[EndedCheck, ...]:
        """Health checks that have ended and wait for their judgement."""

    def checked(self, job_id: str, outcome: CheckOutcome, reason: str, now_ns: int) -> None:
        """Record the judgement: `good`, or `bad` and cordoned, or nothing."""

    def job_with_key(self, idempotency_key: str) -> str | None:
        """The job that this idempotency key made; None for an unknown or empty key."""

    def waiting_of(self, user: str) -> int:
        """How many jobs that this user submitted are building or queued."""


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
