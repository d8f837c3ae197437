"""Opening the database, transactions, and what an SQLite error means to a person.

Kept apart from the store so that a query of the command line imports `sqlite3` and little else.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from bitgauge.benchmarks.common.files import sync
from bitgauge.benchmarks.vocabulary.errors import (
    Code,
    Internal,
    NotFound,
    Unavailable,
)

from .. import last_backup
from .budget import Budgeted
from .database import translated

# FULL syncs the log at each commit, so that an acknowledged result survives a power cut; it
# costs some 3 ms a commit and results arrive every few seconds. The log is cut back after each
# checkpoint, so that a full disk is not made worse by an old burst.
PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 8388608",
)


def connect(path: Path | str) -> sqlite3.Connection:
    """Open or make the database for the one process that writes it.

    The connection may be used only from the thread that calls this. Nothing is written before
    `prepare`, so that the database of another program stays as it is.

    Raises:
        BitgaugeError: it can not be opened, or `STORE_DAMAGED` when its pages are not sound.
    """
    with translated(str(path), "opening the store"):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            check(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Set what a writing connection needs."""
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()


def check(connection: sqlite3.Connection, name: Path | str, how: str = "quick_check(1)") -> None:
    """Refuse a database whose pages are not sound; `name` stands in the sentence.

    Raises:
        Internal: `STORE_DAMAGED` with what was found.
    """
    try:
        findings = [str(row[0]) for row in connection.execute(f"PRAGMA {how}")]
    except UnicodeDecodeError:
        findings = ["what names its tables is no text"]  # and stands in what SQLite says of it
    if findings != ["ok"]:
        raise Internal(
            Code.STORE_DAMAGED,
            f"The database {name} is damaged: {'; '.join(findings)}.{last_backup.words(name)}",
        )


def checkpoint(path: Path) -> None:
    """Bring every commit that waits in the log into the file, for a store that nobody has open.

    Raises:
        BitgaugeError: the database can not be written, or is damaged.
    """
    with contextlib.closing(connect(path)) as connection, translated(str(path), "closing its log"):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open the database to read, while a coordinator writes it or after one has stopped.

    Raises:
        NotFound: `STORE_MISSING`, no such file.
        Unavailable: `STORE_IO`, it can not be opened, or a coordinator was killed and its
            folder can not be written, which SQLite needs to read the log that it left.
    """
    if not path.is_file():
        raise NotFound(Code.STORE_MISSING, f"There is no database at {path}.")
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with translated(str(path), "opening the store to read"):
        try:
            return _probe(uri)
        except sqlite3.OperationalError as error:
            if _left_log(path):
                raise Unavailable(
                    Code.STORE_IO,
                    f"A coordinator left {path} unfinished and this user can not write its"
                    " folder, so it can not be read; start `bitgauge up` on it once.",
                ) from error
            if not any(words in str(error) for words in ("readonly database", "unable to open")):
                raise
            # A folder that can not be written, and no log: nobody is writing this database.
            return _probe(f"{uri}&immutable=1")


_DISTRUST = ("PRAGMA trusted_schema = OFF", "PRAGMA cell_size_check = ON")


def connect_alone(path: Path) -> sqlite3.Connection:
    """Open a database that somebody handed over: its file alone, trusted in nothing.

    A log beside it would change what is read, and not what is copied.

    Raises:
        NotFound: `STORE_MISSING`, no such file.
        BitgaugeError: it can not be opened, or is no database.
    """
    if not path.is_file():
        raise NotFound(Code.STORE_MISSING, f"There is no database at {path}.")
    with translated(str(path), "opening the store to read"):
        connection = _probe(f"{path.resolve().as_uri()}?mode=ro&immutable=1")
        for pragma in _DISTRUST:
            connection.execute(pragma)
        return connection


def _probe(uri: str) -> sqlite3.Connection:
    """A connection that has read its first page, which is when SQLite opens the log."""
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0, factory=Budgeted)
    try:
        connection.execute("PRAGMA user_version").fetchone()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _left_log(path: Path) -> bool:
    """Whether commits wait in a log that is not yet part of the file."""
    log = path.with_name(path.name + "-wal")
    return log.is_file() and log.stat().st_size > 0


KEPT = 3
"""Copies from before migrations that stay in the state folder."""


def snapshot(database: Path, target: Path) -> None:
    """Copy the database as it is at this moment, also while a coordinator writes it.

    The copy is a new file, verified and durable, without a log beside it.

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
            check(copy, name, "integrity_check(1)")
    target.chmod(0o600)
    sync(target)


def keep_before_migration(connection: sqlite3.Connection, database: Path, schema: int) -> Path:
    """Copy a database into its state folder before its schema changes; the copy.

    It appears whole or not at all. Only the last few are kept.

    The connection is the one that will migrate, outside a transaction; `schema` is the version that
    the copy has.

    Raises:
        BitgaugeError: the copy could not be made; nothing may be migrated then.
    """
    with translated(str(database), "keeping a copy before the migration"):
        try:
            return _keep(connection, database, schema)
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to open: {error}") from error


def _keep(connection: sqlite3.Connection, database: Path, schema: int) -> Path:
    folder = database.parent / last_backup.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    beginning = last_backup.BEFORE_MIGRATION
    # A kill in the middle leaves the half copy under this name; the next start takes it over.
    aside = folder / ".before-schema.partial"
    aside.unlink(missing_ok=True)
    try:
        copy_connection(connection, aside, str(database))
        name = f"{beginning}{schema + 1}-{last_backup.stamp(time.time_ns())}.db"
        kept = aside.replace(folder / name)
    finally:
        aside.unlink(missing_ok=True)
    sync(folder)
    copies = sorted(folder.glob(f"{beginning}*.db"), key=lambda path: path.stat().st_mtime_ns)
    for old in copies[:-KEPT]:
        old.unlink()
    return kept
