"""Campaigns and schedules as people ask for them: planned from the table, begun, moved."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from bitgauge.benchmarks.refresh.diff import differences
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    Code,
    NotFound,
    Refused,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    CellChange,
    PlannedJob,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ...decisions import schedules, submission
from ...decisions.asker import ITSELF, Asker
from ...decisions.campaigns import CampaignEvent
from ...decisions.quotas import DAY_NS, Quotas, require_room
from ...store.store import Store
from ...store.values import LeaseTerms, NewCampaign
from ...store.writer import Writer
from ..blobs import wanted
from .asks import Asks
from .plan import planned, require_order, rows_of

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Campaigns:
    """The campaigns and schedules of one coordinator. Raises `BitgaugeError` only."""

    writer: Writer
    terms: LeaseTerms
    asks: Asks
    quotas: Quotas = field(default_factory=Quotas)

    # -- what people ask ------------------------------------------------------------------
    async def planning(self, order: RefreshOrder) -> Callable[[Store], RefreshPlan]:
        """What a refresh would measure now, and why, once a reader is asked."""
        require_order(order)
        await self.asks.flush()
        now_ns = self.writer.now_ns()
        return lambda store: planned(store, order, now_ns, self.terms)

    async def start(
        self,
        order: RefreshOrder,
        idempotency_key: str,
        submitted_by: str = "",
        schedule: str | None = None,
    ) -> tuple[str, bool]:
        """Plan a refresh and begin it; one idempotency key is one campaign.

        Returns:
            The id of the campaign, and whether this call made it.

        Raises:
            Refused: `BLOB_MISSING`, a file of the suite was not uploaded; `QUOTA`.
        """
        plan_of = await self.planning(order)
        now_ns = self.writer.now_ns()
        campaign_id = str(uuid.uuid4())
        key = idempotency_key or campaign_id

        def prepared(store: Store) -> NewCampaign:
            plan = RefreshPlan()
            if store.campaign_with_key(submitted_by, key) is None:
                self._require_campaigns(store, submitted_by, now_ns)
                plan = plan_of(store)
            return NewCampaign(
                campaign_id=campaign_id,
                idempotency_key=key,
                name=order.name,
                order=order,
                plan=plan,
                rows_before=rows_of(store, (job.spec.model_name for job in plan.jobs)),
                submitted_by=submitted_by,
                schedule=schedule,
            )

        campaign = await self.writer.ask(prepared, submitted_by)

        def work(store: Store) -> tuple[str, bool]:
            if store.campaign_with_key(submitted_by, key) is None:
                self._require_campaigns(store, submitted_by, now_ns)
                _require_files(store, campaign.plan, now_ns)
            return store.begin_campaign(campaign, now_ns)

        return await self.writer.change(work)

    async def move(self, campaign_id: str, event: CampaignEvent, asker: Asker = ITSELF) -> str:
        """Pause, resume or cancel a campaign; who started it may, and an admin.

        What was measured stays. A paused one submits no further job, and those that are queued
        are still measured; the open jobs of a cancelled one are cancelled.

        Returns:
            The whole of its id.

        Raises:
            Refused: `FORBIDDEN`, or `ILLEGAL_TRANSITION`.
        """
        now_ns = self.writer.now_ns()

        def found(store: Store) -> tuple[CampaignView, tuple[CellChange, ...]]:
            view = store.campaign(campaign_id)
            asker.require_own(view.submitted_by, f"Campaign {view.campaign_id}")
            ends = event is CampaignEvent.CANCEL
            return view, diff_of(store, view.campaign_id) if ends else ()

        view, diff = await self.writer.ask(found, asker.name)
        ends, who = event is CampaignEvent.CANCEL, asker.name
        reason = f"cancelled by {who}" if ends else None

        def work(store: Store) -> None:
            if not ends:
                self._require_acts(store, who, now_ns)
            store.move_campaign(view.campaign_id, event, now_ns, reason=reason, diff=diff, who=who)
            if ends:
                cancel_orphans(store, now_ns)

        await self.writer.change(work)
        return view.campaign_id

    # -- schedules ------------------------------------------------------------------------
    async def set_schedule(
        self, name: str, cron: str, order: RefreshOrder, asker: Asker = ITSELF
    ) -> ScheduleView:
        """Have a refresh start by itself, instead of an earlier schedule of that name.

        An earlier one is replaced by its owner, or by an admin, whose it is then.
        """
        if not name.strip():
            raise BadInput(Code.BAD_ARGUMENT, "The schedule has no name.")
        require_order(order)
        schedules.require_cron(cron, self.quotas.between_starts_s)
        now_ns = self.writer.now_ns()
        schedule = ScheduleView(
            name=name.strip(),
            cron=cron,
            created_unix_ns=now_ns,
            next_unix_ns=schedules.next_after(cron, now_ns),
            submitted_by=asker.name,
        )

        def work(store: Store) -> ScheduleView:
            _require_own(store, schedule.name, asker)
            names = {one.name for one in store.schedules() if one.submitted_by == asker.name} - {
                schedule.name
            }
            what = f"schedules of {asker.name!r}"
            require_room(len(names), self.quotas.schedules, what, "--schedule-quota")
            self._require_acts(store, asker.name, now_ns)
            _require_suite_files(store, order, now_ns)
            store.set_schedule(schedule, order)
            return schedule

        return await self.writer.change(work)

    async def remove_schedule(self, name: str, asker: Asker = ITSELF) -> ScheduleView:
        """End a schedule; its owner may, and an admin. Its campaigns go on."""
        now_ns = self.writer.now_ns()

        def work(store: Store) -> ScheduleView:
            _require_own(store, name, asker)
            return store.remove_schedule(name, now_ns=now_ns, who=asker.name)

        return await self.writer.change(work)

    def _require_campaigns(self, store: Store, who: str, now_ns: int) -> None:
        """Refuse one more campaign to who has enough of them."""
        live, most = store.live_campaigns_of(who), self.quotas.campaigns
        what = f"campaigns of {who!r} that have not ended"
        require_room(live, most, what, "--campaign-quota")
        self._require_acts(store, who, now_ns)

    def _require_acts(self, store: Store, who: str, now_ns: int) -> None:
        """Refuse one more entry of the audit to who filled a day's share of it."""
        acts = store.acts_of(who, now_ns - DAY_NS)
        require_room(acts, self.quotas.acts, f"acts of {who!r} within a day", "--act-quota")


def _require_own(store: Store, name: str, asker: Asker) -> None:
    for schedule in store.schedules():
        if schedule.name == name:
            asker.require_own(schedule.submitted_by, f"Schedule {name!r}")


def diff_of(store: Store, campaign_id: str) -> tuple[CellChange, ...]:
    """What a campaign changed in the cells of its plan, so far."""
    before, after = store.campaign_rows(campaign_id)
    runs = tuple({row.run_id for row in (*before, *after) if row.run_id is not None})
    return differences(before, after, store.stacks(runs))


def cancel_orphans(store: Store, now_ns: int) -> int:
    """Cancel the open jobs of cancelled campaigns, also one that was submitted too late."""
    cancelled = 0
    for job_id in store.orphaned_jobs():
        try:
            store.cancel(job_id, "its campaign was cancelled", now_ns)
            cancelled += 1
        except (Refused, NotFound) as error:
            _log.info("job %s: %s", job_id, error.sentence)
    return cancelled


def _require_files(store: Store, plan: RefreshPlan, now_ns: int) -> None:
    named: dict[Digest, PlannedJob] = {}
    for job in plan.jobs:
        for digest in submission.named_digests(job.spec):
            named.setdefault(digest, job)
    missing = wanted(store, tuple(named), now_ns)
    if missing:
        first = named[missing[0]]
        submission.require_blobs(first.spec, [one for one in missing if named[one] is first])


def _require_suite_files(store: Store, order: RefreshOrder, now_ns: int) -> None:
    for model in order.suite.models if order.suite else ():
        named = {model.baseline: "baseline", model.evaluation: "evaluation set"}
        if model.calibration is not None:
            named[model.calibration] = "calibration set"
        missing = wanted(store, tuple(named), now_ns)
        if missing:
            raise Refused(
                Code.BLOB_MISSING,
                f"Not uploaded: the {named[missing[0]]} of {model.name}, {missing[0]}.",
            )
