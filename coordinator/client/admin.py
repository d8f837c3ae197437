"""The client's calls to Admin: who is let in, and which devices get work."""

from __future__ import annotations

from functools import cached_property

from bitgauge.benchmarks.common.wire import from_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from .connection import Connection


class AdminCalls(Connection):
    """What a client asks of Admin; a token of another role is refused: `FORBIDDEN`."""

    @cached_property
    def _admin(self) -> lab_pb2_grpc.AdminStub:
        return lab_pb2_grpc.AdminStub(self._channel)

    def create_token(self, name: str, role: Role, lifetime_s: int = 0) -> tuple[str, int]:
        """A new token, shown once, and its end in UTC nanoseconds (0: none)."""
        request = lab_pb2.CreateTokenRequest(
            name=name, role=f"ROLE_{role.name}", lifetime_s=lifetime_s
        )
        answer = self._call(self._admin.CreateToken, request)
        return str(answer.token), int(answer.expires_unix_ns)

    def tokens(self) -> tuple[TokenView, ...]:
        """Every token of a person, without its secret."""
        answer = self._call(self._admin.ListTokens, lab_pb2.ListTokensRequest())
        return tuple(from_wire(TokenView, token) for token in answer.tokens)

    def revoke_token(self, name: str) -> TokenView:
        """End a token at once."""
        request = lab_pb2.RevokeTokenRequest(name=name)
        return from_wire(TokenView, self._call(self._admin.RevokeToken, request).token)

    def create_join_line(self, lifetime_s: int = 0) -> tuple[str, int]:
        """A new join line and its end in UTC nanoseconds; 0 seconds: the usual 15 minutes."""
        request = lab_pb2.CreateJoinLineRequest(lifetime_s=lifetime_s)
        answer = self._call(self._admin.CreateJoinLine, request)
        return str(answer.join_line), int(answer.expires_unix_ns)

    def revoke_agent(self, device: str) -> DeviceView | None:
        """End an agent's certificates and token at once; None when it never registered."""
        request = lab_pb2.RevokeAgentRequest(device=device)
        answer = self._call(self._admin.RevokeAgent, request)
        return from_wire(DeviceView, answer.device) if answer.HasField("device") else None

    # -- care of devices ------------------------------------------------------------------
    def cordon(self, device: str, reason: str = "") -> DeviceView:
        """Take a device out, by name or id: it finishes its job and gets no other."""
        request = lab_pb2.CordonRequest(device=device, reason=reason)
        return from_wire(DeviceView, self._call(self._admin.Cordon, request).device)

    def uncordon(self, device: str) -> DeviceView:
        """Put a device back; a health check runs before its next job."""
        request = lab_pb2.UncordonRequest(device=device)
        return from_wire(DeviceView, self._call(self._admin.Uncordon, request).device)

    def retire(self, device: str, reason: str = "") -> DeviceView:
        """Remove a device for good; its results stay."""
        request = lab_pb2.RetireRequest(device=device, reason=reason)
        return from_wire(DeviceView, self._call(self._admin.Retire, request).device)
