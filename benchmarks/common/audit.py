"""The chain of the audit: each entry holds the digest of the one before, so none can be changed.

Whoever has the entries can verify them: the store, the client, another program. The end of a
chain can be cut off unseen, therefore its head is told to the log and kept in every backup.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..vocabulary.values.audit import AuditEntry

SCHEME = "bitgauge.audit/1"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The last entry of a chain: its position, and its digest in hexadecimal."""

    position: int = 0
    digest: str = "0" * 64


BEGINNING = ChainHead()
"""What stands before the first entry."""


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What became of following a whole chain.

    Attributes:
        entries: how many are as they were written, from the first.
        head: digest of the last of them.
        breaks: where the chain breaks; None: nowhere.
    """

    entries: int
    head: str
    breaks: str | None = None


def digest_of(entry: AuditEntry) -> str:
    """The digest of an entry: SHA-256 of one JSON array in ASCII without spaces."""
    said = (
        *(SCHEME, entry.position, entry.at_unix_ns, entry.who, entry.what),
        *(entry.object, entry.detail, entry.previous),
    )
    text = json.dumps(said, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def follow(
    entries: Iterable[AuditEntry], head: ChainHead = BEGINNING
) -> tuple[ChainHead, str | None]:
    """Go along a chain that continues `head`.

    Returns:
        The last entry that is as it was written, and where the chain breaks; None: nowhere.
    """
    for entry in entries:
        wanted = head.position + 1
        if entry.position != wanted:
            return head, f"entry {wanted} of the audit is missing"
        if entry.previous != head.digest:
            return head, f"entry {wanted} of the audit does not follow the one before it"
        if entry.digest != digest_of(entry):
            return head, f"entry {wanted} of the audit is not as it was written"
        head = ChainHead(entry.position, entry.digest)
    return head, None


def verdict_of(
    entries: Iterable[AuditEntry], told: Iterable[tuple[ChainHead, str]] = ()
) -> AuditVerdict:
    """Follow a whole chain, and hold it against heads that were told elsewhere.

    Args:
        entries: all of them, in order.
        told: heads that the chain once had, each with where that is written.
    """
    known = tuple(entries)
    head, breaks = follow(known)
    for once, where in told if breaks is None else ():
        if once.position > len(known):
            breaks = f"entry {once.position} of the audit, which {where} names, is missing"
        elif once.position and known[once.position - 1].digest != once.digest:
            breaks = f"entry {once.position} of the audit is not the one that {where} names"
        if breaks is not None:
            break
    return AuditVerdict(head.position, head.digest, breaks)
