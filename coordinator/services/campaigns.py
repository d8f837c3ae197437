"""The Campaigns service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, RefreshOrder
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions.campaigns import CampaignEvent
from ..lab.campaigns.campaigns import Campaigns
from ..store.writer import Writer
from .answers import LISTED, answered, listed


@dataclass(eq=False)
class CampaignsService(lab_pb2_grpc.CampaignsServicer):
    """Refreshes of the table, and what starts them by itself."""

    campaigns: Campaigns
    writer: Writer

    async def PlanRefresh(
        self, request: pb.PlanRefreshRequest, context: Any
    ) -> pb.PlanRefreshResponse:
        order = await self._order(request.order)
        plan = await self.campaigns.planning(order)
        return await answered(
            self.writer, lambda store: pb.PlanRefreshResponse(plan=to_wire(plan(store)))
        )

    async def StartCampaign(
        self, request: pb.StartCampaignRequest, context: Any
    ) -> pb.StartCampaignResponse:
        order = await self._order(request.order)
        campaign_id, created = await self.campaigns.start(
            order, request.idempotency_key, caller().name
        )
        return await answered(
            self.writer,
            lambda store: pb.StartCampaignResponse(
                campaign=to_wire(store.campaign(campaign_id)),
                plan=to_wire(store.campaign_plan(campaign_id)),
                created=created,
            ),
        )

    async def GetCampaign(
        self, request: pb.GetCampaignRequest, context: Any
    ) -> pb.GetCampaignResponse:
        return await answered(
            self.writer,
            lambda store: pb.GetCampaignResponse(
                campaign=to_wire(store.campaign(request.campaign_id))
            ),
        )

    async def ListCampaigns(
        self, request: pb.ListCampaignsRequest, context: Any
    ) -> pb.ListCampaignsResponse:
        limit = request.limit or LISTED
        return await answered(
            self.writer, lambda store: listed(pb.ListCampaignsResponse(), store.campaigns(limit))
        )

    async def PauseCampaign(
        self, request: pb.PauseCampaignRequest, context: Any
    ) -> pb.PauseCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.PAUSE)
        return pb.PauseCampaignResponse(campaign=to_wire(view))

    async def ResumeCampaign(
        self, request: pb.ResumeCampaignRequest, context: Any
    ) -> pb.ResumeCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.RESUME)
        return pb.ResumeCampaignResponse(campaign=to_wire(view))

    async def CancelCampaign(
        self, request: pb.CancelCampaignRequest, context: Any
    ) -> pb.CancelCampaignResponse:
        view = await self._move(request.campaign_id, CampaignEvent.CANCEL)
        return pb.CancelCampaignResponse(campaign=to_wire(view))

    async def _order(self, message: pb.RefreshOrder) -> RefreshOrder:
        """What is asked for; it may be long, so it is not looked at on the event loop."""
        return await self.writer.ask(lambda _: from_wire(RefreshOrder, message), caller().name)

    async def _move(self, campaign_id: str, event: CampaignEvent) -> CampaignView:
        found = await self.campaigns.move(campaign_id, event, caller().asker)
        return await self.writer.ask(lambda store: store.campaign(found), caller().name)

    async def SetSchedule(
        self, request: pb.SetScheduleRequest, context: Any
    ) -> pb.SetScheduleResponse:
        order = await self._order(request.order)
        schedule = await self.campaigns.set_schedule(
            request.name, request.cron, order, caller().asker
        )
        return pb.SetScheduleResponse(schedule=to_wire(schedule))

    async def ListSchedules(
        self, request: pb.ListSchedulesRequest, context: Any
    ) -> pb.ListSchedulesResponse:
        return await answered(
            self.writer, lambda store: listed(pb.ListSchedulesResponse(), store.schedules())
        )

    async def RemoveSchedule(
        self, request: pb.RemoveScheduleRequest, context: Any
    ) -> pb.RemoveScheduleResponse:
        schedule = await self.campaigns.remove_schedule(request.name, caller().asker)
        return pb.RemoveScheduleResponse(schedule=to_wire(schedule))
