"""The schema, as numbered steps that are only ever appended.

Each step runs in its own transaction together with `user_version`, so that a crash leaves the
old schema or the new one. What is queried has a column; the rest is JSON of our values.
Times are UTC nanoseconds, sizes bytes.
"""

from __future__ import annotations

import sqlite3

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused

from .connection import transaction
from .reader_views import REGRESSION_VIEW, VIEWS
from .steps import CAMPAIGNS, HISTORY, WHOLES

APPLICATION_ID = 0x42495447
"""Says that an SQLite file is ours: "BITG"."""

_FIRST = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """CREATE TABLE devices (
        device_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        realness TEXT NOT NULL,
        agent_version TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        incarnation TEXT NOT NULL,
        registered_unix_ns INTEGER NOT NULL,
        last_seen_unix_ns INTEGER NOT NULL,
        silent_until_unix_ns INTEGER NOT NULL DEFAULT 0,
        description TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE jobs (
        position INTEGER PRIMARY KEY,
        job_id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT,
        state TEXT NOT NULL,
        model_name TEXT NOT NULL,
        model_class TEXT NOT NULL,
        baseline_sha256 TEXT NOT NULL,
        baseline_size_bytes INTEGER NOT NULL,
        runtime TEXT NOT NULL,
        scenario TEXT NOT NULL,
        batch INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        profile TEXT NOT NULL,
        priority INTEGER NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0,
        claim_limit INTEGER,
        claims_left INTEGER,
        submitted_unix_ns INTEGER NOT NULL,
        first_leased_unix_ns INTEGER,
        ended_unix_ns INTEGER,
        cancel_reason TEXT,
        reason TEXT,
        progress TEXT,
        spec TEXT NOT NULL
    ) STRICT""",
    """CREATE UNIQUE INDEX one_job_per_idempotency_key ON jobs (idempotency_key)
        WHERE idempotency_key IS NOT NULL""",
    "CREATE INDEX jobs_by_state ON jobs (state)",
    """CREATE TABLE entries (
        job_id TEXT NOT NULL REFERENCES jobs (job_id),
        entry_index INTEGER NOT NULL,
        name TEXT NOT NULL,
        recipe TEXT NOT NULL,
        family TEXT NOT NULL,
        state TEXT NOT NULL,
        artifact_sha256 TEXT,
        artifact_size_bytes INTEGER,
        reason TEXT,
        failure_group TEXT,
        settled_unix_ns INTEGER,
        PRIMARY KEY (job_id, entry_index)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE leases (
        job_id TEXT NOT NULL REFERENCES jobs (job_id),
        epoch INTEGER NOT NULL,
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        incarnation TEXT NOT NULL,
        token_sha256 BLOB NOT NULL,
        active INTEGER NOT NULL,
        claimed_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        renewed_unix_ns INTEGER,
        ended_unix_ns INTEGER,
        ended_by TEXT,
        hardware_class TEXT NOT NULL,
        realness TEXT NOT NULL,
        simulated INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (job_id, epoch)
    ) STRICT, WITHOUT ROWID""",
    "CREATE UNIQUE INDEX one_active_lease_per_device ON leases (device_id) WHERE active = 1",
    "CREATE UNIQUE INDEX one_active_lease_per_job ON leases (job_id) WHERE active = 1",
    """CREATE TABLE runs (
        position INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL UNIQUE,
        job_id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        entry_index INTEGER NOT NULL,
        disposition TEXT NOT NULL,
        status TEXT NOT NULL,
        device_id TEXT NOT NULL,
        sandbox TEXT NOT NULL,
        started_unix_ns INTEGER NOT NULL,
        ended_unix_ns INTEGER NOT NULL,
        received_unix_ns INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        stack TEXT NOT NULL,
        failure TEXT,
        analysis_version INTEGER,
        analysed_unix_ns INTEGER,
        analysis_failure TEXT,
        FOREIGN KEY (job_id, entry_index) REFERENCES entries (job_id, entry_index),
        FOREIGN KEY (job_id, epoch) REFERENCES leases (job_id, epoch)
    ) STRICT""",
    "CREATE INDEX runs_by_entry ON runs (job_id, entry_index)",
    """CREATE UNIQUE INDEX one_accepted_run_per_entry ON runs (job_id, entry_index)
        WHERE disposition = 'accepted'""",
    """CREATE INDEX runs_to_analyse ON runs (position)
        WHERE disposition = 'accepted' AND status = 'measured'
        AND analysis_version IS NULL AND analysis_failure IS NULL""",
    """CREATE TABLE raw (
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        position INTEGER NOT NULL,
        pass_name TEXT NOT NULL,
        launch INTEGER NOT NULL,
        role TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (run_id, position)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE metrics (
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        key TEXT NOT NULL,
        position INTEGER NOT NULL,
        value REAL,
        low REAL,
        high REAL,
        n INTEGER,
        unit TEXT NOT NULL,
        reason TEXT,
        verdict TEXT,
        difference TEXT,
        flags TEXT NOT NULL,
        detail TEXT NOT NULL,
        PRIMARY KEY (run_id, key)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE builds (
        model_sha256 TEXT NOT NULL,
        model_size_bytes INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        calibration_sha256 TEXT NOT NULL,
        calibration_size_bytes INTEGER NOT NULL,
        toolchain TEXT NOT NULL,
        artifact_sha256 TEXT,
        artifact_size_bytes INTEGER,
        unsupported TEXT,
        made_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (model_sha256, model_size_bytes, recipe, calibration_sha256,
                     calibration_size_bytes, toolchain)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE blobs (
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        recorded_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (sha256, size_bytes)
    ) STRICT, WITHOUT ROWID""",
)

# Who may call: people and devices by token, devices by certificate too. No secret is stored.
_ACCESS = (
    """CREATE TABLE tokens (
        position INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        sha256 BLOB NOT NULL UNIQUE,
        device_id TEXT,
        created_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        revoked_unix_ns INTEGER
    ) STRICT""",
    """CREATE TABLE join_tokens (
        sha256 BLOB PRIMARY KEY,
        created_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        used_unix_ns INTEGER,
        key_sha256 BLOB
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE certificates (
        serial TEXT PRIMARY KEY,
        device_id TEXT NOT NULL,
        name TEXT NOT NULL,
        key_sha256 BLOB NOT NULL,
        issued_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        revoked_unix_ns INTEGER
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX certificates_by_device ON certificates (device_id)",
    "ALTER TABLE jobs ADD COLUMN submitted_by TEXT NOT NULL DEFAULT ''",
)

# Whether a device may be trusted with work. A job that is a health check is in no list.
_CARE = (
    "ALTER TABLE devices ADD COLUMN health TEXT NOT NULL DEFAULT 'suspect'",
    "ALTER TABLE devices ADD COLUMN cordoned TEXT",
    "ALTER TABLE devices ADD COLUMN retired_unix_ns INTEGER",
    "ALTER TABLE devices ADD COLUMN checked_unix_ns INTEGER",
    "ALTER TABLE devices ADD COLUMN jobs_since_check INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE health_checks (
        job_id TEXT PRIMARY KEY REFERENCES jobs (job_id),
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        judged_unix_ns INTEGER,
        outcome TEXT,
        reason TEXT
    ) STRICT, WITHOUT ROWID""",
    """CREATE UNIQUE INDEX one_open_check_per_device ON health_checks (device_id)
        WHERE judged_unix_ns IS NULL""",
    "CREATE INDEX jobs_by_user ON jobs (submitted_by, state)",
)

# A blob that was named or asked for a moment ago is not collected.
_BLOB_USE = (
    "ALTER TABLE blobs ADD COLUMN used_unix_ns INTEGER NOT NULL DEFAULT 0",
    "UPDATE blobs SET used_unix_ns = recorded_unix_ns",
    "CREATE INDEX builds_by_artifact ON builds (artifact_sha256)",
)

# Whether a device may be trusted to compare, and whether it drifted while it measured. The unique
# index keeps a suspect job from being measured again more than once.
_TRUST = (
    """CREATE TABLE certifications (
        job_id TEXT PRIMARY KEY REFERENCES jobs (job_id),
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        runtime TEXT NOT NULL,
        ended INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    """CREATE UNIQUE INDEX one_open_certification ON certifications (device_id, runtime)
        WHERE ended = 0""",
    """CREATE TABLE aa_certificates (
        job_id TEXT PRIMARY KEY REFERENCES certifications (job_id),
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        runtime TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        profile TEXT NOT NULL,
        issued_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        asked INTEGER NOT NULL,
        comparisons INTEGER NOT NULL,
        false_positives INTEGER NOT NULL,
        worst_effect REAL,
        mde REAL,
        passed INTEGER NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX aa_certificates_by_stack
        ON aa_certificates (device_id, runtime, fingerprint, issued_unix_ns)""",
    "ALTER TABLE jobs ADD COLUMN sentinel TEXT",
    "ALTER TABLE jobs ADD COLUMN suspect TEXT",
    "ALTER TABLE jobs ADD COLUMN judged_device_id TEXT REFERENCES devices (device_id)",
    "ALTER TABLE jobs ADD COLUMN repeats TEXT REFERENCES jobs (job_id)",
    "CREATE UNIQUE INDEX one_repeat_per_job ON jobs (repeats) WHERE repeats IS NOT NULL",
    "CREATE INDEX jobs_by_judged_device ON jobs (judged_device_id, ended_unix_ns)",
    "ALTER TABLE devices ADD COLUMN history_from INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX runs_by_device ON runs (device_id, fingerprint, position)",
)

# The table as it is asked: the newest row per row key and the cells made of them, kept up by every
# write that settles something, so that a question reads what it answers and no history. All of it
# follows from the runs; `store_table.rebuild` makes it anew, which the step itself asks for.
_TABLE = (
    "ALTER TABLE runs ADD COLUMN measuring_version INTEGER NOT NULL DEFAULT 1",
    """CREATE TABLE table_rows (
        row_key TEXT PRIMARY KEY,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        family TEXT NOT NULL,
        scenario TEXT NOT NULL,
        batch INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        model_name TEXT NOT NULL,
        recipe TEXT NOT NULL,
        device_id TEXT NOT NULL,
        runtime TEXT NOT NULL,
        job_id TEXT NOT NULL,
        entry_index INTEGER NOT NULL,
        conclusive INTEGER NOT NULL,
        settled_unix_ns INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        toolchain TEXT,
        measuring_version INTEGER NOT NULL,
        changes TEXT NOT NULL,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE INDEX table_rows_by_cell ON table_rows
        (model_class, hardware_class, scenario, batch, threads, family)""",
    "CREATE INDEX table_rows_by_device ON table_rows (device_id, runtime, fingerprint)",
    "CREATE INDEX table_rows_by_job ON table_rows (job_id, entry_index)",
    "CREATE INDEX table_rows_by_model ON table_rows (model_name, recipe)",
    """CREATE TABLE cells (
        cell_key TEXT PRIMARY KEY,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        family TEXT NOT NULL,
        scenario TEXT NOT NULL,
        batch INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE table_inputs (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "INSERT INTO table_inputs (name, value) VALUES ('rebuild', 'the table was added')",
    "CREATE INDEX jobs_by_model ON jobs (model_name, batch)",
)

# What saturates is measured in exact mode too; the unique index keeps that from being done twice.
_EXACT = (
    "ALTER TABLE jobs ADD COLUMN exact_of TEXT REFERENCES jobs (job_id)",
    "CREATE UNIQUE INDEX one_exact_job_per_job ON jobs (exact_of) WHERE exact_of IS NOT NULL",
    # Histories compare overrides as text: older jobs had no session options.
    """UPDATE jobs SET spec = json_set(spec, '$.overrides.session_options', json('[]'))
        WHERE json_type(spec, '$.overrides') = 'object'
          AND json_type(spec, '$.overrides.session_options') IS NULL""",
    "INSERT OR REPLACE INTO table_inputs (name, value) VALUES ('rebuild', 'row keys have options')",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _ACCESS,
    _CARE,
    _BLOB_USE,
    _TRUST,
    _TABLE,
    _EXACT,
    VIEWS,
    CAMPAIGNS,
    HISTORY,
    WHOLES,
    REGRESSION_VIEW,
)


def version_of(connection: sqlite3.Connection, name: str, known: int = len(MIGRATIONS)) -> int:
    """The schema version of a database; 0 for an empty one.

    Raises:
        Refused: `STORE_NEWER` when a newer Bitgauge wrote it.
        NotFound: `STORE_MISSING` when it belongs to another program.
    """
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    used = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != APPLICATION_ID and used:
        raise NotFound(Code.STORE_MISSING, f"{name} is an SQLite database of another program.")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > known:
        raise Refused(
            Code.STORE_NEWER,
            f"The database {name} has schema {version}; this Bitgauge knows {known}.",
        )
    return version


def migrate(
    connection: sqlite3.Connection,
    name: str,
    migrations: tuple[tuple[str, ...], ...] = MIGRATIONS,
) -> int:
    """Bring a database to the newest schema; the number of steps taken.

    Args:
        connection: the writing connection, outside a transaction.
        name: the database, for sentences.
        migrations: the steps; step n leads to schema n, from 1.
    """
    before = version_of(connection, name, len(migrations))
    for number, statements in enumerate(migrations[before:], start=before + 1):
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
                crash_point("C9")
            connection.execute(f"PRAGMA user_version = {number}")
    return len(migrations) - before
