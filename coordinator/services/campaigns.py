"""The Campaigns service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, RefreshOrder
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..access.access import caller
from ..decisions.campaigns import CampaignEvent
from ..lab.campaigns import Campaigns
from ..store.writer import Writer

DEFAULT_LIMIT = 50


@dataclass(eq=False)
class CampaignsService(lab_pb2_grpc.CampaignsServicer):
    """Refreshes of the table, and what starts them by itself."""

    campaigns: Campaigns
    writer: Writer

    async def PlanRefresh(  # noqa: N802, D102
        self, request: lab_pb2.PlanRefreshRequest, context: Any
    ) -> lab_pb2.PlanRefreshResponse:
        plan = await self.campaigns.plan(from_wire(RefreshOrder, request.order))
        return lab_pb2.PlanRefreshResponse(plan=to_wire(plan))

    async def StartCampaign(  # noqa: N802, D102
        self, request: lab_pb2.StartCampaignRequest, context: Any
    ) -> lab_pb2.StartCampaignResponse:
        order = from_wire(RefreshOrder, request.order)
        view, plan, created = await self.campaigns.start(
            order, request.idempotency_key, caller().name
        )
        return lab_pb2.StartCampaignResponse(
            campaign=to_wire(view), plan=to_wire(plan), created=created
        )

    async def GetCampaign(  # noqa: N802, D102
        self, request: lab_pb2.GetCampaignRequest, context: Any
    ) -> lab_pb2.GetCampaignResponse:
        view = await self.writer.call(lambda store: store.campaign(request.campaign_id))
        return lab_pb2.GetCampaignResponse(campaign=to_wire(view))

    async def ListCampaigns(  # noqa: N802, D102
        self, request: lab_pb2.ListCampaignsRequest, context: Any
    ) -> lab_pb2.ListCampaignsResponse:
        limit = request.limit or DEFAULT_LIMIT
        views = await self.writer.call(lambda store: store.campaigns(limit))
        return lab_pb2.ListCampaignsResponse(campaigns=map(to_wire, views))

    async def PauseCampaign(  # noqa: N802, D102
        self, request: lab_pb2.PauseCampaignRequest, context: Any
    ) -> lab_pb2.PauseCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.PAUSE)
        return lab_pb2.PauseCampaignResponse(campaign=to_wire(view))

    async def ResumeCampaign(  # noqa: N802, D102
        self, request: lab_pb2.ResumeCampaignRequest, context: Any
    ) -> lab_pb2.ResumeCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.RESUME)
        return lab_pb2.ResumeCampaignResponse(campaign=to_wire(view))

    async def CancelCampaign(  # noqa: N802, D102
        self, request: lab_pb2.CancelCampaignRequest, context: Any
    ) -> lab_pb2.CancelCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.CANCEL)
        return lab_pb2.CancelCampaignResponse(campaign=to_wire(view))

    async def _move(self, campaign_id: str, event: CampaignEvent) -> CampaignView:
        return await self.campaigns.move(campaign_id, event, caller().own_jobs_of)

    async def SetSchedule(  # noqa: N802, D102
        self, request: lab_pb2.SetScheduleRequest, context: Any
    ) -> lab_pb2.SetScheduleResponse:
        order = from_wire(RefreshOrder, request.order)
        schedule = await self.campaigns.set_schedule(
            request.name, request.cron, order, caller().name
        )
        return lab_pb2.SetScheduleResponse(schedule=to_wire(schedule))

    async def ListSchedules(  # noqa: N802, D102
        self, request: lab_pb2.ListSchedulesRequest, context: Any
    ) -> lab_pb2.ListSchedulesResponse:
        found = await self.writer.call(lambda store: store.schedules())
        return lab_pb2.ListSchedulesResponse(schedules=map(to_wire, found))

    async def RemoveSchedule(  # noqa: N802, D102
        self, request: lab_pb2.RemoveScheduleRequest, context: Any
    ) -> lab_pb2.RemoveScheduleResponse:
        schedule = await self.writer.change(lambda store: store.remove_schedule(request.name))
        return lab_pb2.RemoveScheduleResponse(schedule=to_wire(schedule))
