"""What the store remembers of campaigns, schedules and demand: plain values and a protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.answers import TableRow
from bitgauge.benchmarks.campaign_values import (
    CampaignView,
    CellChange,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.benchmarks.model import JobSpec, StackItem, Workload
from bitgauge.benchmarks.refresh_plan import Ask, RunTime
from bitgauge.benchmarks.vocabulary import HardwareClass, ModelClass

from .campaigns import CampaignEvent, Step

AskKey = tuple[ModelClass | None, HardwareClass | None, Workload | None]


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to be recorded, with the table as it is."""

    campaign_id: str
    idempotency_key: str
    name: str
    order: RefreshOrder
    plan: RefreshPlan
    rows_before: tuple[TableRow, ...]
    submitted_by: str = ""
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose time has come."""

    name: str
    cron: str
    order: RefreshOrder
    due_unix_ns: int
    submitted_by: str


class CampaignAnswers(Protocol):
    """What may be asked of campaigns, also read-only."""

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or by the beginning of one. `UNKNOWN_CAMPAIGN`."""

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first, without their diffs."""

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""


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
