"""Refreshes: planned from the table, started as campaigns, driven by what the store says.

The driver may be killed between any two lines. Each job has an idempotency key of its campaign,
so that however often it is submitted it is one job, and what was measured is not measured again.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from bitgauge.benchmarks.refresh.diff import differences
from bitgauge.benchmarks.vocabulary.enums import CampaignState
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    NotFound,
    Refused,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    CellChange,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)

from ..decisions import campaigns, schedules, submission
from ..decisions.campaigns import CampaignEvent, Step
from ..store.store import Store
from ..store.values import DueSchedule, LeaseTerms, NewCampaign
from ..store.writer import Writer
from .asks import Asks
from .coordinator import Coordinator
from .plan import planned, require_order, rows_of

PAUSE_S = 1.0
LONGEST_TICK_S = 10.0
_LATER = frozenset({Code.QUEUE_QUOTA, Code.DISK_FULL, Code.BLOB_LIMIT})
_S = 1_000_000_000
_log = logging.getLogger(__name__)


class Refresh:
    """The campaigns and schedules of one coordinator."""

    def __init__(
        self,
        coordinator: Coordinator,
        writer: Writer,
        terms: LeaseTerms,
        asks: Asks,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._coordinator = coordinator
        self._writer = writer
        self._terms = terms
        self._asks = asks
        self._now_ns = clock

    # -- what people ask ------------------------------------------------------------------
    async def plan(self, order: RefreshOrder) -> RefreshPlan:
        """What a refresh would measure now, and why."""
        await self._asks.flush()
        now_ns = self._now_ns()
        return await self._writer.call(lambda store: planned(store, order, now_ns, self._terms))

    async def start(
        self,
        order: RefreshOrder,
        idempotency_key: str,
        submitted_by: str = "",
        schedule: str | None = None,
    ) -> tuple[CampaignView, RefreshPlan, bool]:
        """Plan a refresh and begin it; one idempotency key is one campaign.

        Returns:
            The campaign, its plan, and whether this call made it.

        Raises:
            Refused: `BLOB_MISSING`, a file of the suite was not uploaded.
        """
        await self._asks.flush()
        now_ns = self._now_ns()
        campaign_id = str(uuid.uuid4())
        key = idempotency_key or campaign_id

        def work(store: Store) -> tuple[CampaignView, RefreshPlan, bool]:
            plan = RefreshPlan()
            if store.campaign_with_key(key) is None:
                plan = planned(store, order, now_ns, self._terms)
                _require_files(store, plan, now_ns)
            campaign = NewCampaign(
                campaign_id=campaign_id,
                idempotency_key=key,
                name=order.suite.name if order.suite else "stale",
                order=order,
                plan=plan,
                rows_before=rows_of(store, (job.spec.model_name for job in plan.jobs)),
                submitted_by=submitted_by,
                schedule=schedule,
            )
            known, created = store.begin_campaign(campaign, now_ns)
            return store.campaign(known), store.campaign_plan(known), created

        return await self._writer.change(work)

    async def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign."""
        return await self._writer.call(lambda store: store.campaign(campaign_id))

    async def campaigns(self, limit: int) -> tuple[CampaignView, ...]:
        """Campaigns, newest first."""
        return await self._writer.call(lambda store: store.campaigns(limit))

    async def pause(self, campaign_id: str, only_of: str | None = None) -> CampaignView:
        """Submit no further job of a campaign; those that are queued are still measured."""
        return await self._move(campaign_id, CampaignEvent.PAUSE, only_of)

    async def resume(self, campaign_id: str, only_of: str | None = None) -> CampaignView:
        """Let a paused campaign go on."""
        return await self._move(campaign_id, CampaignEvent.RESUME, only_of)

    async def cancel(self, campaign_id: str, only_of: str | None = None) -> CampaignView:
        """End a campaign and cancel its open jobs; what was measured stays."""
        return await self._move(campaign_id, CampaignEvent.CANCEL, only_of)

    async def _move(
        self, campaign_id: str, event: CampaignEvent, only_of: str | None
    ) -> CampaignView:
        now_ns = self._now_ns()

        def work(store: Store) -> CampaignView:
            view = store.campaign(campaign_id)
            if only_of is not None and view.submitted_by != only_of:
                raise Refused(
                    Code.FORBIDDEN, f"Campaign {view.campaign_id} was started by somebody else."
                )
            found = view.campaign_id
            if event is CampaignEvent.CANCEL:
                reason = f"cancelled by {only_of}" if only_of else "cancelled"
                store.move_campaign(found, event, now_ns, reason=reason, diff=_diff(store, found))
                _cancel_jobs(store, now_ns)
            else:
                store.move_campaign(found, event, now_ns)
            return store.campaign(found)

        return await self._writer.change(work)

    # -- schedules ------------------------------------------------------------------------
    async def set_schedule(
        self, name: str, cron: str, order: RefreshOrder, submitted_by: str = ""
    ) -> ScheduleView:
        """Have a refresh start by itself, instead of an earlier schedule of that name."""
        if not name.strip():
            raise BadInput(Code.BAD_ARGUMENT, "The schedule has no name.")
        require_order(order)
        now_ns = self._now_ns()
        schedule = ScheduleView(
            name=name.strip(),
            cron=cron,
            created_unix_ns=now_ns,
            next_unix_ns=schedules.next_after(cron, now_ns),
            submitted_by=submitted_by,
        )

        def work(store: Store) -> ScheduleView:
            _require_suite_files(store, order, now_ns)
            store.set_schedule(schedule, order)
            return schedule

        return await self._writer.change(work)

    async def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        return await self._writer.call(lambda store: store.schedules())

    async def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule; its campaigns go on."""
        return await self._writer.change(lambda store: store.remove_schedule(name))

    # -- what happens by itself -----------------------------------------------------------
    async def run(self) -> None:
        """Drive campaigns and schedules for ever."""
        while True:
            version = self._writer.changes.version
            try:
                await self._asks.flush()
                await self.step()
                tick_s = await self._tick_s()
            except BitgaugeError as error:
                _log.error("campaigns could not be driven: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            await self._writer.changes.wait_past(version, tick_s)
            await asyncio.sleep(PAUSE_S)  # a lab at work changes the store all the time

    async def step(self) -> None:
        """Start what is due, submit what has room, end what is done."""
        now_ns = self._now_ns()
        for due in await self._writer.call(lambda store: store.due_schedules(now_ns)):
            await self._start_due(due)
        await self._writer.change_if(lambda store: _cancel_jobs(store, now_ns))
        for campaign_id in await self._writer.call(lambda store: store.live_campaigns()):
            await self._drive(campaign_id)

    async def _tick_s(self) -> float:
        """Seconds until the next schedule, at most `LONGEST_TICK_S`."""
        known = await self._writer.call(lambda store: store.schedules())
        now_ns = self._now_ns()
        left_s = [(one.next_unix_ns - now_ns) / _S for one in known]
        return min([LONGEST_TICK_S, *(max(0.05, left) for left in left_s)])

    async def _start_due(self, due: DueSchedule) -> None:
        """Start what a schedule asks for, once for each time; missed times count as one."""
        key = f"schedule:{due.name}:{due.due_unix_ns}"
        campaign_id = ""
        try:
            view, _, _ = await self.start(due.order, key, due.submitted_by, due.name)
            campaign_id = view.campaign_id
        except Unavailable:
            raise  # the time stays due
        except BitgaugeError as error:
            _log.error("schedule %s could not start: %s", due.name, error)
        following = schedules.next_after(due.cron, self._now_ns())
        await self._writer.change(lambda store: store.schedule_started(due, following, campaign_id))

    async def _drive(self, campaign_id: str) -> None:
        view = await self._writer.call(lambda store: store.campaign(campaign_id))
        now_ns = self._now_ns()
        if view.state is CampaignState.PLANNED and view.jobs:
            await self._writer.change(
                lambda store: store.move_campaign(campaign_id, CampaignEvent.BEGIN, now_ns)
            )
        if view.state is not CampaignState.PAUSED:
            steps = await self._writer.call(lambda store: store.campaign_steps(campaign_id))
            for step in campaigns.to_submit(steps):
                await self._submit(view, step)
        await self._writer.change_if(lambda store: _end(store, campaign_id, now_ns))

    async def _submit(self, view: CampaignView, step: Step) -> None:
        """Submit a step's job; a step that can never be submitted says why."""
        campaign_id, n = view.campaign_id, step.n
        spec = replace(step.spec, idempotency_key=campaigns.key_of(campaign_id, n))
        try:
            job_id, _ = await self._coordinator.submit(spec, view.submitted_by)
        except Unavailable:
            raise
        except BitgaugeError as error:
            if error.code in _LATER:
                _log.info("campaign %s waits: %s", campaign_id, error.sentence)
                return
            reason = error.sentence
            await self._writer.change(lambda store: store.campaign_refused(campaign_id, n, reason))
            return
        await self._writer.change(lambda store: store.campaign_submitted(campaign_id, n, job_id))


def _end(store: Store, campaign_id: str, now_ns: int) -> bool:
    """End a campaign of which nothing is left; whether it did."""
    if campaign_id not in store.live_campaigns():
        return False
    ending = campaigns.ending(store.campaign_steps(campaign_id))
    if ending is None:
        return False
    event, reason = ending
    store.move_campaign(campaign_id, event, now_ns, reason=reason, diff=_diff(store, campaign_id))
    return True


def _diff(store: Store, campaign_id: str) -> tuple[CellChange, ...]:
    before, after = store.campaign_rows(campaign_id)
    runs = tuple({row.run_id for row in (*before, *after) if row.run_id is not None})
    return differences(before, after, store.stacks(runs))


def _cancel_jobs(store: Store, now_ns: int) -> int:
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
    for job in plan.jobs:
        digests = tuple(submission.named_digests(job.spec))
        store.use_blobs(digests, now_ns)
        submission.require_blobs(job.spec, store.missing_blobs(digests))


def _require_suite_files(store: Store, order: RefreshOrder, now_ns: int) -> None:
    for model in order.suite.models if order.suite else ():
        named = {model.baseline: "baseline", model.evaluation: "evaluation set"}
        if model.calibration is not None:
            named[model.calibration] = "calibration set"
        store.use_blobs(tuple(named), now_ns)
        missing = store.missing_blobs(tuple(named))
        if missing:
            raise Refused(
                Code.BLOB_MISSING,
                f"Not uploaded: the {named[missing[0]]} of {model.name}, {missing[0]}.",
            )
