"""The memory of record in one SQLite file. Its operations are the functions of SQL themselves.

A store is synchronous and has one writer, which calls it from one thread; everybody else opens the
file to read. Every operation is one transaction and raises `BitgaugeError` only. Times are UTC
nanoseconds given by the caller: a store owns no clock. What follows from what is decided in
`decisions`.

Nothing here imports sqlite-utils before something is opened to be written, so that a query of the
command line starts fast.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from bitgauge.benchmarks.vocabulary.values.digests import Digest

# Underscored, because operations have the names of what they are about.
from .audit import entries as _audit
from .blobs import agents as _agents
from .blobs import records as _blobs
from .campaigns import calibration as _calibration
from .campaigns import campaigns as _campaigns
from .campaigns import demand as _demand
from .campaigns import schedules as _schedules
from .campaigns import unreadable as _unreadable
from .jobs import access as _access
from .jobs import care as _care
from .jobs import changes as _changes
from .jobs import confirmed as _confirmed
from .jobs import devices as _devices
from .jobs import jobs as _jobs
from .jobs import leases as _leases
from .jobs import names as _names
from .jobs import runs as _runs
from .jobs import seats as _seats
from .past import alerts as _alerts
from .past import annotations as _annotations
from .past import history as _history
from .past import own_artifacts as _own_artifacts
from .past import regressions as _regressions
from .registry import aliases as _aliases
from .registry import artifacts as _artifacts
from .registry import verdicts as _verdicts
from .sql import named as _named
from .sql import table as _table
from .sql.connection import connect, connect_readonly, keep_before_migration, prepare
from .sql.database import Opened, translated
from .sql.steps import OLDEST, STEPS, Steps, migrate, require_newest, version_of

MEMORY = ":memory:"
FAULTLESS_SQLITE = (3, 51, 3)
_log = logging.getLogger(__name__)


class Store(Opened):
    """Everything that is remembered: what is asked of it, and what changes it."""

    # -- devices and leases
    devices = _devices.device_views
    seat = _seats.seat
    register = _devices.register
    confirm = _confirmed.confirm
    seen = _devices.seen
    acquiring = _devices.acquiring
    claim = _leases.claim
    renew = _leases.renew
    expire = _leases.expire
    refresh_leases = _leases.refresh
    move_leases = _leases.move
    lease_device = _access.lease_device
    leased_at = _leases.leased_at
    agent_of = _access.agent_of

    # -- jobs and their builds
    spec = _jobs.spec
    readable_spec = _jobs.readable_spec
    submitter = _jobs.submitter
    job = _jobs.job
    job_id_of = _jobs.job_id_of
    jobs = _jobs.listed
    job_with_key = _jobs.job_with_key
    queued = _jobs.queued
    waiting_of = _jobs.waiting_of
    avoid = _jobs.avoid
    submit = _jobs.submit
    cancel = _jobs.cancel
    pending_builds = _jobs.pending_builds
    built = _jobs.built
    cached_build = _jobs.cached_build
    cache_build = _jobs.cache_build
    origin_of = _jobs.origin_of
    in_order = _jobs.in_order

    # -- runs
    run = _runs.run
    run_ids = _named.run_ids
    runs = _runs.of_job
    unanalysed = _runs.unanalysed
    is_signed = _runs.is_signed
    evidence_elsewhere = _runs.evidence_elsewhere
    report = _changes.report
    analysed = _changes.analysed
    analysis_failed = _changes.analysis_failed

    # -- the table
    rows = _table.rows
    deciding_rows = _table.deciding_rows
    cells = _table.cells
    use_inputs = _table.use_inputs
    rebuild_table = _table.rebuild

    # -- the past of each row
    settled_rows = _history.settled_rows
    evidence = _history.evidence
    fingerprints = _history.fingerprints
    series = _history.series
    regressions = _alerts.regressions
    unjudged = _alerts.unjudged
    judge_run = _regressions.judge_run
    annotate = _annotations.annotate
    explain = _annotations.explain
    due_alert = _alerts.due_alert
    alert_sent = _alerts.alert_sent
    alert_failed = _alerts.alert_failed

    # -- what may be shipped
    judge = _verdicts.judge
    keep_verdict = _verdicts.keep
    decide_verdict = _verdicts.decide
    verdicts = _verdicts.verdicts
    move_alias = _aliases.move
    aliases = _aliases.moves
    note_ungated = _aliases.note_ungated
    artifacts = _artifacts.search
    lineage = _artifacts.lineage

    # -- campaigns
    campaign = _campaigns.view
    campaigns = _campaigns.views
    campaign_with_key = _campaigns.with_key
    campaign_plan = _campaigns.plan
    live_campaigns = _campaigns.live
    live_campaigns_of = _campaigns.live_of
    campaign_steps = _campaigns.steps
    campaign_rows = _campaigns.rows
    begin_campaign = _campaigns.begin
    campaign_submitted = _campaigns.submitted
    campaign_refused = _campaigns.refused
    move_campaign = _campaigns.move
    orphaned_jobs = _campaigns.orphaned
    stacks = _campaigns.stacks
    stale_rows = _campaigns.stale
    run_times = _demand.run_times
    asks = _demand.asks
    note_asks = _demand.note
    schedules = _schedules.schedules
    due_schedules = _schedules.due
    set_schedule = _schedules.set_schedule
    remove_schedule = _schedules.remove_schedule
    schedule_started = _schedules.started
    schedule_skipped = _schedules.skipped

    # -- calibration sets
    calibration_sets = _calibration.sets
    add_calibration_set = _calibration.add
    rows_built_with = _calibration.rows_built_with

    # -- what cannot be read
    arrived = _unreadable.arrived
    fail_unreadable = _unreadable.fail_unreadable
    fail_unreadable_campaign = _unreadable.fail_campaign

    # -- care of devices
    care = _care.care
    hearings = _care.hearings
    device_named = _named.device_named
    rename = _names.rename
    add_alias = _names.add_alias
    remove_alias = _names.remove_alias
    cordon = _care.cordon
    uncordon = _care.uncordon
    retire = _care.retire
    begin_check = _care.begin_check
    ended_checks = _care.ended_checks
    checked = _care.checked
    begin_certification = _care.begin_certification
    certificates = _care.certificates

    # -- who may call
    access = _access.access
    token_views = _access.token_views
    live_credentials = _access.live_credentials
    may_submit = _access.may_submit
    create_token = _access.create_token
    revoke_token = _access.revoke_token
    create_join_token = _access.create_join_token
    join = _access.join
    renewed = _access.renewed
    revoke_agent = _access.revoke_agent

    # -- who did what
    audit = _audit.listed
    audit_head = _audit.head
    acts_of = _audit.acts_of

    # -- blobs
    named_for = _agents.named_for
    owes = _agents.owes
    record_blob = _blobs.record
    missing_blobs = _blobs.missing
    blobs = _blobs.recorded
    blob_bytes = _blobs.total_bytes
    held_bytes = _blobs.held_bytes
    artifact_bytes = _blobs.artifact_bytes
    spare_blobs = _blobs.spare
    forget_blobs = _blobs.forget

    def use_blobs(self, digests: tuple[Digest, ...], now_ns: int) -> None:
        """Let the recorded ones of `digests` live on; somebody is about to name them.

        Mostly it only reads: a use that was written down a moment ago is not written again.
        """
        with self.reading("reading blobs") as connection:
            old = _blobs.used_long_ago(connection, digests, now_ns)
        if old:
            with self.writing("recording the use of blobs") as db:
                _blobs.use(db, old, now_ns)

    # -- opening
    path: Path | None = None
    """The file that was opened to write it, for others to read; None in memory."""

    @classmethod
    def open(cls, path: Path | str, steps: Steps = STEPS) -> Store:
        """Open or make the database to write it, and bring it to the newest schema.

        Before an older schema is changed, a copy of the database is kept beside it. The store may
        be used only from the thread that calls this.

        Args:
            path: the file, or `MEMORY`.
            steps: what leads from older schemas to the newest, as in `sql.steps`.

        Raises:
            BitgaugeError: `STORE_DAMAGED`, `STORE_NEWER`, `STORE_UNRELEASED`, `STORE_IO`,
                `STORE_BUSY`, `DISK_FULL`.
        """
        from sqlite_utils import Database  # heavy, and only who writes needs it

        if sqlite3.sqlite_version_info < FAULTLESS_SQLITE:
            _log.info(
                "SQLite %s can damage a database that several processes write;"
                " this one has a single writer.",
                sqlite3.sqlite_version,
            )
        connection = connect(path)
        try:
            with translated(str(path), "bringing the store to the newest schema"):
                schema = version_of(connection, str(path), steps)
                prepare(connection)
                if 0 < schema < OLDEST + len(steps):
                    kept = keep_before_migration(connection, Path(path), schema)
                    _log.info("schema %d is about to change; a copy is %s", schema, kept)
                migrate(connection, str(path), steps)
            database = Database(connection, recursive_triggers=False, execute_plugins=False)
            store = cls(connection, str(path), database)
            store.path = None if path == MEMORY else Path(path)
            with store.writing("making the table") as db:
                _own_artifacts.move_if_asked(db)
                _table.rebuild_if_asked(db)
            return store
        except BaseException:
            connection.close()
            raise

    @classmethod
    def open_readonly(cls, path: Path) -> Store:
        """Open the database to read, in this process, also while a coordinator writes it.

        Raises:
            BitgaugeError: `STORE_MISSING`, `STORE_IO`, `STORE_DAMAGED`, `STORE_NEWER`,
                `STORE_UNRELEASED`; and `STORE_OLDER` when no coordinator of this version has
                opened it yet.
        """
        connection = connect_readonly(path)
        try:
            with translated(str(path), "opening the store to read"):
                require_newest(connection, str(path))
        except BaseException:
            connection.close()
            raise
        return cls(connection, str(path))
