"""Answers from a database file, in this process and without a coordinator."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

from bitgauge.benchmarks.common.digests import verified
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, ScheduleView
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.history import (
    CompareQuery,
    Comparison,
    HistoryQuery,
    Regression,
    RowHistory,
)
from bitgauge.benchmarks.vocabulary.values.jobs import JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import RunView

from ..store import questions
from ..store.blobs.files import blob_file
from ..store.store import Store
from ..store.values import LeaseTerms


class Offline:
    """A database file opened to read; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open `path`; a missing or damaged file raises `BitgaugeError`."""
        self._store = Store.open_readonly(path)
        self._blobs = path.parent / "blobs"

    def __enter__(self) -> Offline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.close()

    @property
    def store(self) -> Store:
        """The store as the coordinator's own functions ask it."""
        return self._store

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, by name."""
        return self._store.devices(time.time_ns(), LeaseTerms())

    def job(self, job_id: str) -> JobView:
        """One job."""
        return self._store.job(job_id)

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""
        return self._store.jobs(limit, active_only)

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""
        return self._store.rows(query)

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, priors among them."""
        del query  # nobody counts what is asked of a file
        return questions.cells(self._store)

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        return questions.select(self._store, query, time.time_ns())

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""
        from ..store import past_questions

        return past_questions.compare(self._store, query)

    def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, with their steps."""
        from ..store import past_questions

        return past_questions.histories(self._store, query)

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        return self._store.regressions(ended=ended)

    def run(self, run_id: str) -> RunView:
        """One run."""
        return self._store.run(run_id)

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job."""
        return self._store.runs(job_id)

    def campaign(self, campaign_id: str) -> CampaignView:
        """One campaign, with its diff."""
        return self._store.campaign(campaign_id)

    def campaigns(self, limit: int = 50) -> tuple[CampaignView, ...]:
        """Campaigns, newest first."""
        return self._store.campaigns(limit)

    def schedules(self) -> tuple[ScheduleView, ...]:
        """Schedules, by name."""
        return self._store.schedules()

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob in the folder beside the database, verified."""
        try:
            data = blob_file(self._blobs, digest).read_bytes()
        except OSError as error:
            raise NotFound(
                Code.BLOB_MISSING, f"Blob {digest} is not in {self._blobs}: {error.strerror}."
            ) from error
        return verified(data, digest)
