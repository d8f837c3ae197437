"""Answers from a database file, in this process and without a coordinator."""

from __future__ import annotations

import time
from pathlib import Path

from bitgauge.benchmarks.common.digests import verified
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.history import (
    CompareQuery,
    Comparison,
    HistoryQuery,
    RowHistory,
)
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

from ..store import questions
from ..store.blobs.files import blob_file
from ..store.store import Store
from ..store.values import LeaseTerms


class Offline:
    """A database file opened to read; a context manager.

    What needs nothing but the store is the store's own operation.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`; a missing or damaged file raises `BitgaugeError`."""
        self.store = store = Store.open_readonly(path)
        self._blobs = path.parent / "blobs"
        self.job, self.jobs, self.run, self.runs = store.job, store.jobs, store.run, store.runs
        self.table, self.regressions = store.rows, store.regressions
        self.campaign, self.campaigns = store.campaign, store.campaigns
        self.schedules = store.schedules
        self.judge, self.verdicts = store.judge, store.verdicts
        self.artifacts, self.lineage, self.aliases = store.artifacts, store.lineage, store.aliases

    def __enter__(self) -> Offline:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, by name."""
        return self.store.devices(time.time_ns(), LeaseTerms())

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, priors among them."""
        del query  # nobody counts what is asked of a file
        return questions.cells(self.store)

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        return questions.select(query, time.time_ns(), self.store.deciding_rows, self.cells)

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""
        from ..store import past_questions

        return past_questions.compare(self.store, query)

    def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, with their steps."""
        from ..store import past_questions

        return past_questions.histories(self.store, query)

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob in the folder beside the database, verified."""
        try:
            data = blob_file(self._blobs, digest).read_bytes()
        except OSError as error:
            raise NotFound(
                Code.BLOB_MISSING, f"Blob {digest} is not in {self._blobs}: {error.strerror}."
            ) from error
        return verified(data, digest)
