"""The part of the schema that is only ever appended to: what was said of runs, and aliases."""

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

# What an alias of a model means: the newest move of it. The older ones stay.
ALIASES = (
    """CREATE TABLE aliases (
        position INTEGER PRIMARY KEY,
        model_name TEXT NOT NULL,
        alias TEXT NOT NULL,
        run_id TEXT NOT NULL REFERENCES runs (run_id),
        artifact TEXT NOT NULL,
        device_name TEXT NOT NULL,
        use_case TEXT NOT NULL,
        at_unix_ns INTEGER NOT NULL,
        who TEXT NOT NULL,
        "by" TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX aliases_by_name ON aliases (model_name, alias)",
    "CREATE INDEX aliases_by_run ON aliases (run_id)",
    """CREATE TRIGGER a_move_is_not_changed BEFORE UPDATE ON aliases
        BEGIN SELECT raise(ABORT, 'a move of an alias is never changed'); END""",
    """CREATE TRIGGER a_move_is_not_deleted BEFORE DELETE ON aliases
        BEGIN SELECT raise(ABORT, 'a move of an alias is never deleted'); END""",
)
