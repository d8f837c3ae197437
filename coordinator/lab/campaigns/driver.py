"""Drives campaigns and schedules by what the store says.

It may be killed between any two lines. Each job has an idempotency key of its campaign,
so that however often it is submitted it is one job, and what was measured is not measured again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.enums import CampaignState
from bitgauge.benchmarks.vocabulary.errors import (
    BitgaugeError,
    Code,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, CellChange

from ...decisions import campaigns, schedules
from ...decisions.campaigns import CampaignEvent, CampaignStep
from ...decisions.quotas import DAY_NS
from ...store.store import Store
from ...store.values import DueSchedule
from ...store.writer import Writer
from ..jobs import Jobs
from .asks import Asks
from .campaigns import Campaigns, cancel_orphans, diff_of

PAUSE_S = 1.0
LONGEST_TICK_S = 10.0
_LATER = frozenset({Code.QUEUE_QUOTA, Code.DISK_FULL, Code.BLOB_LIMIT})
_S = 1_000_000_000
_Ending = tuple[CampaignEvent, str | None, tuple[CellChange, ...]]
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class CampaignDriver:
    """Drives the campaigns and schedules of one coordinator."""

    writer: Writer
    begun: Campaigns
    jobs: Jobs
    asks: Asks

    async def run(self) -> None:
        """Drive campaigns and schedules for ever."""
        while True:
            version = self.writer.changes.version
            try:
                await self.asks.flush()
                await self.step()
                tick_s = await self._tick_s()
            except BitgaugeError as error:
                _log.error("campaigns could not be driven: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            await self.writer.changes.wait_past(version, tick_s)
            await asyncio.sleep(PAUSE_S)  # a lab at work changes the store all the time

    async def step(self) -> None:
        """Start what is due, submit what has room, end what is done."""
        now_ns = self.writer.now_ns()
        for due in await self.writer.ask(lambda store: store.due_schedules(now_ns)):
            await _apart(f"schedule {due.name}", self._start_due(due))
        if await self.writer.ask(lambda store: store.orphaned_jobs()):
            await self.writer.change_if(lambda store: cancel_orphans(store, now_ns))
        for campaign_id in await self.writer.ask(lambda store: store.live_campaigns()):
            error = await _apart(f"campaign {campaign_id}", self._drive(campaign_id))
            if error is not None and error.code is Code.STORE_DAMAGED:
                await self._give_up(campaign_id, error)

    async def _give_up(self, campaign_id: str, error: BitgaugeError) -> None:
        """End a campaign that cannot be read."""
        now_ns, reason = self.writer.now_ns(), error.sentence
        await self.writer.change(
            lambda store: store.fail_unreadable_campaign(campaign_id, reason, now_ns)
        )

    async def _tick_s(self) -> float:
        """Seconds until the next schedule, at most `LONGEST_TICK_S`."""
        known = await self.writer.ask(lambda store: store.schedules())
        now_ns = self.writer.now_ns()
        left_s = [(one.next_unix_ns - now_ns) / _S for one in known if one.problem is None]
        return min([LONGEST_TICK_S, *(max(0.05, left) for left in left_s)])

    async def _start_due(self, due: DueSchedule) -> None:
        """Start what a schedule asks for, once for each time; missed times count as one."""
        now_ns = self.writer.now_ns()
        if not await self.writer.call(lambda store: store.may_submit(due.submitted_by, now_ns)):
            await self._skip(due, now_ns)
            return
        key = f"schedule:{due.name}:{due.due_unix_ns}"
        campaign_id = ""
        try:
            campaign_id, _ = await self.begun.start(due.order, key, due.submitted_by, due.name)
        except Unavailable:
            raise  # the time stays due
        except BitgaugeError as error:
            _log.error("schedule %s could not start: %s", due.name, error)
        following = schedules.following(
            due.cron, due.due_unix_ns, self.writer.now_ns(), self.begun.quotas.between_starts_s
        )
        await self.writer.change(lambda store: store.schedule_started(due, following, campaign_id))

    async def _skip(self, due: DueSchedule, now_ns: int) -> None:
        """Whose token ended starts nothing any more; it is looked at once a day."""
        why = f"its owner {due.submitted_by} has no live token that may submit"
        _log.warning("schedule %s does not start: %s", due.name, why)
        later = schedules.following(due.cron, due.due_unix_ns, now_ns, DAY_NS // _S)
        await self.writer.change(lambda store: store.schedule_skipped(due, later, why, now_ns))

    async def _drive(self, campaign_id: str) -> None:
        view = await self.writer.ask(lambda store: store.campaign(campaign_id))
        now_ns = self.writer.now_ns()
        if view.state is CampaignState.PLANNED and view.jobs:
            await self.writer.change(
                lambda store: store.move_campaign(campaign_id, CampaignEvent.BEGIN, now_ns)
            )
        if view.state is not CampaignState.PAUSED:
            steps = await self.writer.ask(lambda store: store.campaign_steps(campaign_id))
            for step in campaigns.to_submit(steps):
                await self._submit(view, step)
        ending = await self.writer.ask(lambda store: _ending(store, campaign_id))
        if ending is not None:
            await self.writer.change_if(lambda store: _end(store, campaign_id, ending, now_ns))

    async def _submit(self, view: CampaignView, step: CampaignStep) -> None:
        """Submit a step's job; a step that can never be submitted says why."""
        campaign_id, n = view.campaign_id, step.n
        spec = replace(step.spec, idempotency_key=campaigns.key_of(campaign_id, n))
        try:
            job_id, _ = await self.jobs.submit(spec, view.submitted_by)
        except Unavailable:
            raise
        except BitgaugeError as error:
            if error.code in _LATER:
                _log.info("campaign %s waits: %s", campaign_id, error.sentence)
                return
            reason = error.sentence
            await self.writer.change(lambda store: store.campaign_refused(campaign_id, n, reason))
            return
        await self.writer.change(lambda store: store.campaign_submitted(campaign_id, n, job_id))


async def _apart(what: str, work: Awaitable[None]) -> BitgaugeError | None:
    """Do what concerns one campaign or schedule alone; its trouble is no other one's.

    What fails with `Unavailable`, such as a full disk, is everybody's.
    """
    try:
        await work
    except Unavailable:
        raise
    except BitgaugeError as error:
        _log.error("%s could not be driven: %s", what, error)
        return error
    return None


def _ending(store: Store, campaign_id: str) -> _Ending | None:
    """How a campaign of which nothing is left ends, with what it changed; None: it goes on."""
    if campaign_id not in store.live_campaigns():
        return None
    ending = campaigns.ending(store.campaign_steps(campaign_id))
    return None if ending is None else (*ending, diff_of(store, campaign_id))


def _end(store: Store, campaign_id: str, ending: _Ending, now_ns: int) -> bool:
    """End a campaign, unless somebody did meanwhile; whether it did."""
    if campaign_id not in store.live_campaigns():
        return False
    event, reason, diff = ending
    store.move_campaign(campaign_id, event, now_ns, reason=reason, diff=diff)
    return True
