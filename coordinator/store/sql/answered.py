"""The part of the schema that holds what is asked and answered: table, campaigns, the past."""

from __future__ import annotations

# The table as it is asked: the newest row per row key and the cells made of them, kept up by every
# write that settles something, so that a question reads what it answers and no history. All of it
# follows from the runs; `table.rebuild` makes it anew. Rows that cells and selections read hold the
# metrics that decide, a third as long; whole rows stand apart.
TABLE = (
    """CREATE TABLE table_rows (
        row_key TEXT PRIMARY KEY,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        family TEXT NOT NULL,
        scenario TEXT NOT NULL,
        batch INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        generated_tokens INTEGER NOT NULL DEFAULT 0,
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
    """CREATE INDEX table_rows_by_cell
        ON table_rows (model_class, hardware_class, scenario, batch, threads, family)""",
    "CREATE INDEX table_rows_by_device ON table_rows (device_id, runtime, fingerprint)",
    "CREATE INDEX table_rows_by_job ON table_rows (job_id, entry_index)",
    "CREATE INDEX table_rows_by_model ON table_rows (model_name, device_id, batch)",
    """CREATE TABLE table_wholes (
        row_key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE cells (
        cell_key TEXT PRIMARY KEY,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        family TEXT NOT NULL,
        scenario TEXT NOT NULL,
        batch INTEGER NOT NULL,
        threads INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        generated_tokens INTEGER NOT NULL DEFAULT 0,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE table_inputs (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

# A campaign keeps what it was asked, what it planned and how the table was before, so that it can
# go on, and end with a diff, without the client that started it. `asks` says how often a part of
# the table was asked for, by day; empty words were not named.
CAMPAIGN = (
    """CREATE TABLE campaigns (
        position INTEGER PRIMARY KEY,
        campaign_id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT NOT NULL,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        created_unix_ns INTEGER NOT NULL,
        ended_unix_ns INTEGER,
        reason TEXT,
        submitted_by TEXT NOT NULL,
        schedule TEXT,
        asked TEXT NOT NULL,
        plan TEXT NOT NULL,
        rows_before TEXT NOT NULL,
        diff TEXT NOT NULL DEFAULT '[]',
        UNIQUE (submitted_by, idempotency_key)
    ) STRICT""",
    "CREATE INDEX campaigns_by_state ON campaigns (state)",
)
"""A campaign; its idempotency key is its user's own."""

CAMPAIGNS = (
    *CAMPAIGN,
    """CREATE TABLE campaign_jobs (
        campaign_id TEXT NOT NULL REFERENCES campaigns (campaign_id),
        n INTEGER NOT NULL,
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        device_name TEXT NOT NULL,
        seconds REAL NOT NULL,
        spec TEXT NOT NULL,
        job_id TEXT REFERENCES jobs (job_id),
        refused TEXT,
        PRIMARY KEY (campaign_id, n)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE schedules (
        name TEXT PRIMARY KEY,
        cron TEXT NOT NULL,
        asked TEXT NOT NULL,
        created_unix_ns INTEGER NOT NULL,
        next_unix_ns INTEGER NOT NULL,
        last_unix_ns INTEGER,
        last_campaign_id TEXT,
        submitted_by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE asks (
        day INTEGER NOT NULL,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        workload TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (day, model_class, hardware_class, workload)
    ) STRICT, WITHOUT ROWID""",
)

CALIBRATION_SETS = """CREATE TABLE calibration_sets (
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        digest_sha256 TEXT NOT NULL,
        digest_size_bytes INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        source TEXT NOT NULL,
        strata TEXT NOT NULL,
        preprocessing TEXT NOT NULL,
        owner TEXT NOT NULL,
        added_by TEXT NOT NULL,
        added_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID"""
"""Every version of every calibration set."""

# What became worse, and which changes were accepted. The unique index keeps one regression from
# being opened twice; alerts wait in their outbox until somebody has taken them.
PAST = (
    """CREATE TABLE annotations (
        position INTEGER PRIMARY KEY,
        row_key TEXT NOT NULL,
        from_unix_ns INTEGER NOT NULL,
        note TEXT NOT NULL,
        made_unix_ns INTEGER NOT NULL,
        made_by TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX annotations_by_row ON annotations (row_key, from_unix_ns)",
    """CREATE TABLE regressions (
        position INTEGER PRIMARY KEY,
        regression_id TEXT NOT NULL UNIQUE,
        subject TEXT NOT NULL,
        signal TEXT NOT NULL,
        metric TEXT NOT NULL,
        state TEXT NOT NULL,
        row_key TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        confirm_job_id TEXT REFERENCES jobs (job_id),
        changed_unix_ns INTEGER NOT NULL,
        value TEXT NOT NULL
    ) STRICT""",
    """CREATE UNIQUE INDEX one_open_regression ON regressions (subject, signal, metric)
        WHERE state IN ('new', 'confirmed')""",
    "CREATE INDEX regressions_by_state ON regressions (state, position)",
    """CREATE TABLE alerts (
        position INTEGER PRIMARY KEY,
        regression_id TEXT NOT NULL UNIQUE REFERENCES regressions (regression_id),
        attempts INTEGER NOT NULL DEFAULT 0,
        next_unix_ns INTEGER NOT NULL,
        ended_unix_ns INTEGER,
        outcome TEXT
    ) STRICT""",
    "CREATE INDEX alerts_waiting ON alerts (next_unix_ns) WHERE ended_unix_ns IS NULL",
)
