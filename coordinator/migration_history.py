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
