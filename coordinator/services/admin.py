"""The calls of Lab that decide who is let in: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.wire import enum_prefix, to_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.protos.v1 import common_pb2, lab_pb2, lab_pb2_grpc

from ..access.administration import Administration
from ..lab.coordinator import Coordinator


class AdminCalls(lab_pb2_grpc.LabServicer):
    """The part of Lab that is about tokens, join lines and revocation."""

    _coordinator: Coordinator
    _administration: Administration

    async def CreateToken(  # noqa: N802, D102
        self, request: lab_pb2.CreateTokenRequest, context: Any
    ) -> lab_pb2.CreateTokenResponse:
        token, expires_ns = await self._administration.create_token(
            request.name, _role(request.role), request.lifetime_s
        )
        return lab_pb2.CreateTokenResponse(token=token, expires_unix_ns=expires_ns)

    async def ListTokens(  # noqa: N802, D102
        self, request: lab_pb2.ListTokensRequest, context: Any
    ) -> lab_pb2.ListTokensResponse:
        tokens = await self._administration.tokens()
        return lab_pb2.ListTokensResponse(tokens=map(to_wire, tokens))

    async def RevokeToken(  # noqa: N802, D102
        self, request: lab_pb2.RevokeTokenRequest, context: Any
    ) -> lab_pb2.RevokeTokenResponse:
        token = await self._administration.revoke_token(request.name)
        return lab_pb2.RevokeTokenResponse(token=to_wire(token))

    async def CreateJoinLine(  # noqa: N802, D102
        self, request: lab_pb2.CreateJoinLineRequest, context: Any
    ) -> lab_pb2.CreateJoinLineResponse:
        line, expires_ns = await self._administration.create_join_line(request.lifetime_s)
        return lab_pb2.CreateJoinLineResponse(join_line=str(line), expires_unix_ns=expires_ns)

    async def RevokeAgent(  # noqa: N802, D102
        self, request: lab_pb2.RevokeAgentRequest, context: Any
    ) -> lab_pb2.RevokeAgentResponse:
        device_id = await self._administration.revoke_agent(request.device)
        for view in await self._coordinator.devices():
            if view.description.device_id == device_id:
                return lab_pb2.RevokeAgentResponse(device=to_wire(view))
        return lab_pb2.RevokeAgentResponse()  # it joined and never registered


def _role(number: Any) -> Role:
    descriptor = common_pb2.Role.DESCRIPTOR
    found = descriptor.values_by_number.get(number)
    if found is None or number == common_pb2.ROLE_UNSPECIFIED:
        raise BadInput(Code.BAD_ARGUMENT, f"The role {number} is not known here.")
    return Role(found.name.removeprefix(enum_prefix(descriptor)).lower())
