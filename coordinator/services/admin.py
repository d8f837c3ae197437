"""The Admin service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import to_wire, word_from_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..access.administration import Administration
from ..lab.care import LabCare
from ..store.audit.entries import LAST, MAX_ENTRIES_PER_CALL
from ..store.writer import Writer


@dataclass(eq=False)
class AdminService(lab_pb2_grpc.AdminServicer):
    """Who is let in, and which devices get work."""

    administration: Administration
    care: LabCare
    writer: Writer

    async def CreateToken(
        self, request: pb.CreateTokenRequest, context: Any
    ) -> pb.CreateTokenResponse:
        token, expires_ns = await self.administration.create_token(
            request.name, word_from_wire(Role, request.role), request.lifetime_s
        )
        return pb.CreateTokenResponse(token=token, expires_unix_ns=expires_ns)

    async def ListTokens(
        self, request: pb.ListTokensRequest, context: Any
    ) -> pb.ListTokensResponse:
        tokens = await self.administration.tokens()
        return pb.ListTokensResponse(tokens=map(to_wire, tokens))

    async def RevokeToken(
        self, request: pb.RevokeTokenRequest, context: Any
    ) -> pb.RevokeTokenResponse:
        token = await self.administration.revoke_token(request.name)
        return pb.RevokeTokenResponse(token=to_wire(token))

    async def CreateJoinLine(
        self, request: pb.CreateJoinLineRequest, context: Any
    ) -> pb.CreateJoinLineResponse:
        line, expires_ns = await self.administration.create_join_line(
            request.lifetime_s, confirms=request.confirms
        )
        return pb.CreateJoinLineResponse(join_line=str(line), expires_unix_ns=expires_ns)

    async def RevokeAgent(
        self, request: pb.RevokeAgentRequest, context: Any
    ) -> pb.RevokeAgentResponse:
        device_id = await self.administration.revoke_agent(request.device)
        for view in await self.writer.ask(self.care.devices, caller().name):
            if view.description.device_id == device_id:
                return pb.RevokeAgentResponse(device=to_wire(view))
        return pb.RevokeAgentResponse()  # it joined and never registered

    async def Cordon(self, request: pb.CordonRequest, context: Any) -> pb.CordonResponse:
        view = await self.care.cordon(request.device, request.reason, caller().asker.name)
        return pb.CordonResponse(device=to_wire(view))

    async def Uncordon(self, request: pb.UncordonRequest, context: Any) -> pb.UncordonResponse:
        view = await self.care.uncordon(request.device, caller().asker.name)
        return pb.UncordonResponse(device=to_wire(view))

    async def Retire(self, request: pb.RetireRequest, context: Any) -> pb.RetireResponse:
        view = await self.care.retire(request.device, request.reason, caller().asker.name)
        return pb.RetireResponse(device=to_wire(view))

    async def Confirm(self, request: pb.ConfirmRequest, context: Any) -> pb.ConfirmResponse:
        view = await self.care.confirm(request.device, caller().asker.name)
        return pb.ConfirmResponse(device=to_wire(view))

    async def RenameDevice(
        self, request: pb.RenameDeviceRequest, context: Any
    ) -> pb.RenameDeviceResponse:
        view = await self.care.rename(request.device, request.name, caller().asker.name)
        return pb.RenameDeviceResponse(device=to_wire(view))

    async def SetAlias(self, request: pb.SetAliasRequest, context: Any) -> pb.SetAliasResponse:
        change = self.care.unalias if request.remove else self.care.alias
        view = await change(request.device, request.alias, caller().asker.name)
        return pb.SetAliasResponse(device=to_wire(view))

    async def ListAudit(self, request: pb.ListAuditRequest, context: Any) -> pb.ListAuditResponse:
        found = await self.writer.ask(
            lambda store: store.audit(
                before=request.before or LAST,
                since_unix_ns=request.since_unix_ns,
                who=request.who or None,
                limit=request.limit or MAX_ENTRIES_PER_CALL,
            ),
            caller().name,
        )
        return pb.ListAuditResponse(entries=map(to_wire, found))
