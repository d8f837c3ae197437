"""The Campaigns service: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..access.access import caller
from ..lab.campaigns import Refresh

DEFAULT_LIMIT = 50


class CampaignsService(lab_pb2_grpc.CampaignsServicer):
    """Refreshes of the table, and what starts them by itself."""

    def __init__(self, refresh: Refresh) -> None:
        self._refresh = refresh

    async def PlanRefresh(  # noqa: N802, D102
        self, request: lab_pb2.PlanRefreshRequest, context: Any
    ) -> lab_pb2.PlanRefreshResponse:
        plan = await self._refresh.plan(from_wire(RefreshOrder, request.order))
        return lab_pb2.PlanRefreshResponse(plan=to_wire(plan))

    async def StartCampaign(  # noqa: N802, D102
        self, request: lab_pb2.StartCampaignRequest, context: Any
    ) -> lab_pb2.StartCampaignResponse:
        order = from_wire(RefreshOrder, request.order)
        view, plan, created = await self._refresh.start(
            order, request.idempotency_key, caller().name
        )
        return lab_pb2.StartCampaignResponse(
            campaign=to_wire(view), plan=to_wire(plan), created=created
        )

    async def GetCampaign(  # noqa: N802, D102
        self, request: lab_pb2.GetCampaignRequest, context: Any
    ) -> lab_pb2.GetCampaignResponse:
        view = await self._refresh.campaign(request.campaign_id)
        return lab_pb2.GetCampaignResponse(campaign=to_wire(view))

    async def ListCampaigns(  # noqa: N802, D102
        self, request: lab_pb2.ListCampaignsRequest, context: Any
    ) -> lab_pb2.ListCampaignsResponse:
        views = await self._refresh.campaigns(request.limit or DEFAULT_LIMIT)
        return lab_pb2.ListCampaignsResponse(campaigns=map(to_wire, views))

    async def PauseCampaign(  # noqa: N802, D102
        self, request: lab_pb2.PauseCampaignRequest, context: Any
    ) -> lab_pb2.PauseCampaignResponse:
        view = await self._refresh.pause(request.campaign_id, caller().own_jobs_of)
        return lab_pb2.PauseCampaignResponse(campaign=to_wire(view))

    async def ResumeCampaign(  # noqa: N802, D102
        self, request: lab_pb2.ResumeCampaignRequest, context: Any
    ) -> lab_pb2.ResumeCampaignResponse:
        view = await self._refresh.resume(request.campaign_id, caller().own_jobs_of)
        return lab_pb2.ResumeCampaignResponse(campaign=to_wire(view))

    async def CancelCampaign(  # noqa: N802, D102
        self, request: lab_pb2.CancelCampaignRequest, context: Any
    ) -> lab_pb2.CancelCampaignResponse:
        view = await self._refresh.cancel(request.campaign_id, caller().own_jobs_of)
        return lab_pb2.CancelCampaignResponse(campaign=to_wire(view))

    async def SetSchedule(  # noqa: N802, D102
        self, request: lab_pb2.SetScheduleRequest, context: Any
    ) -> lab_pb2.SetScheduleResponse:
        order = from_wire(RefreshOrder, request.order)
        schedule = await self._refresh.set_schedule(
            request.name, request.cron, order, caller().name
        )
        return lab_pb2.SetScheduleResponse(schedule=to_wire(schedule))

    async def ListSchedules(  # noqa: N802, D102
        self, request: lab_pb2.ListSchedulesRequest, context: Any
    ) -> lab_pb2.ListSchedulesResponse:
        found = await self._refresh.schedules()
        return lab_pb2.ListSchedulesResponse(schedules=map(to_wire, found))

    async def RemoveSchedule(  # noqa: N802, D102
        self, request: lab_pb2.RemoveScheduleRequest, context: Any
    ) -> lab_pb2.RemoveScheduleResponse:
        schedule = await self._refresh.remove_schedule(request.name)
        return lab_pb2.RemoveScheduleResponse(schedule=to_wire(schedule))
