"""The client's calls to Campaigns: refreshes, and what starts them by itself."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from .connection import Connection

PLAN_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Started:
    """A campaign, its plan, and whether this call made it (else its idempotency key was known)."""

    campaign: CampaignView
    plan: RefreshPlan
    created: bool


class CampaignCalls(Connection):
    """What a client asks of Campaigns."""

    @cached_property
    def _campaigns(self) -> lab_pb2_grpc.CampaignsStub:
        return lab_pb2_grpc.CampaignsStub(self._channel)

    def plan_refresh(self, order: RefreshOrder) -> RefreshPlan:
        """What a refresh would measure, and why; files need not be uploaded."""
        request = lab_pb2.PlanRefreshRequest(order=to_wire(order))
        return from_wire(
            RefreshPlan, self._call(self._campaigns.PlanRefresh, request, PLAN_TIMEOUT_S).plan
        )

    def start_campaign(self, order: RefreshOrder, idempotency_key: str = "") -> Started:
        """Plan a refresh whose files are uploaded, and begin it; one key is one campaign.

        Raises:
            Refused: `BLOB_MISSING`, a file of the suite was not uploaded.
        """
        request = lab_pb2.StartCampaignRequest(
            order=to_wire(order), idempotency_key=idempotency_key or str(uuid.uuid4())
        )
        answer = self._call(self._campaigns.StartCampaign, request, PLAN_TIMEOUT_S)
        return Started(
            from_wire(CampaignView, answer.campaign),
            from_wire(RefreshPlan, answer.plan),
            answer.created,
        )

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or by the beginning of one; once it has ended with its diff.

        Raises:
            NotFound: `UNKNOWN_CAMPAIGN`.
        """
        request = lab_pb2.GetCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._campaigns.GetCampaign, request).campaign)

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first, without their diffs."""
        answer = self._call(
            self._campaigns.ListCampaigns, lab_pb2.ListCampaignsRequest(limit=limit)
        )
        return tuple(from_wire(CampaignView, one) for one in answer.campaigns)

    def pause_campaign(self, campaign_id: str) -> CampaignView:
        """Submit no further job of a campaign; those that are queued are still measured."""
        request = lab_pb2.PauseCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._campaigns.PauseCampaign, request).campaign)

    def resume_campaign(self, campaign_id: str) -> CampaignView:
        """Let a paused campaign go on."""
        request = lab_pb2.ResumeCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._campaigns.ResumeCampaign, request).campaign)

    def cancel_campaign(self, campaign_id: str) -> CampaignView:
        """End a campaign and cancel its open jobs; what was measured stays."""
        request = lab_pb2.CancelCampaignRequest(campaign_id=campaign_id)
        return from_wire(CampaignView, self._call(self._campaigns.CancelCampaign, request).campaign)

    def set_schedule(self, name: str, cron: str, order: RefreshOrder) -> ScheduleView:
        """Have a refresh whose files are uploaded start by itself, at times in UTC.

        Args:
            name: an equal one replaces the earlier schedule.
            cron: five fields, such as ``0 3 * * 1``.
            order: what is started.

        Raises:
            BitgaugeError: `BAD_ARGUMENT`, the name or the times are none; `BLOB_MISSING`.
        """
        request = lab_pb2.SetScheduleRequest(name=name, cron=cron, order=to_wire(order))
        return from_wire(ScheduleView, self._call(self._campaigns.SetSchedule, request).schedule)

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        answer = self._call(self._campaigns.ListSchedules, lab_pb2.ListSchedulesRequest())
        return tuple(from_wire(ScheduleView, one) for one in answer.schedules)

    def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule; its campaigns go on."""
        request = lab_pb2.RemoveScheduleRequest(name=name)
        return from_wire(ScheduleView, self._call(self._campaigns.RemoveSchedule, request).schedule)
