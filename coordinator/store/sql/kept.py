"""The part of the schema that is only ever appended to: what was said of runs."""

from __future__ import annotations

# What gates and people said of runs. A verdict is never changed: a later one is another.
VERDICTS = (
    """CREATE TABLE verdicts (
        position INTEGER PRIMARY KEY,
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        use_case TEXT NOT NULL,
        kind TEXT NOT NULL,
        outcome TEXT NOT NULL,
        partial INTEGER NOT NULL,
        model_name TEXT NOT NULL,
        device_id TEXT NOT NULL,
        at_unix_ns INTEGER NOT NULL,
        value TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX verdicts_by_run ON verdicts (run_id, use_case)",
    "CREATE INDEX verdicts_by_model ON verdicts (model_name, use_case, device_id)",
    """CREATE TRIGGER a_verdict_is_not_changed BEFORE UPDATE ON verdicts
        BEGIN SELECT raise(ABORT, 'a verdict is never changed'); END""",
    """CREATE TRIGGER a_verdict_is_not_deleted BEFORE DELETE ON verdicts
        BEGIN SELECT raise(ABORT, 'a verdict is never deleted'); END""",
)
