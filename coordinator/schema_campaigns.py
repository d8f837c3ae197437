"""The tables of campaigns, schedules and demand; a step of `migrations`."""

from __future__ import annotations

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
