"""The writes about the past of each row: each is one transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from bitgauge.benchmarks.vocabulary.values.history import Annotated, HistoryQuery, Regression
from sqlite_utils import Database

from .past import alerts as store_alerts
from .past import annotations as store_annotations
from .past import regressions as store_regressions
from .sql.connection import transaction, translated
from .values import DueAlert


class HistoryWriter:
    """Judges runs by their past, and keeps the outbox of alerts."""

    _connection: sqlite3.Connection
    _name: str
    _db: Database

    @contextlib.contextmanager
    def _write(self, doing: str) -> Iterator[Database]:
        with translated(self._name, doing), transaction(self._connection):
            yield self._db

    def judge_run(self, run_id: str, now_ns: int) -> tuple[Regression, ...]:
        """Hold a run against the past of its row, once."""
        with self._write("judging a run") as db:
            return store_regressions.judge_run(db, run_id, now_ns)

    def annotate(self, query: HistoryQuery, note: str, now_ns: int, made_by: str) -> Annotated:
        """Restart the baseline of the rows that match."""
        with self._write("recording an annotation") as db:
            return store_annotations.annotate(db, query, note, now_ns, made_by)

    def explain(self, regression_id: str, note: str, now_ns: int, made_by: str) -> Annotated:
        """Accept what a regression is about."""
        with self._write("recording an annotation") as db:
            return store_annotations.explain(db, regression_id, note, now_ns, made_by)

    def due_alert(self, now_ns: int) -> DueAlert | None:
        """The alert that has waited longest, if any is due."""
        with self._write("reading alerts") as db:
            return store_alerts.due_alert(db, now_ns)

    def alert_sent(self, regression_id: str, now_ns: int) -> None:
        """Note that an alert was taken."""
        with self._write("recording an alert") as db:
            store_alerts.alert_sent(db, regression_id, now_ns)

    def alert_failed(self, regression_id: str, why: str, next_unix_ns: int) -> None:
        """Note why an alert was not taken, and when to try again."""
        with self._write("recording an alert") as db:
            store_alerts.alert_failed(db, regression_id, why, next_unix_ns)
