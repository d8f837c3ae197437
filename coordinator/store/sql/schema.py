"""The schema: one script that makes a new database as it is today.

What is queried has a column; the rest is JSON of our values. Times are UTC nanoseconds, sizes
bytes. A change is made here, and in `steps` for the databases that are there already; a test holds
that both lead to the same.
"""

from __future__ import annotations

from .answered import CALIBRATION_SETS, CAMPAIGNS, PAST, TABLE
from .kept import ALIASES, VERDICTS
from .reader_views import VIEWS

APPLICATION_ID = 0x42495447
"""Says that an SQLite file is ours: "BITG"."""

# By which names a device is meant besides its own; `devices.said` is what its agent calls it, and
# `devices.named_by` who gave it its name when that was not its agent.
DEVICE_ALIASES = """CREATE TABLE device_aliases (
        alias TEXT NOT NULL,
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        since_unix_ns INTEGER NOT NULL,
        PRIMARY KEY (alias, device_id)
    ) STRICT, WITHOUT ROWID"""

# What a device is, and whether it may be trusted with work. A job that is a health check is in
# no list.
_DEVICES = (
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
        description TEXT NOT NULL,
        health TEXT NOT NULL DEFAULT 'suspect',
        cordoned TEXT,
        retired_unix_ns INTEGER,
        checked_unix_ns INTEGER,
        jobs_since_check INTEGER NOT NULL DEFAULT 0,
        history_from INTEGER NOT NULL DEFAULT 0,
        agent_id TEXT,
        confirmed_by TEXT,
        machine TEXT NOT NULL DEFAULT '',
        place TEXT NOT NULL DEFAULT '',
        agent TEXT,
        rival TEXT,
        said TEXT NOT NULL DEFAULT '',
        named_by TEXT
    ) STRICT""",
    DEVICE_ALIASES,
    """CREATE TABLE health_checks (
        job_id TEXT PRIMARY KEY REFERENCES jobs (job_id),
        device_id TEXT NOT NULL REFERENCES devices (device_id),
        judged_unix_ns INTEGER,
        outcome TEXT,
        reason TEXT
    ) STRICT, WITHOUT ROWID""",
    """CREATE UNIQUE INDEX one_open_check_per_device ON health_checks (device_id)
        WHERE judged_unix_ns IS NULL""",
)

# A key is its user's own: another user's equal key is another key.
JOB_BY_KEY = """CREATE UNIQUE INDEX one_job_per_idempotency_key
        ON jobs (submitted_by, idempotency_key) WHERE idempotency_key IS NOT NULL"""

# Unique indexes keep a device and a job to one lease, a suspect job from being measured again
# more than once, and what saturates from being measured in exact mode twice.
_JOBS = (
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
        prompt_tokens INTEGER NOT NULL DEFAULT 0,
        generated_tokens INTEGER NOT NULL DEFAULT 0,
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
        spec TEXT NOT NULL,
        submitted_by TEXT NOT NULL DEFAULT '',
        sentinel TEXT,
        suspect TEXT,
        judged_device_id TEXT REFERENCES devices (device_id),
        repeats TEXT REFERENCES jobs (job_id),
        exact_of TEXT REFERENCES jobs (job_id)
    ) STRICT""",
    JOB_BY_KEY,
    "CREATE INDEX jobs_by_state ON jobs (state)",
    "CREATE INDEX jobs_by_user ON jobs (submitted_by, state)",
    "CREATE UNIQUE INDEX one_repeat_per_job ON jobs (repeats) WHERE repeats IS NOT NULL",
    "CREATE INDEX jobs_by_judged_device ON jobs (judged_device_id, ended_unix_ns)",
    "CREATE INDEX jobs_by_model ON jobs (model_name, batch)",
    "CREATE UNIQUE INDEX one_exact_job_per_job ON jobs (exact_of) WHERE exact_of IS NOT NULL",
    """CREATE TABLE entries (
        job_id TEXT NOT NULL REFERENCES jobs (job_id),
        entry_index INTEGER NOT NULL,
        name TEXT NOT NULL,
        recipe TEXT NOT NULL,
        runtime TEXT NOT NULL DEFAULT '',
        artifact_kind TEXT NOT NULL DEFAULT '',
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
)

# A run is stored once by its id and accepted once per entry; once its job has ended it is held
# against the past of its row.
RAW_BY_DIGEST = "CREATE INDEX raw_by_digest ON raw (sha256)"

_RUNS = (
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
        measuring_version INTEGER NOT NULL DEFAULT 1,
        judged_unix_ns INTEGER,
        signed INTEGER NOT NULL DEFAULT 0,
        FOREIGN KEY (job_id, entry_index) REFERENCES entries (job_id, entry_index),
        FOREIGN KEY (job_id, epoch) REFERENCES leases (job_id, epoch)
    ) STRICT""",
    "CREATE INDEX runs_by_entry ON runs (job_id, entry_index)",
    """CREATE UNIQUE INDEX one_accepted_run_per_entry ON runs (job_id, entry_index)
        WHERE disposition = 'accepted'""",
    """CREATE INDEX runs_to_analyse ON runs (position)
        WHERE disposition = 'accepted' AND status = 'measured'
        AND analysis_version IS NULL AND analysis_failure IS NULL""",
    "CREATE INDEX runs_by_device ON runs (device_id, fingerprint, position)",
    """CREATE INDEX runs_to_judge ON runs (position)
        WHERE disposition = 'accepted' AND status = 'measured'
        AND analysis_version IS NOT NULL AND judged_unix_ns IS NULL""",
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
    RAW_BY_DIGEST,
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
        definition INTEGER NOT NULL DEFAULT 1,
        PRIMARY KEY (run_id, key)
    ) STRICT, WITHOUT ROWID""",
)

# Which blobs the files of an artifact are that a manifest names.
MANIFEST_FILES = """CREATE TABLE manifest_files (
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        position INTEGER NOT NULL,
        file_sha256 TEXT NOT NULL,
        file_size_bytes INTEGER NOT NULL,
        PRIMARY KEY (sha256, size_bytes, position)
    ) STRICT, WITHOUT ROWID"""
MANIFEST_FILES_BY_FILE = (
    "CREATE INDEX manifest_files_by_file ON manifest_files (file_sha256, file_size_bytes)"
)

# A blob that was named or asked for a moment ago is not collected, nor one that is pinned.
_BLOBS = (
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
    "CREATE INDEX builds_by_artifact ON builds (artifact_sha256)",
    """CREATE TABLE blobs (
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        recorded_unix_ns INTEGER NOT NULL,
        used_unix_ns INTEGER NOT NULL DEFAULT 0,
        brought_by TEXT,
        PRIMARY KEY (sha256, size_bytes)
    ) STRICT, WITHOUT ROWID""",
    MANIFEST_FILES,
    MANIFEST_FILES_BY_FILE,
    """CREATE TABLE pinned_blobs (
        owner TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        PRIMARY KEY (owner, sha256, size_bytes)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX pinned_blobs_by_digest ON pinned_blobs (sha256, size_bytes)",
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
        key_sha256 BLOB,
        confirms INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE certificates (
        serial TEXT PRIMARY KEY,
        device_id TEXT NOT NULL,
        name TEXT NOT NULL,
        key_sha256 BLOB NOT NULL,
        issued_unix_ns INTEGER NOT NULL,
        expires_unix_ns INTEGER NOT NULL,
        revoked_unix_ns INTEGER,
        confirms INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX certificates_by_device ON certificates (device_id)",
)

# Who did what. An entry is never changed, and only the next one is taken: also a REPLACE would be
# an insert. Each holds the digest of the one before, so what goes round the triggers shows.
AUDIT = (
    """CREATE TABLE audit (
        position INTEGER PRIMARY KEY,
        at_unix_ns INTEGER NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        object TEXT NOT NULL,
        detail TEXT NOT NULL,
        previous TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX audit_by_who ON audit (who, at_unix_ns)",
    """CREATE TRIGGER audit_takes_the_next BEFORE INSERT ON audit
        WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM audit)
        BEGIN SELECT raise(ABORT, 'the audit takes the next entry only'); END""",
    """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT raise(ABORT, 'an entry of the audit is never changed'); END""",
    """CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        BEGIN SELECT raise(ABORT, 'an entry of the audit is never deleted'); END""",
)

# Whether a device may be trusted to compare.
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
)

SCRIPT: tuple[str, ...] = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    *_DEVICES,
    *_JOBS,
    *_RUNS,
    *_BLOBS,
    *_ACCESS,
    *AUDIT,
    *VERDICTS,
    *ALIASES,
    *_TRUST,
    *TABLE,
    *CAMPAIGNS,
    CALIBRATION_SETS,
    *PAST,
    *VIEWS,
)
"""What is executed in an empty database, in one transaction."""
