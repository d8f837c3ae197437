"""Campaigns of the store on SQLite: each call is one transaction around a function of `store_*`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitgauge.benchmarks.refresh.plan import Ask, RunTime
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    CellChange,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from ..decisions.campaigns import CampaignEvent, Step
from .campaigns import campaigns as store_campaigns
from .campaigns import demand as store_demand
from .campaigns import schedules as store_schedules
from .values import AskKey, DueSchedule, NewCampaign

if TYPE_CHECKING:
    from sqlite_utils import Database


class CampaignReads:
    """What may be asked of campaigns, on any connection."""

    def _read(self, doing: str) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        raise NotImplementedError

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign with its diff."""
        with self._read("reading a campaign") as connection:
            return store_campaigns.view(connection, campaign_id)

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first."""
        with self._read("reading campaigns") as connection:
            return store_campaigns.views(connection, limit)

    def campaign_with_key(self, idempotency_key: str) -> tuple[str, RefreshOrder] | None:
        """The campaign that this idempotency key made."""
        with self._read("reading a campaign") as connection:
            return store_campaigns.with_key(connection, idempotency_key)

    def campaign_plan(self, campaign_id: str) -> RefreshPlan:
        """What a campaign set out to measure."""
        with self._read("reading a campaign") as connection:
            return store_campaigns.plan(connection, campaign_id)

    def live_campaigns(self) -> tuple[str, ...]:
        """Ids of the campaigns that have not ended."""
        with self._read("reading campaigns") as connection:
            return store_campaigns.live(connection)

    def campaign_steps(self, campaign_id: str) -> tuple[Step, ...]:
        """The jobs of a campaign."""
        with self._read("reading a campaign") as connection:
            return store_campaigns.steps(connection, campaign_id)

    def campaign_rows(self, campaign_id: str) -> tuple[tuple[TableRow, ...], tuple[TableRow, ...]]:
        """The table at the start of a campaign, and what its jobs know now."""
        with self._read("reading a campaign") as connection:
            return store_campaigns.rows(connection, campaign_id)

    def stacks(self, run_ids: tuple[str, ...]) -> Mapping[str, tuple[StackItem, ...]]:
        """By run, what was written down of its stack."""
        with self._read("reading runs") as connection:
            return store_campaigns.stacks(connection, run_ids)

    def orphaned_jobs(self) -> tuple[str, ...]:
        """Open jobs of cancelled campaigns."""
        with self._read("reading campaigns") as connection:
            return store_campaigns.orphaned(connection)

    def stale_rows(self) -> tuple[tuple[TableRow, JobSpec], ...]:
        """The rows of which an input is another one now, each with what was submitted for it."""
        with self._read("reading the table") as connection:
            return store_campaigns.stale(connection)

    def run_times(self) -> tuple[RunTime, ...]:
        """How long the newest runs took."""
        with self._read("reading runs") as connection:
            return store_demand.run_times(connection)

    def asks(self, since_day: int) -> tuple[Ask, ...]:
        """How often each part of the table was asked for."""
        with self._read("reading what was asked") as connection:
            return store_demand.asks(connection, since_day)

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        with self._read("reading schedules") as connection:
            return store_schedules.schedules(connection)

    def due_schedules(self, now_ns: int) -> tuple[DueSchedule, ...]:
        """Schedules whose time has come."""
        with self._read("reading schedules") as connection:
            return store_schedules.due(connection, now_ns)


class CampaignWrites(CampaignReads):
    """What changes campaigns, on the writing connection."""

    def _write(self, doing: str) -> contextlib.AbstractContextManager[Database]:
        raise NotImplementedError

    def begin_campaign(self, campaign: NewCampaign, now_ns: int) -> tuple[str, bool]:
        """Record a campaign once per idempotency key."""
        with self._write("recording a campaign") as db:
            return store_campaigns.begin(db, campaign, now_ns)

    def campaign_submitted(self, campaign_id: str, n: int, job_id: str) -> None:
        """Note the job that a step became."""
        with self._write("recording a campaign") as db:
            store_campaigns.submitted(db, campaign_id, n, job_id)

    def campaign_refused(self, campaign_id: str, n: int, reason: str) -> None:
        """Note that a step can not be submitted."""
        with self._write("recording a campaign") as db:
            store_campaigns.refused(db, campaign_id, n, reason)

    def move_campaign(
        self,
        campaign_id: str,
        event: CampaignEvent,
        now_ns: int,
        reason: str | None = None,
        diff: tuple[CellChange, ...] = (),
    ) -> None:
        """Let an event happen to a campaign."""
        with self._write("recording a campaign") as db:
            store_campaigns.move(db, campaign_id, event, now_ns, reason=reason, diff=diff)

    def note_asks(self, asks: Mapping[AskKey, int], day: int) -> None:
        """Add to what was asked on a day."""
        with self._write("recording what was asked") as db:
            store_demand.note(db, asks, day)

    def set_schedule(self, schedule: ScheduleView, order: RefreshOrder) -> None:
        """Record a schedule."""
        with self._write("recording a schedule") as db:
            store_schedules.set_schedule(db, schedule, order)

    def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule."""
        with self._write("recording a schedule") as db:
            return store_schedules.remove_schedule(db, name)

    def schedule_started(self, due: DueSchedule, next_unix_ns: int, campaign_id: str) -> None:
        """Note what a schedule started."""
        with self._write("recording a schedule") as db:
            store_schedules.started(db, due, next_unix_ns, campaign_id)
