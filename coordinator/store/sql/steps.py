"""The step of the schema about the past of each row; `migrations` has the others."""

from __future__ import annotations

# What became worse, and which changes were accepted. A run is judged once, when its job has ended;
# those of before this step are history and accuse nobody. The unique index keeps one regression
# from being opened twice; alerts wait in their outbox until somebody has taken them.
HISTORY = (
    "ALTER TABLE runs ADD COLUMN judged_unix_ns INTEGER",
    "UPDATE runs SET judged_unix_ns = received_unix_ns WHERE analysis_version IS NOT NULL",
    """CREATE INDEX runs_to_judge ON runs (position)
        WHERE disposition = 'accepted' AND status = 'measured'
        AND analysis_version IS NOT NULL AND judged_unix_ns IS NULL""",
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


# A campaign keeps what it was asked, what it planned and how the table was before, so that it can
# go on, and end with a diff, without the client that started it. `pinned_blobs` keeps its files.
CAMPAIGNS = (
    """CREATE TABLE campaigns (
        position INTEGER PRIMARY KEY,
        campaign_id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT NOT NULL UNIQUE,
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
        diff TEXT NOT NULL DEFAULT '[]'
    ) STRICT""",
    "CREATE INDEX campaigns_by_state ON campaigns (state)",
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
    """CREATE TABLE pinned_blobs (
        owner TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (owner, sha256, size_bytes)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX pinned_blobs_by_digest ON pinned_blobs (sha256, size_bytes)",
    # How often a part of the table was asked for, by day; empty words were not named.
    """CREATE TABLE asks (
        day INTEGER NOT NULL,
        model_class TEXT NOT NULL,
        hardware_class TEXT NOT NULL,
        workload TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (day, model_class, hardware_class, workload)
    ) STRICT, WITHOUT ROWID""",
)


# Rows as cells and selections read them, with the metrics that decide, a third as long; whole rows
# stand apart. A lab asks for one model on one device.
WHOLES = (
    """CREATE TABLE table_wholes (
        row_key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "DROP INDEX table_rows_by_model",
    "CREATE INDEX table_rows_by_model ON table_rows (model_name, device_id, batch)",
    "INSERT OR REPLACE INTO table_inputs (name, value) VALUES ('rebuild', 'whole rows apart')",
)
