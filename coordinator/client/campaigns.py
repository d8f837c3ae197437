"""The client's calls about campaigns and schedules."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.protos.v1 import lab_pb2

from .client import Client

PLAN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Started:
    """A campaign, its plan, and whether this call made it (else its idempotency key was known)."""

    campaign: CampaignView
    plan: RefreshPlan
    created: bool


class CampaignClient(Client):
    """A client that keeps the table fresh."""

    def __enter__(self) -> CampaignClient:
        return self

    def plan_refresh(self, order: RefreshOrder) -> RefreshPlan:
        """What a refresh would measure, and why; files need not be uploaded."""
        request = lab_pb2.PlanRefreshRequest(order=to_wire(order))
        return from_wire(
            RefreshPlan, self._call(self._lab.PlanRefresh, request, PLAN_TIMEOUT_S).plan
        )

    def start_campaign(self, order: RefreshOrder, idempotency_key: str = "") -> Started:
        """Plan a refresh whose files are uploaded, and begin it."""
        request = lab_pb2.StartCampaignRequest(
            order=to_wire(order), idempotency_key=idempotency_key or str(uuid.uuid4())
        )
        answer = self._call(self._lab.StartCampaign, request, PLAN_TIMEOUT_S)
        return Started(
            from_wire(CampaignView, answer.campaign),
            from_wire(RefreshPlan, answer.plan),
            answer.created,
        )

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or by the beginning of one."""
        request = lab_pb2.GetCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._lab.GetCampaign, request).campaign)

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first, without their diffs."""
        answer = self._call(self._lab.ListCampaigns, lab_pb2.ListCampaignsRequest(limit=limit))
        return tuple(from_wire(CampaignView, one) for one in answer.campaigns)

    def pause_campaign(self, campaign_id: str) -> CampaignView:
        """Submit no further job of a campaign; those that are queued are still measured."""
        request = lab_pb2.PauseCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._lab.PauseCampaign, request).campaign)

    def resume_campaign(self, campaign_id: str) -> CampaignView:
        """Let a paused campaign go on."""
        request = lab_pb2.ResumeCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._lab.ResumeCampaign, request).campaign)

    def cancel_campaign(self, campaign_id: str) -> CampaignView:
        """End a campaign and cancel its open jobs; what was measured stays."""
        request = lab_pb2.CancelCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._lab.CancelCampaign, request).campaign)

    def set_schedule(self, name: str, cron: str, order: RefreshOrder) -> ScheduleView:
        """Have a refresh whose files are uploaded start by itself, at times in UTC."""
        request = lab_pb2.SetScheduleRequest(name=name, cron=cron, order=to_wire(order))
        return from_wire(ScheduleView, self._call(self._lab.SetSchedule, request).schedule)

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        answer = self._call(self._lab.ListSchedules, lab_pb2.ListSchedulesRequest())
        return tuple(from_wire(ScheduleView, one) for one in answer.schedules)

    def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule; its campaigns go on."""
        request = lab_pb2.RemoveScheduleRequest(name=name)
        return from_wire(ScheduleView, self._call(self._lab.RemoveSchedule, request).schedule)
