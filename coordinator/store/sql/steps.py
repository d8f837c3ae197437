"""How a database becomes one of today: the script for an empty one, numbered steps for an older.

Steps are only ever appended, each with the same change in `schema`. Each runs in its own
transaction together with `user_version`, so that a crash leaves the old schema or the new one.
Views are dropped before a step and made anew with the last one, so no step has to name them.
"""

from __future__ import annotations

import sqlite3

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused

from . import entry_runtimes, own_artifacts
from .answered import CALIBRATION_SETS, CAMPAIGN
from .database import transaction
from .kept import ALIASES, VERDICTS
from .reader_views import VIEWS
from .schema import (
    APPLICATION_ID,
    AUDIT,
    DEVICE_ALIASES,
    JOB_BY_KEY,
    MANIFEST_FILES,
    MANIFEST_FILES_BY_FILE,
    RAW_BY_DIGEST,
    SCRIPT,
)

Steps = tuple[tuple[str, ...], ...]
"""The statements of each step."""

OLDEST = 12
"""The oldest schema that is opened; those before it were never released."""

_DEFINITION = ("ALTER TABLE metrics ADD COLUMN definition INTEGER NOT NULL DEFAULT 1",)
"""Which version of its metric's definition a number follows."""

_AGENT = ("ALTER TABLE devices ADD COLUMN agent_id TEXT",)
"""Which agent serves a device that is not its own machine."""

_MANIFESTS = (MANIFEST_FILES, MANIFEST_FILES_BY_FILE)
"""Which files an artifact is made of that has several."""

_BUILD_NOTES = (
    "ALTER TABLE builds RENAME TO builds_before",
    "DROP INDEX builds_by_artifact",
    """CREATE TABLE builds (
        model_sha256 TEXT NOT NULL,
        model_size_bytes INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        calibration_sha256 TEXT NOT NULL,
        calibration_size_bytes INTEGER NOT NULL,
        toolchain TEXT NOT NULL,
        runtime TEXT NOT NULL,
        artifact_kind TEXT NOT NULL,
        batch INTEGER NOT NULL,
        artifact_sha256 TEXT,
        artifact_size_bytes INTEGER,
        unsupported TEXT,
        notes TEXT NOT NULL,
        made_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (model_sha256, model_size_bytes, recipe, calibration_sha256,
                     calibration_size_bytes, toolchain, runtime, artifact_kind, batch)
    ) STRICT, WITHOUT ROWID""",
    """INSERT INTO builds SELECT model_sha256, model_size_bytes, recipe, calibration_sha256,
           calibration_size_bytes, toolchain, runtime, artifact_kind, 0, artifact_sha256,
           artifact_size_bytes, unsupported, '[]', made_unix_ns
       FROM builds_before""",
    "DROP TABLE builds_before",
    "CREATE INDEX builds_by_artifact ON builds (artifact_sha256)",
)
"""How a build was made, and for which batch where that matters."""

_PEOPLE = (
    *AUDIT,
    "DROP INDEX one_job_per_idempotency_key",
    JOB_BY_KEY,
    # The jobs of campaigns refer to them, so a campaign is away only until this is committed.
    "PRAGMA defer_foreign_keys = ON",
    "CREATE TEMP TABLE campaigns_before AS SELECT * FROM campaigns",
    "DROP TABLE campaigns",
    *CAMPAIGN,
    "INSERT INTO campaigns SELECT * FROM campaigns_before",
    "DROP TABLE campaigns_before",
)
"""Who did what, and idempotency keys that are their users' own."""

_BROUGHT_BY = ("ALTER TABLE blobs ADD COLUMN brought_by TEXT",)
"""On whose account a blob stands until a result refers to it."""

_EVIDENCE = (RAW_BY_DIGEST,)
"""Of which run a raw file is the evidence."""

_WHO_A_DEVICE_IS = (
    "ALTER TABLE devices ADD COLUMN confirmed_by TEXT",
    "ALTER TABLE devices ADD COLUMN machine TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE devices ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE devices ADD COLUMN agent TEXT",
    "ALTER TABLE devices ADD COLUMN rival TEXT",
    "UPDATE devices SET confirmed_by = 'an earlier version'",
    "ALTER TABLE join_tokens ADD COLUMN confirms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE certificates ADD COLUMN confirms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE runs ADD COLUMN signed INTEGER NOT NULL DEFAULT 0",
)
"""Whether a device is what it says, which process serves it, and whose raw data are.

Devices that were there are taken for what they are; runs that were there have raw files that do not
say whose they are (`signed`).
"""

_REQUESTS = (
    *(
        f"ALTER TABLE {table} ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0"
        for table in ("jobs", "table_rows", "cells")
        for column in ("prompt_tokens", "generated_tokens")
    ),
    "UPDATE cells SET cell_key = cell_key || '/0/0'",
)
"""How long a prompt is and what follows it, which a workload of a decoder says."""

_NAMES = (
    "ALTER TABLE devices ADD COLUMN said TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE devices ADD COLUMN named_by TEXT",
    "UPDATE devices SET said = name",
    DEVICE_ALIASES,
)
"""What agents call their devices, and aliases; before, a device was called what its agent said."""

STEPS: Steps = (
    _DEFINITION,
    _AGENT,
    entry_runtimes.STEP,
    _MANIFESTS,
    own_artifacts.STEP,
    _BUILD_NOTES,
    _PEOPLE,
    _BROUGHT_BY,
    _EVIDENCE,
    _WHO_A_DEVICE_IS,
    _REQUESTS,
    _NAMES,
    (CALIBRATION_SETS,),
    VERDICTS,
    ALIASES,
)
"""Step n, from 1, leads from schema `OLDEST` + n - 1 to the next."""

NEWEST = OLDEST + len(STEPS)
"""The schema that the script makes."""


def version_of(connection: sqlite3.Connection, name: str, steps: Steps = STEPS) -> int:
    """The schema version of a database; 0 for an empty one.

    Raises:
        Refused: `STORE_NEWER` when a newer Bitgauge wrote it, `STORE_UNRELEASED` when one of
            before the first release did.
        NotFound: `STORE_MISSING` when it belongs to another program.
    """
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    used = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and used:
        raise NotFound(Code.STORE_MISSING, f"{name} is an SQLite database of another program.")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    known = OLDEST + len(steps)
    if version > known:
        raise Refused(
            Code.STORE_NEWER,
            f"The database {name} has schema {version}; this Bitgauge knows {known}.",
        )
    if 0 < version < OLDEST:
        raise Refused(
            Code.STORE_UNRELEASED,
            f"The database {name} has schema {version}, of a Bitgauge that was never released;"
            f" the oldest that can be opened is {OLDEST}.",
        )
    return version


def require_newest(connection: sqlite3.Connection, name: str) -> int:
    """The version of a database that can be read as it is, which is the newest.

    Raises:
        Refused: `STORE_OLDER` when steps are missing; and as `version_of`.
        NotFound: as `version_of`.
    """
    version = version_of(connection, name)
    if version < NEWEST:
        raise Refused(
            Code.STORE_OLDER, f"The database {name} has schema {version}, older than {NEWEST}."
        )
    return version


def migrate(connection: sqlite3.Connection, name: str, steps: Steps = STEPS) -> int:
    """Bring a database to the newest schema; the number of steps taken.

    The connection writes, outside a transaction. Step n, from 1, leads to schema `OLDEST` + n; the
    script leads to `NEWEST`.
    """
    version = version_of(connection, name, steps)
    if version == 0:
        _take(connection, SCRIPT, NEWEST)
        version = NEWEST
    left = steps[version - OLDEST :]
    for number, statements in enumerate(left, start=version + 1):
        anew = VIEWS if number == OLDEST + len(steps) else ()
        _take(connection, (*_without_views(connection), *statements, *anew), number)
    return len(left)


def _without_views(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What drops our views: they hold nothing, and may speak of what a step changes."""
    ours = "SELECT name FROM sqlite_master WHERE type = 'view' AND name GLOB 'v_*' ORDER BY name"
    return tuple(f"DROP VIEW {name}" for (name,) in connection.execute(ours).fetchall())


def _take(connection: sqlite3.Connection, statements: tuple[str, ...], version: int) -> None:
    with transaction(connection):
        for statement in statements:
            connection.execute(statement)
            crash_point("C9")
        connection.execute(f"PRAGMA user_version = {version}")
