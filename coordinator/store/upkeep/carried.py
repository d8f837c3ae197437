"""What ended stays ended: revocations and spent join lines of a database that a restore replaces.

They are carried over into the backup's copy before it becomes the database. What the backup does
not know was issued after it, and stays refused because it is unknown. Where the replaced database
is gone or cannot be read, join lines end, and whose credentials live on is said.
"""

from __future__ import annotations

import contextlib
import getpass
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.files import sync
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ..audit.entries import RESTORE, record
from ..sql.connection import connect_readonly
from ..sql.database import fetch, texts, transaction, translated

if TYPE_CHECKING:
    from sqlite_utils import Database

_REVOKE = """UPDATE tokens SET revoked_unix_ns = :revoked_unix_ns
    WHERE sha256 = :sha256 AND revoked_unix_ns IS NULL"""
_REVOKE_CERTIFICATE = """UPDATE certificates SET revoked_unix_ns = :revoked_unix_ns
    WHERE serial = :serial AND revoked_unix_ns IS NULL"""
_SPEND_LINE = """UPDATE join_tokens SET used_unix_ns = :used_unix_ns, key_sha256 = :key_sha256,
      expires_unix_ns = min(expires_unix_ns, :expires_unix_ns)
    WHERE sha256 = :sha256 AND (used_unix_ns IS NOT :used_unix_ns
      OR expires_unix_ns > :expires_unix_ns)"""
_END_LINES = """UPDATE join_tokens SET expires_unix_ns = ?1
    WHERE used_unix_ns IS NULL AND expires_unix_ns > ?1"""
_LIVE = "revoked_unix_ns IS NULL AND (expires_unix_ns = 0 OR expires_unix_ns > ?)"


@dataclass(frozen=True, slots=True)
class KnownEnds:
    """What a database knows to have ended, by table."""

    tokens: Sequence[sqlite3.Row] = ()
    certificates: Sequence[sqlite3.Row] = ()
    lines: Sequence[sqlite3.Row] = ()


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of the credentials in a backup.

    Attributes:
        tokens: how many were live in it and had been revoked since.
        certificates: of those likewise.
        join_lines: that had been spent since, or end because nobody knows.
        unknown: why the replaced database could not be asked; None: it was.
        tokens_in_doubt: names of tokens that live, and may have been revoked since.
        devices_in_doubt: names of devices likewise.
        noted: whether the backup has an audit, in which the restore stands now.
    """

    tokens: int = 0
    certificates: int = 0
    join_lines: int = 0
    unknown: str | None = None
    tokens_in_doubt: tuple[str, ...] = ()
    devices_in_doubt: tuple[str, ...] = ()
    noted: bool = True


def ended(database: Path) -> KnownEnds | str:
    """What a database knows to have ended, or why it cannot be asked."""
    if not database.exists():
        return "there was no database"
    try:
        with (
            contextlib.closing(connect_readonly(database)) as connection,
            translated(str(database), "reading what ended"),
            transaction(connection, "BEGIN"),
        ):
            return KnownEnds(
                fetch(connection, "SELECT * FROM tokens WHERE revoked_unix_ns IS NOT NULL"),
                fetch(connection, "SELECT * FROM certificates WHERE revoked_unix_ns IS NOT NULL"),
                fetch(connection, "SELECT * FROM join_tokens"),
            )
    except BitgaugeError as error:
        return error.sentence


def carry(copy: Path, known: KnownEnds | str, source: Path, now_ns: int) -> Carried:
    """Let what ended be ended in a copy too, and note the restore in its audit.

    Args:
        copy: the database that is about to be put in place.
        known: what `ended` said of the one that it replaces.
        source: the backup, for the audit.
        now_ns: when, UTC nanoseconds.

    Raises:
        BitgaugeError: the copy cannot be read or written.
    """
    from sqlite_utils import Database

    with (
        translated(str(copy), "carrying over what ended"),
        contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection,
    ):
        with transaction(connection):
            made = _ended_too(connection, known, now_ns)
            if made.noted:
                db = Database(connection, recursive_triggers=False, execute_plugins=False)
                _note(db, made, source, now_ns)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    sync(copy)
    return made


def _ended_too(connection: sqlite3.Connection, known: KnownEnds | str, now_ns: int) -> Carried:
    has_audit = bool(texts(connection, "SELECT name FROM sqlite_master WHERE name = 'audit'"))
    if isinstance(known, KnownEnds):
        return Carried(
            _done(connection, _REVOKE, known.tokens),
            _done(connection, _REVOKE_CERTIFICATE, known.certificates),
            _done(connection, _SPEND_LINE, known.lines),
            noted=has_audit,
        )
    people = f"SELECT name FROM tokens WHERE device_id IS NULL AND {_LIVE} ORDER BY name"  # noqa: S608
    devices = f"SELECT DISTINCT name FROM certificates WHERE {_LIVE} ORDER BY name"  # noqa: S608
    return Carried(
        join_lines=connection.execute(_END_LINES, (now_ns,)).rowcount,
        unknown=known,
        tokens_in_doubt=texts(connection, people, (now_ns,)),
        devices_in_doubt=texts(connection, devices, (now_ns,)),
        noted=has_audit,
    )


def _done(connection: sqlite3.Connection, statement: str, rows: Sequence[sqlite3.Row]) -> int:
    return sum(connection.execute(statement, dict(row)).rowcount for row in rows)


def _note(db: Database, made: Carried, source: Path, now_ns: int) -> None:
    how = (
        f"nothing was known of what ended since: {made.unknown}"
        if made.unknown is not None
        else f"carried over: {made.tokens} tokens, {made.certificates} certificates"
    )
    detail = f"{how}; join lines ended: {made.join_lines}"
    record(db, f"host:{user()}", RESTORE, str(source), detail, now_ns=now_ns)


def user() -> str:
    """Who works on the state folder, as this machine calls it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return "unknown"


def words(carried: Carried) -> tuple[str, ...]:
    """What people have to know after a restore, a sentence each."""
    told = []
    if carried.unknown is None:
        told.append(
            f"What had ended since the backup stays ended: {carried.tokens} tokens,"
            f" {carried.certificates} certificates, {carried.join_lines} join lines."
        )
    else:
        told.append(
            "What ended since the backup cannot be known"
            f" ({carried.unknown.rstrip('.')}); {carried.join_lines} open join lines were ended."
        )
        doubtful = (
            ("tokens", carried.tokens_in_doubt, "bitgauge token revoke NAME"),
            ("devices", carried.devices_in_doubt, "bitgauge agents revoke NAME"),
        )
        for what, names, command in doubtful:
            if names:
                told.append(
                    f"These {what} are live again; end those that should not be with"
                    f" `{command}`: {', '.join(names)}."
                )
    told.append("Tokens and certificates issued after the backup are refused: issue them anew.")
    if not carried.noted:
        told.append("The backup is older than the audit, so the restore is not in it.")
    return tuple(told)
