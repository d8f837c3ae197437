"""How much of the coordinator one caller may hold at a time.

What all callers of a kind hold together is bounded too, apart for machines and people, so that
neither takes the places of the other.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field

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

MAX_TRANSFERS_OF_ALL = 64
"""Blobs that travel for all people together, and as many for all machines."""
MAX_RECEIVING_OF_ALL = 64
"""Requests of all people that may arrive at the same moment, and as many of all machines."""

MAX_OPEN_CALLS_OF_ADDRESS = 8
"""Calls without a token from one address: health, and devices that join."""
MAX_OPEN_CALLS = 32
"""Calls without a token from all addresses, apart for this machine and for all others."""

_NO_BOUND = 1 << 62


class CallKind(enum.Enum):
    """What a call takes besides its place among the calls."""

    CALL = "call"
    STREAM = "stream"
    TRANSFER = "transfer"


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
    counts: Counter[CallKind] = field(default_factory=Counter)
    unread_bytes: int = 0

    @property
    def calls(self) -> int:
        """Calls under way."""
        return sum(self.counts.values())

    def full(self, kind: CallKind) -> str:
        """What there are too many of for one more of this kind, in words; empty: nothing."""
        streams = self.counts[CallKind.STREAM] + self.counts[CallKind.TRANSFER]
        if self.calls >= self.allowed.calls:
            return f"{self.calls} calls"
        if kind is not CallKind.CALL and streams >= self.allowed.streams:
            return f"{streams} streams"
        if kind is CallKind.TRANSFER and self.counts[kind] >= self.allowed.transfers:
            return f"{self.counts[kind]} transfers of blobs"
        return ""

    def unread(self, size_bytes: int) -> str:
        """What was not read that leaves no room for so much more, in words; empty: nothing."""
        before = self.unread_bytes
        if before and before + size_bytes > self.allowed.unread_bytes:
            return f"{before} bytes of answers"
        return ""
