"""The questions about the past of each row, on any connection to a database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from bitgauge.benchmarks.history.past import Evidence
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery, Regression
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from .past import alerts as store_found
from .past import history as store_history
from .sql.connection import transaction, translated
from .values import Series, Settled


class HistoryReader:
    """Answers from one connection; every answer sees one moment of the database."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        """Answer from `connection`; `name` stands in the sentences of errors."""
        self._connection = connection
        self._name = name

    @contextlib.contextmanager
    def _read(self, doing: str) -> Iterator[sqlite3.Connection]:
        with translated(self._name, doing), transaction(self._connection, "BEGIN"):
            yield self._connection

    def settled_rows(self, which: Settled) -> tuple[TableRow, ...]:
        """The newest row per row key among the settled entries that match."""
        with self._read("reading rows") as connection:
            return store_history.settled_rows(connection, which)

    def evidence(self, run_id: str) -> Evidence:
        """What is kept of a run besides its numbers."""
        with self._read("reading a run") as connection:
            return store_history.evidence(connection, run_id)

    def fingerprints(self, beginning: str) -> tuple[str, ...]:
        """Every stack fingerprint of an accepted run that begins so."""
        with self._read("reading stacks") as connection:
            return store_history.fingerprints(connection, beginning)

    def series(self, query: HistoryQuery) -> tuple[Series, ...]:
        """The series that match, in the order of the table."""
        with self._read("reading a history") as connection:
            return store_history.series(connection, query)

    def regressions(self, *, ended: bool) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        with self._read("reading regressions") as connection:
            return store_found.regressions(connection, ended=ended)

    def unjudged(self) -> tuple[str, ...]:
        """Analysed runs of ended jobs that nobody has held against their past, oldest first."""
        with self._read("reading runs") as connection:
            return store_found.unjudged(connection)
