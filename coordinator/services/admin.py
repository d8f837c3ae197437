"""The Admin service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import to_wire, word_from_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..access.administration import Administration
from ..lab.care import LabCare
from ..store.writer import Writer


@dataclass(eq=False)
class AdminService(lab_pb2_grpc.AdminServicer):
    """Who is let in, and which devices get work."""

    administration: Administration
    care: LabCare
    writer: Writer

    async def CreateToken(  # noqa: N802, D102
        self, request: lab_pb2.CreateTokenRequest, context: Any
    ) -> lab_pb2.CreateTokenResponse:
        token, expires_ns = await self.administration.create_token(
            request.name, word_from_wire(Role, request.role), request.lifetime_s
        )
        return lab_pb2.CreateTokenResponse(token=token, expires_unix_ns=expires_ns)

    async def ListTokens(  # noqa: N802, D102
        self, request: lab_pb2.ListTokensRequest, context: Any
    ) -> lab_pb2.ListTokensResponse:
        tokens = await self.administration.tokens()
        return lab_pb2.ListTokensResponse(tokens=map(to_wire, tokens))

    async def RevokeToken(  # noqa: N802, D102
        self, request: lab_pb2.RevokeTokenRequest, context: Any
    ) -> lab_pb2.RevokeTokenResponse:
        token = await self.administration.revoke_token(request.name)
        return lab_pb2.RevokeTokenResponse(token=to_wire(token))

    async def CreateJoinLine(  # noqa: N802, D102
        self, request: lab_pb2.CreateJoinLineRequest, context: Any
    ) -> lab_pb2.CreateJoinLineResponse:
        line, expires_ns = await self.administration.create_join_line(request.lifetime_s)
        return lab_pb2.CreateJoinLineResponse(join_line=str(line), expires_unix_ns=expires_ns)

    async def RevokeAgent(  # noqa: N802, D102
        self, request: lab_pb2.RevokeAgentRequest, context: Any
    ) -> lab_pb2.RevokeAgentResponse:
        device_id = await self.administration.revoke_agent(request.device)
        for view in await self.writer.call(self.care.devices):
            if view.description.device_id == device_id:
                return lab_pb2.RevokeAgentResponse(device=to_wire(view))
        return lab_pb2.RevokeAgentResponse()  # it joined and never registered

    async def Cordon(  # noqa: N802, D102
        self, request: lab_pb2.CordonRequest, context: Any
    ) -> lab_pb2.CordonResponse:
        view = await self.care.cordon(request.device, request.reason)
        return lab_pb2.CordonResponse(device=to_wire(view))

    async def Uncordon(  # noqa: N802, D102
        self, request: lab_pb2.UncordonRequest, context: Any
    ) -> lab_pb2.UncordonResponse:
        view = await self.care.uncordon(request.device)
        return lab_pb2.UncordonResponse(device=to_wire(view))

    async def Retire(  # noqa: N802, D102
        self, request: lab_pb2.RetireRequest, context: Any
    ) -> lab_pb2.RetireResponse:
        view = await self.care.retire(request.device, request.reason)
        return lab_pb2.RetireResponse(device=to_wire(view))
