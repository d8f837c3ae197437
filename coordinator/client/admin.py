"""The client's calls to Admin: who is let in, and which devices get work."""

from __future__ import annotations

from bitgauge.benchmarks.common.wire import from_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.protos.v1 import lab_pb2 as pb

from .connection import Connection


class AdminCalls(Connection):
    """What a client asks of Admin; a token of another role is refused: `FORBIDDEN`."""

    def create_token(self, name: str, role: Role, lifetime_s: int = 0) -> tuple[str, int]:
        """A new token, shown once, and its end in UTC nanoseconds (0: none)."""
        request = pb.CreateTokenRequest(name=name, role=f"ROLE_{role.name}", lifetime_s=lifetime_s)
        answer = self._call(request)
        return str(answer.token), int(answer.expires_unix_ns)

    def tokens(self) -> tuple[TokenView, ...]:
        """Every token of a person, without its secret."""
        return self._values(TokenView, pb.ListTokensRequest())

    def revoke_token(self, name: str) -> TokenView:
        """End a token at once."""
        return self._value(TokenView, pb.RevokeTokenRequest(name=name))

    def create_join_line(self, lifetime_s: int = 0) -> tuple[str, int]:
        """A new join line and its end in UTC nanoseconds; 0 seconds: the usual 15 minutes."""
        request = pb.CreateJoinLineRequest(lifetime_s=lifetime_s)
        answer = self._call(request)
        return str(answer.join_line), int(answer.expires_unix_ns)

    def revoke_agent(self, device: str) -> DeviceView | None:
        """End an agent's certificates and token at once; None when it never registered."""
        request = pb.RevokeAgentRequest(device=device)
        answer = self._call(request)
        return from_wire(DeviceView, answer.device) if answer.HasField("device") else None

    # -- care of devices ------------------------------------------------------------------
    def cordon(self, device: str, reason: str = "") -> DeviceView:
        """Take a device out, by name or id: it finishes its job and gets no other."""
        return self._value(DeviceView, pb.CordonRequest(device=device, reason=reason))

    def uncordon(self, device: str) -> DeviceView:
        """Put a device back; a health check runs before its next job."""
        return self._value(DeviceView, pb.UncordonRequest(device=device))

    def retire(self, device: str, reason: str = "") -> DeviceView:
        """Remove a device for good; its results stay."""
        return self._value(DeviceView, pb.RetireRequest(device=device, reason=reason))
