"""The client's calls to Campaigns: refreshes, and what starts them by itself."""

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
from bitgauge.protos.v1 import lab_pb2 as pb

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

    def plan_refresh(self, order: RefreshOrder) -> RefreshPlan:
        """What a refresh would measure, and why; files need not be uploaded."""
        return self._value(RefreshPlan, pb.PlanRefreshRequest(order=to_wire(order)), PLAN_TIMEOUT_S)

    def start_campaign(self, order: RefreshOrder, idempotency_key: str = "") -> Started:
        """Plan a refresh whose files are uploaded, and begin it; one key is one campaign.

        Raises:
            Refused: `BLOB_MISSING`, a file of the suite was not uploaded.
        """
        request = pb.StartCampaignRequest(
            order=to_wire(order), idempotency_key=idempotency_key or str(uuid.uuid4())
        )
        answer = self._call(request, PLAN_TIMEOUT_S)
        return Started(
            from_wire(CampaignView, answer.campaign, None),
            from_wire(RefreshPlan, answer.plan, None),
            answer.created,
        )

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, by its id or by the beginning of one; once it has ended with its diff.

        Raises:
            NotFound: `UNKNOWN_CAMPAIGN`.
        """
        return self._value(CampaignView, pb.GetCampaignRequest(campaign_id=campaign_id))

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first, without their diffs."""
        return self._values(CampaignView, pb.ListCampaignsRequest(limit=limit))

    def pause_campaign(self, campaign_id: str) -> CampaignView:
        """Submit no further job of a campaign; those that are queued are still measured."""
        return self._value(CampaignView, pb.PauseCampaignRequest(campaign_id=campaign_id))

    def resume_campaign(self, campaign_id: str) -> CampaignView:
        """Let a paused campaign go on."""
        return self._value(CampaignView, pb.ResumeCampaignRequest(campaign_id=campaign_id))

    def cancel_campaign(self, campaign_id: str) -> CampaignView:
        """End a campaign and cancel its open jobs; what was measured stays."""
        return self._value(CampaignView, pb.CancelCampaignRequest(campaign_id=campaign_id))

    def set_schedule(self, name: str, cron: str, order: RefreshOrder) -> ScheduleView:
        """Have a refresh whose files are uploaded start by itself, at times in UTC.

        Args:
            name: an equal one replaces the earlier schedule.
            cron: five fields, such as ``0 3 * * 1``.
            order: what is started.

        Raises:
            BitgaugeError: `BAD_ARGUMENT`, the name or the times are none; `BLOB_MISSING`.
        """
        return self._value(
            ScheduleView, pb.SetScheduleRequest(name=name, cron=cron, order=to_wire(order))
        )

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        return self._values(ScheduleView, pb.ListSchedulesRequest())

    def remove_schedule(self, name: str) -> ScheduleView:
        """Forget a schedule; its campaigns go on."""
        return self._value(ScheduleView, pb.RemoveScheduleRequest(name=name))
