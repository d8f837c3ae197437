"""The audit's entries. Whoever changes something worth remembering calls `record` beside it.

The database refuses to change or delete an entry, and takes only the next one.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.audit import BEGINNING, ChainHead, digest_of
from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry

from ..sql.database import columns, fetch, reading, value

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_NAME = 200
"""Characters of who and of the object of an act that are kept."""
MAX_DETAIL = 500
"""Characters of its detail."""
MAX_ENTRIES_PER_CALL = 1000
"""Entries that one question answers."""
NOTE = "note.make"
RESTORE = "store.restore"
"""A database was put back, and with it an earlier audit."""
LAST = 2**63 - 1
"""Above every position."""


def record(
    db: Database, who: str, what: str, object_: str, detail: str = "", *, now_ns: int
) -> None:
    """Append one act to the audit, as a part of the caller's transaction.

    Args:
        db: the caller's transaction.
        who: name of a token, or as in `AuditEntry`.
        what: the act, in words with dots: `device.confirm`.
        object_: what it was done to, by its name or id.
        detail: the rest in a few words, such as `role submit`; never a secret.
        now_ns: when, UTC nanoseconds.
    """
    before = head(db.conn)
    entry = AuditEntry(
        position=before.position + 1,
        at_unix_ns=now_ns,
        who=_short(who, MAX_NAME),
        what=_short(what, MAX_NAME),
        object=_short(object_, MAX_NAME),
        detail=_short(detail, MAX_DETAIL),
        previous=before.digest,
        digest="",
    )
    db.table("audit").insert({**columns(entry), "digest": digest_of(entry)})


@reading("reading the audit")
def head(connection: sqlite3.Connection) -> ChainHead:
    """The last entry."""
    found = fetch(connection, "SELECT position, digest FROM audit ORDER BY position DESC LIMIT 1")
    return value(ChainHead, found[0]) if found else BEGINNING


@reading("reading the audit")
def listed(
    connection: sqlite3.Connection,
    *,
    before: int = LAST,
    since_unix_ns: int = 0,
    who: str | None = None,
    limit: int = MAX_ENTRIES_PER_CALL,
) -> tuple[AuditEntry, ...]:
    """Entries, newest first, at most `MAX_ENTRIES_PER_CALL`.

    Args:
        connection: to the database.
        before: only those with a smaller position.
        since_unix_ns: only those of this moment or later.
        who: only what this one did.
        limit: at most so many.
    """
    found = fetch(
        connection,
        """SELECT * FROM audit WHERE position < ?1 AND at_unix_ns >= ?2
             AND (?3 IS NULL OR who = ?3) ORDER BY position DESC LIMIT ?4""",
        (before, since_unix_ns, who, max(1, min(limit, MAX_ENTRIES_PER_CALL))),
    )
    return tuple(value(AuditEntry, row) for row in found)


@reading("reading the audit")
def acts_of(
    connection: sqlite3.Connection, who: str, since_unix_ns: int, what: str | None = None
) -> int:
    """How many acts somebody has done since then, of one kind or of all."""
    found = fetch(
        connection,
        """SELECT count(*) AS n FROM audit WHERE who = ?1 AND at_unix_ns > ?2
             AND (?3 IS NULL OR what = ?3)""",
        (who, since_unix_ns, what),
    )
    return int(found[0]["n"])


def _short(text: str, most: int) -> str:
    """What is kept of a text: one line that every terminal can show, and not all of a long one."""
    shown = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
