"""A second file with the same database, taken while the first is written.

SQLite's own backup copies every page under one read transaction. In WAL mode that holds no
writer up, and the copy is one moment of the original.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from bitgauge.benchmarks.errors import Code, Internal

from . import backup_record
from .blob_files import sync
from .store_connection import connect_readonly, translated

KEPT = 3
"""Copies from before migrations that stay in the state folder."""


def snapshot(database: Path, target: Path) -> None:
    """Copy the database as it is at this moment, verified and durable.

    The copy is one file without a log beside it.

    Args:
        database: to be read only; a coordinator may be writing it.
        target: a new file.

    Raises:
        BitgaugeError: `STORE_MISSING`, `STORE_DAMAGED`, `STORE_IO`, `DISK_FULL`.
    """
    with contextlib.closing(connect_readonly(database)) as source:
        copy_connection(source, target, str(database))


def copy_connection(source: sqlite3.Connection, target: Path, name: str) -> None:
    """As `snapshot`, through a connection that is open; `name` stands in sentences."""
    with translated(str(target), f"copying {name}"):
        copy = sqlite3.connect(target, isolation_level=None)
        with contextlib.closing(copy):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            findings = [row[0] for row in copy.execute("PRAGMA integrity_check(1)")]
    if findings != ["ok"]:
        raise Internal(
            Code.STORE_DAMAGED,
            f"The database {name} is damaged: {findings[0]}.{backup_record.words(name)}",
        )
    target.chmod(0o600)
    sync(target)


def keep_before_migration(connection: sqlite3.Connection, database: Path, schema: int) -> Path:
    """Copy a database into its state folder before its schema changes; the copy.

    It appears whole or not at all. Only the last few are kept.

    Args:
        connection: the one that will migrate, outside a transaction.
        database: the file.
        schema: version that the copy has.

    Raises:
        BitgaugeError: the copy could not be made; nothing may be migrated then.
    """
    with translated(str(database), "keeping a copy before the migration"):
        try:
            return _keep(connection, database, schema)
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to open: {error}") from error


def _keep(connection: sqlite3.Connection, database: Path, schema: int) -> Path:
    folder = database.parent / backup_record.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    beginning = backup_record.BEFORE_MIGRATION
    # A kill in the middle leaves the half copy under this name; the next start takes it over.
    aside = folder / ".before-schema.partial"
    aside.unlink(missing_ok=True)
    try:
        copy_connection(connection, aside, str(database))
        name = f"{beginning}{schema + 1}-{backup_record.stamp(time.time_ns())}.db"
        kept = aside.replace(folder / name)
    finally:
        aside.unlink(missing_ok=True)
    sync(folder)
    copies = sorted(folder.glob(f"{beginning}*.db"), key=lambda path: path.stat().st_mtime_ns)
    for old in copies[:-KEPT]:
        old.unlink()
    return kept
