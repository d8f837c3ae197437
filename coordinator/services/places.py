"""Who holds how much of the coordinator: every call has a place for as long as it holds anything.

Who has no place left is refused at once, and nobody else is. All of this belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Hashable
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

from ..access.access import NOBODY, Caller, Transport
from ..access.tokens import Party
from ..decisions.calls import (
    MAX_LOCAL_SHARES,
    OF_ADDRESS,
    OF_ALL,
    OF_ALL_ADDRESSES,
    OF_TOKEN,
    Allowance,
    CallKind,
    CallTerms,
    Held,
)


class Lane(enum.Enum):
    """Callers who share what there is."""

    MACHINES = "machines"
    PEOPLE = "people"
    OPEN_HERE = "callers without a token on this machine"
    OPEN_ELSEWHERE = "callers without a token"


@dataclass(frozen=True, slots=True)
class CallHolder:
    """Whose places a call takes.

    Attributes:
        key: equal for all calls of one caller.
        words: begins a sentence about that caller.
        lane: with whom the caller shares.
        shares: as how many tokens the caller counts; 0: without a token.
    """

    key: Hashable
    words: str
    lane: Lane
    shares: int = 1


def holder_of(who: Caller, transport: Transport, peer: str) -> CallHolder:
    """Whose places a call takes: a token's, or an address's when it carries none.

    Args:
        who: as the call was admitted.
        transport: its connection.
        peer: as gRPC writes it, such as ``ipv4:192.0.2.1:50000``.
    """
    if who is NOBODY:
        lane = Lane.OPEN_ELSEWHERE if transport.secure else Lane.OPEN_HERE
        address = peer.rpartition(":")[0]
        return CallHolder(address, f"The address {address}", lane, 0)
    lane = Lane.MACHINES if who.party in (Party.AGENT, Party.TASK) else Lane.PEOPLE
    if who.local:
        return CallHolder(who, f"This machine's {who.party.value} token", lane, MAX_LOCAL_SHARES)
    return CallHolder(who, f"The token {who.name!r}", lane)


class CallAccount:
    """What is held, and how many requests may arrive at the same moment; the next ones wait."""

    def __init__(self, allowed: Allowance) -> None:
        self.held = Held(allowed)
        self.receiving = asyncio.Semaphore(allowed.receiving)


class Places:
    """The accounts of all callers who hold anything, and of those who share."""

    def __init__(self, terms: CallTerms | None = None) -> None:
        factor = (terms or CallTerms()).factor
        self._allowed = {
            0: OF_ADDRESS,
            1: OF_TOKEN.times(factor),
            MAX_LOCAL_SHARES: OF_TOKEN.times(factor * MAX_LOCAL_SHARES),
        }
        of_all = OF_ALL.times(factor)
        self._lanes = {
            Lane.MACHINES: CallAccount(of_all),
            Lane.PEOPLE: CallAccount(of_all),
            Lane.OPEN_HERE: CallAccount(OF_ALL_ADDRESSES),
            Lane.OPEN_ELSEWHERE: CallAccount(OF_ALL_ADDRESSES),
        }
        self._callers: dict[tuple[Lane, Hashable], CallAccount] = {}

    def __len__(self) -> int:
        """How many callers hold anything."""
        return len(self._callers)

    @property
    def under_way(self) -> int:
        """Calls of all callers."""
        return sum(lane.held.calls for lane in self._lanes.values())

    def take(self, holder: CallHolder, kind: CallKind) -> CallPlace:
        """A place for one more call.

        Raises:
            Unavailable: `TOO_MANY_CALLS`.
        """
        key = (holder.lane, holder.key)
        own = self._callers.get(key) or CallAccount(self._allowed[holder.shares])
        lane = self._lanes[holder.lane]
        if full := own.held.full(kind):
            raise Unavailable(Code.TOO_MANY_CALLS, f"{holder.words} has {full} under way.")
        if full := lane.held.full(kind):
            words = f"All {holder.lane.value} together have"
            raise Unavailable(Code.TOO_MANY_CALLS, f"{words} {full} under way.")
        self._callers[key] = own
        own.held.add(kind)
        lane.held.add(kind)
        return CallPlace(self, holder, kind, own, lane)

    def forget(self, holder: CallHolder) -> None:
        """That caller holds nothing any more."""
        self._callers.pop((holder.lane, holder.key), None)


@dataclass(eq=False, slots=True)
class CallPlace:
    """One call's place."""

    places: Places
    holder: CallHolder
    kind: CallKind
    own: CallAccount
    lane: CallAccount
    unread_bytes: int = 0

    def answered(self, size_bytes: int) -> None:
        """So much is about to be sent; it is held here until it has been read.

        Raises:
            Unavailable: `TOO_MANY_CALLS`.
        """
        if unread := self.own.held.unread(size_bytes):
            raise Unavailable(Code.TOO_MANY_CALLS, f"{self.holder.words} has not read {unread}.")
        self.unread_bytes += size_bytes
        self.own.held.unread_bytes += size_bytes

    def was_read(self) -> None:
        """All that was sent has left."""
        self.own.held.unread_bytes -= self.unread_bytes
        self.unread_bytes = 0

    def leave(self) -> None:
        """The call has ended."""
        self.was_read()
        self.own.held.add(self.kind, -1)
        self.lane.held.add(self.kind, -1)
        if not self.own.held.calls:
            self.places.forget(self.holder)
