"""The questions that a store answers, on any connection to its database."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate, TokenView
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import RunView

from ..decisions.care import DeviceCare, Hearing
from .blobs import records as store_blobs
from .jobs import access as store_access
from .jobs import care as store_care
from .jobs import job_end as store_trust
from .jobs import jobs as store_jobs
from .jobs.changes import unanalysed
from .past_reader import HistoryReader
from .sql import table as store_table
from .sql import values as store_views
from .sql.connection import connect_readonly, translated
from .sql.steps import require_newest
from .sql.values import fetch
from .values import (
    AccessState,
    BuildKey,
    BuildOutcome,
    EndedCheck,
    LeaseTerms,
    PendingBuild,
    SpareBlob,
)
from .with_campaigns import CampaignReads

_ACTIVE = "state IN ('building', 'queued', 'leased', 'analysing')"


class Reader(HistoryReader, CampaignReads):
    """Answers from one connection; every answer sees one moment of the database."""

    def close(self) -> None:
        """Close the connection."""
        with translated(self._name, "closing the store"):
            self._connection.close()

    def devices(self, now_ns: int, terms: LeaseTerms) -> tuple[DeviceView, ...]:
        """Every device, `unreachable` after the silence that `terms` allow."""
        with self._read("reading devices") as connection:
            return store_views.device_views(connection, now_ns, terms)

    def spec(self, job_id: str) -> JobSpec:
        """What was submitted."""
        with self._read("reading a job") as connection:
            return store_views.job_spec(store_views.job_row(connection, job_id))

    def job(self, job_id: str) -> JobView:
        """One job. `UNKNOWN_JOB` when there is none."""
        with self._read("reading a job") as connection:
            return store_views.job_view(connection, store_views.job_row(connection, job_id))

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""
        which = _ACTIVE if active_only else "1"
        listed = "job_id NOT IN (SELECT job_id FROM health_checks)"
        with self._read("reading jobs") as connection:
            rows = fetch(
                connection,
                f"SELECT * FROM jobs WHERE {which} AND {listed}"  # noqa: S608
                " ORDER BY position DESC LIMIT ?",
                (limit,),
            )
            return tuple(store_views.job_view(connection, row) for row in rows)

    def queued(self) -> tuple[tuple[JobView, JobSpec], ...]:
        """Queued jobs with their specs, for the scheduler, oldest first."""
        with self._read("reading the queue") as connection:
            rows = fetch(connection, "SELECT * FROM jobs WHERE state = 'queued' ORDER BY position")
            return tuple(
                (store_views.job_view(connection, row), store_views.job_spec(row)) for row in rows
            )

    def avoid(self) -> dict[str, frozenset[str]]:
        """Per waiting job the devices that lost a lease of it or failed it for a while."""
        with self._read("reading the queue") as connection:
            return store_jobs.avoid(connection)

    def pending_builds(self) -> tuple[PendingBuild, ...]:
        """Entries whose artifact has to be built."""
        with self._read("reading builds") as connection:
            return store_jobs.pending_builds(connection)

    def cached_build(self, key: BuildKey) -> BuildOutcome | None:
        """The outcome of an equal build, if one is known."""
        with self._read("reading builds") as connection:
            return store_jobs.cached_build(connection, key)

    def unanalysed(self) -> tuple[str, ...]:
        """Ids of accepted runs with raw data and without metrics, oldest first."""
        with self._read("reading runs") as connection:
            return unanalysed(connection)

    def run(self, run_id: str) -> RunView:
        """One run. `UNKNOWN_RUN` when there is none."""
        with self._read("reading a run") as connection:
            rows = fetch(connection, f"{store_views.RUNS} WHERE r.run_id = ?", (run_id,))
            if not rows:
                raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run_id}.")
            return store_views.run_view(connection, rows[0])

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job, in order of arrival."""
        with self._read("reading runs") as connection:
            store_views.job_row(connection, job_id)
            rows = fetch(
                connection, f"{store_views.RUNS} WHERE r.job_id = ? ORDER BY r.position", (job_id,)
            )
            return tuple(store_views.run_view(connection, row) for row in rows)

    def rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The newest row per row key that matches; simulated and emulated results never."""
        with self._read("reading the table") as connection:
            return store_table.rows(connection, query)

    def deciding_rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Like `rows`, with the metrics that decide and no others."""
        with self._read("reading the table") as connection:
            return store_table.rows(connection, query, deciding=True)

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that something was measured or tried for."""
        with self._read("reading the table") as connection:
            return store_table.cells(connection)

    def access(self) -> AccessState:
        """What decides who may call."""
        with self._read("reading tokens") as connection:
            return store_access.access(connection)

    def token_views(self) -> tuple[TokenView, ...]:
        """The tokens of people."""
        with self._read("reading tokens") as connection:
            return store_access.token_views(connection)

    def care(self, device_id: str) -> DeviceCare:
        """What is remembered about the care of a device."""
        with self._read("reading a device") as connection:
            return store_care.care(connection, device_id)

    def hearings(self) -> tuple[Hearing, ...]:
        """When each device that takes part was heard last."""
        with self._read("reading devices") as connection:
            return store_care.hearings(connection)

    def device_named(self, device: str) -> str:
        """The id of the device with this id or name."""
        with self._read("reading devices") as connection:
            return store_care.device_named(connection, device)

    def ended_checks(self) -> tuple[EndedCheck, ...]:
        """Health checks that wait for their judgement."""
        with self._read("reading health checks") as connection:
            return store_care.ended_checks(connection)

    def certificates(
        self, device_id: str, runtime: str, fingerprint: str
    ) -> tuple[AaCertificate, ...]:
        """Every A/A certificate of one device, runtime and stack, oldest first."""
        with self._read("reading certificates") as connection:
            return store_trust.certificates(connection, device_id, runtime, fingerprint)

    def job_with_key(self, idempotency_key: str) -> str | None:
        """The job that this idempotency key made."""
        with self._read("reading jobs") as connection:
            return store_care.job_with_key(connection, idempotency_key)

    def waiting_of(self, user: str) -> int:
        """How many jobs of a user are building or queued."""
        with self._read("reading jobs") as connection:
            return store_care.waiting_of(connection, user)

    def lease_device(self, job_id: str, epoch: int) -> str | None:
        """The device that this lease of a job went to; None when there was none."""
        with self._read("reading a lease") as connection:
            return store_access.lease_device(connection, job_id, epoch)

    def submitter(self, job_id: str) -> str:
        """Name of the token that submitted a job, empty when unknown."""
        with self._read("reading a job") as connection:
            return str(store_views.job_row(connection, job_id)["submitted_by"])

    def missing_blobs(self, digests: tuple[Digest, ...]) -> tuple[Digest, ...]:
        """Those of `digests` that are not recorded."""
        with self._read("reading blobs") as connection:
            return store_blobs.missing(connection, digests)

    def blobs(self) -> tuple[tuple[Digest, int], ...]:
        """Every recorded blob and when it was last used."""
        with self._read("reading blobs") as connection:
            return store_blobs.recorded(connection)

    def blob_bytes(self) -> int:
        """Size of all recorded blobs together."""
        with self._read("reading blobs") as connection:
            return store_blobs.total_bytes(connection)

    def spare_blobs(self, unused_since_ns: int) -> tuple[SpareBlob, ...]:
        """Blobs that may go, unused since then."""
        with self._read("reading blobs") as connection:
            return store_blobs.spare(connection, unused_since_ns)


def open_readonly(path: Path) -> Reader:
    """Open the database at `path` to read, also while a coordinator writes it.

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
    return Reader(connection, str(path))
