"""How much of the coordinator one caller may hold at a time.

What all callers of a kind hold together is bounded too, apart for machines and people, so that
neither takes the places of the other.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

MIB = 1 << 20

MAX_CALLS = 64
"""Calls of one token under way; `CallTerms` moves this and the next four together."""
MAX_STREAMS = 32
"""Of these, calls that stay open: watching, submitting, blobs that travel."""
MAX_TRANSFERS = 16
"""Of these, blobs that travel."""
MAX_RECEIVING = 16
"""Requests of one token that may arrive at the same moment; the next ones wait unread."""
MAX_UNREAD_BYTES = 64 * MIB
"""Answers to one token that have not been read; one alone may be larger."""
MAX_LOCAL_SHARES = 4
"""As how many tokens a token file of the coordinator's own machine counts."""

MAX_TRANSFERS_OF_ALL = 128
"""Blobs that travel for all people together, and as many for all machines."""
MAX_RECEIVING_OF_ALL = 128
"""Requests of all people that may arrive at the same moment, and as many of all machines."""

MAX_OPEN_CALLS_OF_ADDRESS = 8
"""Calls without a token from one address: health, and devices that join."""
MAX_OPEN_CALLS = 32
"""Calls without a token from all addresses, apart for this machine and for all others."""

_NO_BOUND = 1 << 62


class CallKind(enum.IntEnum):
    """What a call is: of these, each is all that stands before it, too."""

    CALL = 1
    STREAM = 2
    TRANSFER = 3


@dataclass(frozen=True, slots=True)
class CallTerms:
    """How much one token may hold.

    Attributes:
        per_token: calls of one token under way; streams, transfers, and what all hold together
            follow in proportion.
    """

    per_token: int = MAX_CALLS

    @property
    def factor(self) -> float:
        """How many times the usual that is."""
        return self.per_token / MAX_CALLS


@dataclass(frozen=True, slots=True)
class Allowance:
    """The most of everything."""

    calls: int = MAX_CALLS
    streams: int = MAX_STREAMS
    transfers: int = MAX_TRANSFERS
    receiving: int = MAX_RECEIVING
    unread_bytes: int = MAX_UNREAD_BYTES

    def times(self, factor: float) -> Allowance:
        """So many times as much, and at least one of each."""
        every = (self.calls, self.streams, self.transfers, self.receiving, self.unread_bytes)
        return Allowance(*(max(1, round(value * factor)) for value in every))


OF_TOKEN = Allowance()
OF_ADDRESS = Allowance(
    MAX_OPEN_CALLS_OF_ADDRESS,
    streams=MAX_OPEN_CALLS_OF_ADDRESS,
    transfers=0,
    receiving=MAX_OPEN_CALLS_OF_ADDRESS,
)
OF_ALL = Allowance(
    _NO_BOUND, _NO_BOUND, MAX_TRANSFERS_OF_ALL, MAX_RECEIVING_OF_ALL, unread_bytes=_NO_BOUND
)
OF_ALL_ADDRESSES = Allowance(
    MAX_OPEN_CALLS, MAX_OPEN_CALLS, transfers=0, receiving=MAX_OPEN_CALLS, unread_bytes=_NO_BOUND
)


@dataclass(eq=False, slots=True)
class Held:
    """What one caller, or all of a kind, hold now."""

    allowed: Allowance
    calls: int = 0
    streams: int = 0
    transfers: int = 0
    unread_bytes: int = 0

    def add(self, kind: CallKind, count: int = 1) -> None:
        """So many calls of a kind more."""
        self.calls += count
        if kind >= CallKind.STREAM:
            self.streams += count
        if kind >= CallKind.TRANSFER:
            self.transfers += count

    def full(self, kind: CallKind) -> str:
        """What there are too many of for one more of this kind, in words; empty: nothing."""
        allowed = self.allowed
        if self.calls >= allowed.calls:
            return f"{self.calls} calls"
        if kind >= CallKind.STREAM and self.streams >= allowed.streams:
            return f"{self.streams} streams"
        if kind >= CallKind.TRANSFER and self.transfers >= allowed.transfers:
            return f"{self.transfers} transfers of blobs"
        return ""

    def unread(self, size_bytes: int) -> str:
        """What was not read that leaves no room for so much more, in words; empty: nothing."""
        before = self.unread_bytes
        if before and before + size_bytes > self.allowed.unread_bytes:
            return f"{before} bytes of answers"
        return ""
