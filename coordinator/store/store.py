"""The store on SQLite: each public write is one transaction around a function of `store_*`.

`Reader` answers every question and needs only `sqlite3`, so that a query of the command line
starts fast; `SqliteStore` adds the writes and sqlite-utils.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import Disposition, ModelClass
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, Progress, RunReport
from sqlite_utils import Database

from ..decisions.care import CheckOutcome
from .blobs import records as store_blobs
from .jobs import access as store_access
from .jobs import care as store_care
from .jobs import devices as store_devices
from .jobs import job_end as store_trust
from .jobs import jobs as store_jobs
from .jobs import leases as store_leases
from .jobs import runs as store_runs
from .past_writer import HistoryWriter
from .reader import Reader
from .sql import table as store_table
from .sql.connection import connect, keep_before_migration, prepare, translated
from .sql.steps import OLDEST, STEPS, Steps, migrate, version_of
from .values import BuildKey, BuildOutcome, CertificateRecord, LeaseTerms, Registration, TokenRecord
from .with_campaigns import CampaignWrites

FAULTLESS_SQLITE = (3, 51, 3)
_log = logging.getLogger(__name__)


class SqliteStore(HistoryWriter, Reader, CampaignWrites):
    """The memory of record in one SQLite file, written from the thread that opens it."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        """Write through `connection`, whose schema is the newest; `name` stands in sentences."""
        super().__init__(connection, name)
        self._db = Database(connection, recursive_triggers=False, execute_plugins=False)

    @classmethod
    def open(cls, path: Path | str, steps: Steps = STEPS) -> SqliteStore:
        """Open or make the database and bring it to the newest schema.

        Before an older schema is changed, a copy of the database is kept beside it.

        Args:
            path: the file, or ``:memory:``.
            steps: what leads from older schemas to the newest, as in `sql.steps`.

        Raises:
            BitgaugeError: `STORE_DAMAGED`, `STORE_NEWER`, `STORE_UNRELEASED`, `STORE_IO`,
                `STORE_BUSY`, `DISK_FULL`.
        """
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
            store = cls(connection, str(path))
            with store._write("making the table") as db:
                store_table.rebuild_if_asked(db)
            return store
        except BaseException:
            connection.close()
            raise

    # -- devices and leases ---------------------------------------------------------------
    def register(self, registration: Registration, now_ns: int) -> tuple[str, ...]:
        """Record a device; the ids of the jobs that its dead predecessor held."""
        with self._write("recording a device") as db:
            return store_devices.register(db, registration, now_ns)

    def seen(self, device_id: str, incarnation: str, now_ns: int) -> None:
        """Note that the newest incarnation of a device called."""
        with self._write("recording a call") as db:
            store_devices.seen(db, device_id, incarnation, now_ns)

    def acquiring(self, device_id: str, incarnation: str, now_ns: int) -> tuple[str, ...]:
        """Note that an agent asks for work; a lease that never reached it ends."""
        with self._write("recording a call") as db:
            return store_devices.acquiring(db, device_id, incarnation, now_ns)

    def claim(
        self, job_id: str, device_id: str, token: bytes, now_ns: int, terms: LeaseTerms
    ) -> Assignment | None:
        """Lease a queued job to a free device, or None."""
        with self._write("leasing a job") as db:
            return store_leases.claim(db, job_id, device_id, token, now_ns=now_ns, terms=terms)

    def renew(  # noqa: PLR0917  (a lease, then what is said of it)
        self,
        job_id: str,
        epoch: int,
        token: bytes,
        progress: Progress | None,
        hold_ns: int,
        now_ns: int,
        terms: LeaseTerms,
    ) -> str:
        """Extend a lease: `ok`, `cancel` or `lost`."""
        with self._write("renewing a lease") as db:
            return store_leases.renew(
                db,
                job_id,
                epoch,
                token,
                progress=progress,
                hold_ns=hold_ns,
                now_ns=now_ns,
                terms=terms,
            )

    def expire(self, now_ns: int) -> tuple[str, ...]:
        """End the leases that have run out; the ids of the jobs queued again."""
        with self._write("ending leases") as db:
            return store_leases.expire(db, now_ns)

    def refresh_leases(self, now_ns: int, terms: LeaseTerms) -> None:
        """Give every active lease a fresh TTL."""
        with self._write("refreshing leases") as db:
            store_leases.refresh(db, now_ns, terms)

    # -- jobs -----------------------------------------------------------------------------
    def submit(
        self,
        job_id: str,
        spec: JobSpec,
        model_class: ModelClass,
        now_ns: int,
        submitted_by: str = "",
    ) -> tuple[str, bool]:
        """Record a job once per idempotency key; its id, and whether this call made it."""
        with self._write("recording a job") as db:
            return store_jobs.submit(
                db, job_id, spec, model_class, now_ns=now_ns, submitted_by=submitted_by
            )

    def built(
        self, job_id: str, entry_index: int, outcome: BuildOutcome | Failure, now_ns: int
    ) -> None:
        """Record what became of the build of an entry."""
        with self._write("recording a build") as db:
            store_jobs.built(db, job_id, entry_index, outcome, now_ns)

    def cache_build(self, key: BuildKey, outcome: BuildOutcome, now_ns: int) -> None:
        """Remember a build."""
        with self._write("recording a build") as db:
            store_jobs.cache_build(db, key, outcome, now_ns)

    def cancel(self, job_id: str, reason: str, now_ns: int) -> JobView:
        """Cancel a job that has not ended."""
        with self._write("cancelling a job") as db:
            return store_jobs.cancel(db, job_id, reason, now_ns)

    # -- runs -----------------------------------------------------------------------------
    def report(self, report: RunReport, now_ns: int, terms: LeaseTerms) -> Disposition:
        """Store a run once by its id and say what became of it."""
        with self._write("recording a run") as db:
            return store_runs.report(db, report, now_ns, terms)

    def analysed(
        self, run_id: str, version: int, metrics: tuple[MetricValue, ...], now_ns: int
    ) -> None:
        """Store the published metrics of a run."""
        with self._write("recording an analysis") as db:
            store_runs.analysed(db, run_id, version, metrics, now_ns)

    def analysis_failed(self, run_id: str, failure: Failure, now_ns: int) -> None:
        """Record that nothing can be computed from a run."""
        with self._write("recording an analysis") as db:
            store_runs.analysis_failed(db, run_id, failure, now_ns)

    # -- the table ------------------------------------------------------------------------
    def use_inputs(self, toolchains: Mapping[str, str]) -> int:
        """Mark as stale what something else would build or measure now."""
        with self._write("marking the table") as db:
            return store_table.use_inputs(db, toolchains)

    def rebuild_table(self) -> int:
        """Make all rows and cells anew from the runs; the number of rows."""
        with self._write("making the table") as db:
            return store_table.rebuild(db)

    # -- blobs ----------------------------------------------------------------------------
    def record_blob(self, digest: Digest, now_ns: int) -> None:
        """Note a blob that is complete and durable on disk."""
        with self._write("recording a blob") as db:
            store_blobs.record(db, digest, now_ns)

    def use_blobs(self, digests: tuple[Digest, ...], now_ns: int) -> None:
        """Let the recorded ones of `digests` live on."""
        with self._read("reading blobs") as connection:
            old = store_blobs.used_long_ago(connection, digests, now_ns)
        if old:
            with self._write("recording the use of blobs") as db:
                store_blobs.use(db, old, now_ns)

    def forget_blobs(self, digests: tuple[Digest, ...]) -> None:
        """Strike blobs off the record."""
        with self._write("forgetting blobs") as db:
            store_blobs.forget(db, digests)

    # -- care of devices ------------------------------------------------------------------
    def cordon(self, device_id: str, reason: str) -> None:
        """Give a device no further job."""
        with self._write("cordoning a device") as db:
            store_care.cordon(db, device_id, reason)

    def uncordon(self, device_id: str) -> None:
        """Take a device up again, to be checked first."""
        with self._write("uncordoning a device") as db:
            store_care.uncordon(db, device_id)

    def retire(self, device_id: str, reason: str, now_ns: int) -> tuple[str, ...]:
        """Remove a device for good; the ids of the jobs queued again."""
        with self._write("retiring a device") as db:
            return store_care.retire(db, device_id, reason, now_ns)

    def begin_check(
        self, job_id: str, device_id: str, spec: JobSpec, model_class: ModelClass, now_ns: int
    ) -> None:
        """Record a job as the health check of a device."""
        with self._write("recording a health check") as db:
            store_care.begin_check(db, job_id, device_id, spec, model_class, now_ns=now_ns)

    def checked(self, job_id: str, outcome: CheckOutcome, reason: str, now_ns: int) -> None:
        """Record the judgement of a health check."""
        with self._write("recording a health check") as db:
            store_care.checked(db, job_id, outcome, reason, now_ns)

    def begin_certification(
        self,
        job_id: str,
        device_id: str,
        spec: JobSpec,
        model_class: ModelClass,
        now_ns: int,
        *,
        submitted_by: str = "",
    ) -> tuple[str, bool]:
        """Record a job as the certification of a device; its id, and whether this call made it."""
        with self._write("recording a certification") as db:
            store_care.refuse_retired(db.conn, device_id)
            return store_trust.begin_certification(
                db, job_id, device_id, spec, model_class, now_ns=now_ns, submitted_by=submitted_by
            )

    # -- who may call ---------------------------------------------------------------------
    def create_token(self, token: TokenRecord, now_ns: int) -> None:
        """Record a person's token."""
        with self._write("recording a token") as db:
            store_access.create_token(db, token, now_ns)

    def revoke_token(self, name: str, now_ns: int) -> TokenView:
        """End the live token of that name."""
        with self._write("revoking a token") as db:
            return store_access.revoke_token(db, name, now_ns)

    def create_join_token(self, sha256: bytes, expires_unix_ns: int, now_ns: int) -> None:
        """Record a one-time right to join."""
        with self._write("recording a join line") as db:
            store_access.create_join_token(db, sha256, expires_unix_ns, now_ns)

    def join(
        self, join_sha256: bytes, certificate: CertificateRecord, token: TokenRecord, now_ns: int
    ) -> None:
        """Spend a right to join."""
        with self._write("recording a device that joins") as db:
            store_access.join(db, join_sha256, certificate, token, now_ns)

    def renewed(self, certificate: CertificateRecord, now_ns: int) -> None:
        """Record the next certificate of a device."""
        with self._write("recording a certificate") as db:
            store_access.renewed(db, certificate, now_ns)

    def revoke_agent(self, device: str, now_ns: int) -> str:
        """End certificates, token and lease of a device; its id."""
        with self._write("revoking a device") as db:
            return store_access.revoke_agent(db, device, now_ns)
