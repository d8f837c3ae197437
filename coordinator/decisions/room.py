"""Whether there is room for an upload, judged by what it announces; pure functions on figures.

Three bounds, each on bytes that are stored, half stored or promised: those of the disk bind
everybody; the limit of all blobs binds people and devices, and a tenth of it is kept for what
devices report; and nobody but an admin may hold so much that nothing is left for the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable

MAX_DEVICE_BYTES = 8 << 30
MAX_SHARE = 0.5
"""Of the limit of all blobs; of what the disk has, where there is none."""
MAX_PEOPLES_SHARE = 0.9
"""Of the limit; the rest of it is for what devices report."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who brings a blob.

    Attributes:
        owner: names the account.
        person: somebody with a token of role submit.
        device: an agent; its uploads may use all of the limit, and wait where they may not.
        free: a task of the lab; what it makes is counted and not refused by the limit.
    """

    owner: str
    person: bool = False
    device: bool = False
    free: bool = False

    @property
    def bound(self) -> bool:
        """Whether it may hold no more than its share."""
        return self.person or self.device


@dataclass(frozen=True, slots=True)
class Space:
    """What is there and what is promised, in bytes, without the upload that is asked for.

    Attributes:
        free_bytes: of the disk, less what must stay free.
        promised_bytes: announced by other uploads that are under way, and not here yet.
        stored_bytes: all blobs, whole and half.
        held_bytes: what the account brought and no result refers to, and what it is promised.
        disk: the folder that all this is about.
    """

    free_bytes: int
    promised_bytes: int
    stored_bytes: int
    held_bytes: int
    disk: str = ""


@dataclass(frozen=True, slots=True)
class RoomTerms:
    """What uploads keep to.

    Attributes:
        limit_bytes: size of all blobs; None: what the disk holds.
        device_bytes: the most that one agent may hold.
    """

    limit_bytes: int | None = None
    device_bytes: int = MAX_DEVICE_BYTES


def share_bytes(account: Account, terms: RoomTerms, space: Space) -> int | None:
    """The most that an account may hold; None: no bound of its own."""
    if not account.bound:
        return None
    whole = terms.limit_bytes
    if whole is None:
        whole = max(space.free_bytes - space.promised_bytes, 0) + space.held_bytes
    share = int(whole * MAX_SHARE)
    return min(share, terms.device_bytes) if account.device else share


def limit_of(account: Account, terms: RoomTerms) -> int | None:
    """How much of the limit an account may help to fill; None: it has none."""
    if terms.limit_bytes is None or account.device:
        return terms.limit_bytes
    return int(terms.limit_bytes * MAX_PEOPLES_SHARE)


def excess_bytes(account: Account, terms: RoomTerms, wanted: int, space: Space) -> int:
    """By how much an upload would exceed the limit of all blobs."""
    limit = None if account.free else limit_of(account, terms)
    return 0 if limit is None else space.stored_bytes + space.promised_bytes + wanted - limit


def refusal(account: Account, terms: RoomTerms, wanted: int, space: Space) -> BitgaugeError | None:
    """Why an upload that still wants so many bytes is not begun; None: there is room.

    A device is told to come again, because what it measured must not be lost.
    """
    left = space.free_bytes - space.promised_bytes
    if wanted > left:
        return Unavailable(
            Code.DISK_FULL,
            f"An upload of {wanted} bytes does not fit on the disk of {space.disk}: what is"
            f" promised to uploads under way leaves {max(left, 0)}.",
        )
    kind = Unavailable if account.device else Refused
    share = share_bytes(account, terms, space)
    if share is not None and space.held_bytes + wanted > share:
        return kind(
            Code.BLOB_SHARE,
            f"An upload of {wanted} bytes does not fit: {account.owner} may hold {share} bytes that"
            f" no result refers to, and holds {space.held_bytes}.",
        )
    if excess_bytes(account, terms, wanted, space) > 0:
        limit = limit_of(account, terms)
        return kind(
            Code.BLOB_LIMIT,
            f"An upload of {wanted} bytes does not fit below the limit of {limit} bytes for all"
            f" blobs; {space.stored_bytes} are here and needed or new, and"
            f" {space.promised_bytes} promised to uploads under way.",
        )
    return None
