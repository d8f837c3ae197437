"""Who is let in: tokens of people, join lines, devices that join, and the end of all of these.

Each change is one transaction, and `Access` judges by it before the change is answered.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bitgauge.benchmarks.common.join_line import Address, JoinLine
from bitgauge.benchmarks.vocabulary.devices import require_id, require_name
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView

from ..decisions.asker import WITHOUT_TOKEN, agent_named
from ..decisions.quotas import DAY_NS, Quotas, require_room
from ..store.store import Store
from ..store.values import TokenRecord
from ..store.writer import Writer
from .access import Access, caller
from .ca import Authority, Issued
from .tokens import hashed, new_token

NS_PER_S = 1_000_000_000
JOIN_LIFE_S = 900
LONGEST_JOIN_LIFE_S = 7 * 86_400
JOIN_TOKEN_BYTES = 16
LONGEST_NAME = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gateway:
    """The way in from other machines.

    Attributes:
        authority: signs for devices.
        address: as devices are told to reach it.
        agent_port: takes agents by certificate.
    """

    authority: Authority
    address: Address
    agent_port: int


@dataclass(frozen=True, slots=True)
class Joined:
    """What a device gets."""

    issued: Issued
    token: str


@dataclass(eq=False)
class Administration:
    """Changes who may call. Every method raises `BitgaugeError` only."""

    writer: Writer
    access: Access
    gateway: Gateway | None
    quotas: Quotas = field(default_factory=Quotas)

    async def load(self) -> None:
        """Judge by what the store knows; once at start."""
        await self._change(lambda store: None)

    async def _change(self, work: Callable[[Store], T]) -> T:
        # On the store's thread, so that a caller who has gone away leaves nothing half done.
        def both(store: Store) -> T:
            result = work(store)
            self.access.load(store.access())
            return result

        return await self.writer.change(both)

    # -- tokens of people -----------------------------------------------------------------
    async def create_token(self, name: str, role: Role, lifetime_s: int) -> tuple[str, int]:
        """A new token and its end in UTC nanoseconds (0: none).

        The token ends with the CA's pin when there is TLS, so that its bearer needs no other
        file to know the coordinator by.
        """
        _require_name(name)
        if role is Role.AGENT:
            raise BadInput(Code.BAD_ARGUMENT, "Agents join with a line; tokens are for people.")
        now_ns, who = self.writer.now_ns(), caller().asker.name
        expires_ns = now_ns + lifetime_s * NS_PER_S if lifetime_s > 0 else 0
        secret = new_token()
        record = TokenRecord(name, role, hashed(secret), expires_ns)

        def work(store: Store) -> None:
            live, _ = store.live_credentials(now_ns)
            require_room(live, self.quotas.tokens, "live tokens of people", "--token-quota")
            store.create_token(record, now_ns, who)

        await self._change(work)
        pin = f"@{self.gateway.authority.pin}" if self.gateway else ""
        return secret + pin, expires_ns

    async def tokens(self) -> tuple[TokenView, ...]:
        """The tokens of people, without their secrets."""
        return await self.writer.call(lambda store: store.token_views())

    async def revoke_token(self, name: str) -> TokenView:
        """End a token at once."""
        now_ns, who = self.writer.now_ns(), caller().asker.name
        return await self._change(lambda store: store.revoke_token(name, now_ns, who))

    # -- devices --------------------------------------------------------------------------
    async def create_join_line(
        self, lifetime_s: int, *, confirms: bool = False
    ) -> tuple[JoinLine, int]:
        """A new join line and its end in UTC nanoseconds.

        It may say that whoever joins with it is what it says it is.
        """
        gateway = self._required_gateway()
        if not 0 <= lifetime_s <= LONGEST_JOIN_LIFE_S:
            raise BadInput(Code.BAD_ARGUMENT, "A join line lives for a week at most.")
        now_ns, who = self.writer.now_ns(), caller().asker.name
        expires_ns = now_ns + (lifetime_s or JOIN_LIFE_S) * NS_PER_S
        token = secrets.token_hex(JOIN_TOKEN_BYTES)

        def work(store: Store) -> None:
            _, open_lines = store.live_credentials(now_ns)
            what = "join lines that nobody has used yet"
            require_room(open_lines, self.quotas.join_lines, what, "--join-line-quota")
            store.create_join_token(hashed(token), expires_ns, now_ns, who, confirms=confirms)

        await self._change(work)
        return JoinLine(gateway.address, gateway.authority.pin, token), expires_ns

    async def join(self, join_token: str, request_pem: bytes, device_id: str, name: str) -> Joined:
        """Let a device in that has a right to join."""
        gateway = self._required_gateway()
        require_name(name)
        require_id(device_id)
        issued = gateway.authority.device(request_pem, device_id, name)
        secret = new_token()
        token = TokenRecord(name, Role.AGENT, hashed(secret), 0, device_id)
        right = hashed(join_token)
        now_ns = self.writer.now_ns()

        def work(store: Store) -> None:
            self._require_acts(store, device_id, now_ns)
            store.join(right, issued.record, token, now_ns)

        await self._change(work)
        return Joined(issued, secret)

    async def renew_certificate(self, device_id: str, name: str, request_pem: bytes) -> Issued:
        """The next certificate of a device that proved the present one."""
        issued = self._required_gateway().authority.device(request_pem, device_id, name)
        now_ns = self.writer.now_ns()

        def work(store: Store) -> None:
            self._require_acts(store, device_id, now_ns)
            store.renewed(issued.record, now_ns)

        await self._change(work)
        return issued

    def _require_acts(self, store: Store, device_id: str, now_ns: int) -> None:
        """Refuse a device that asks for certificates in a loop: none is ever forgotten."""
        acts = store.acts_of(agent_named(device_id), now_ns - DAY_NS)
        what = f"certificates that the device {device_id} got within a day"
        require_room(acts, self.quotas.certificates, what)

    async def revoke_agent(self, device: str) -> str:
        """End a device's certificates, token and lease at once; its id."""
        now_ns, who = self.writer.now_ns(), caller().asker.name
        return await self._change(lambda store: store.revoke_agent(device, now_ns, who))

    def _required_gateway(self) -> Gateway:
        if self.gateway is None:
            raise Refused(Code.NO_TLS, "This coordinator serves its own machine only.")
        return self.gateway


def _require_name(name: str) -> None:
    if name != name.strip() or ":" in name or name.casefold() in WITHOUT_TOKEN:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"A token cannot be named {name!r}: blanks at its ends, a colon and the words"
            f" {' and '.join(sorted(WITHOUT_TOKEN))} would let it pass for somebody else.",
        )
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(
            Code.BAD_ARGUMENT, f"A name has 1 to {LONGEST_NAME} printable characters, not {name!r}."
        )
