"""The client's calls to Admin: who is let in, and which devices get work."""

from __future__ import annotations

from bitgauge.benchmarks.common.audit import AuditVerdict, verdict_of
from bitgauge.benchmarks.common.wire import from_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.protos.v1 import lab_pb2 as pb

from .connection import Connection

_PAGE = 1000


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

    def create_join_line(self, lifetime_s: int = 0, *, confirms: bool = False) -> tuple[str, int]:
        """A new join line and its end in UTC nanoseconds; 0 seconds: the usual 15 minutes.

        It may say that whoever joins with it is what it says it is.
        """
        request = pb.CreateJoinLineRequest(lifetime_s=lifetime_s, confirms=confirms)
        answer = self._call(request)
        return str(answer.join_line), int(answer.expires_unix_ns)

    def revoke_agent(self, device: str) -> DeviceView | None:
        """End an agent's certificates and token at once; None when it never registered."""
        request = pb.RevokeAgentRequest(device=device)
        answer = self._call(request)
        return from_wire(DeviceView, answer.device) if answer.HasField("device") else None

    # -- who did what
    def audit(
        self, since_unix_ns: int = 0, who: str = "", limit: int | None = None
    ) -> tuple[AuditEntry, ...]:
        """Who did what to tokens, devices, schedules, campaigns, certificates, in order of time.

        Args:
            since_unix_ns: only of this moment or later, UTC nanoseconds.
            who: only what this one did.
            limit: only the newest ones; None: all.
        """
        found: list[AuditEntry] = []
        while limit is None or len(found) < limit:
            request = pb.ListAuditRequest(
                before=found[-1].position if found else 0,
                since_unix_ns=since_unix_ns,
                who=who,
                limit=min(limit - len(found), _PAGE) if limit is not None else _PAGE,
            )
            page = self._values(AuditEntry, request)
            found.extend(page)
            if not page or found[-1].position == 1:
                break
        return tuple(reversed(found))

    def verify_audit(self) -> AuditVerdict:
        """Read the whole audit and follow its chain, here and not at the coordinator."""
        return verdict_of(self.audit())

    # -- care of devices ------------------------------------------------------------------
    def cordon(self, device: str, reason: str = "") -> DeviceView:
        """Take a device out, by name or id: it finishes its job and gets no other."""
        return self._value(DeviceView, pb.CordonRequest(device=device, reason=reason))

    def uncordon(self, device: str) -> DeviceView:
        """Put a device back; a health check runs before its next job."""
        return self._value(DeviceView, pb.UncordonRequest(device=device))

    def confirm(self, device: str) -> DeviceView:
        """Say that a device is what it says it is; its rows count from then on."""
        return self._value(DeviceView, pb.ConfirmRequest(device=device))

    def rename(self, device: str, name: str) -> DeviceView:
        """Give a device another registered name; the one before becomes an alias."""
        return self._value(DeviceView, pb.RenameDeviceRequest(device=device, name=name))

    def alias(self, device: str, alias: str) -> DeviceView:
        """Give a device one more name."""
        return self._value(DeviceView, pb.SetAliasRequest(device=device, alias=alias))

    def unalias(self, device: str, alias: str) -> DeviceView:
        """Take one of its further names from a device."""
        return self._value(DeviceView, pb.SetAliasRequest(device=device, alias=alias, remove=True))

    def retire(self, device: str, reason: str = "") -> DeviceView:
        """Remove a device for good; its results stay."""
        return self._value(DeviceView, pb.RetireRequest(device=device, reason=reason))
