"""The regressions there are, and the runs that are yet to be judged; no decisions."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.history_values import Regression

from .store_alerts import alert_words
from .store_views import fetch


def regressions(connection: sqlite3.Connection, *, ended: bool) -> tuple[Regression, ...]:
    """What became worse, newest first."""
    which = "1" if ended else "state IN ('new', 'confirmed')"
    found = fetch(
        connection,
        f"SELECT value FROM regressions WHERE {which} ORDER BY position DESC",  # noqa: S608
    )
    return tuple(_with_alert(connection, decoded(row)) for row in found)


def unjudged(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Analysed runs of ended jobs that nobody has held against their past, oldest first."""
    found = fetch(
        connection,
        """SELECT r.run_id FROM runs r JOIN jobs j ON j.job_id = r.job_id
           WHERE r.disposition = 'accepted' AND r.status = 'measured'
             AND r.analysis_version IS NOT NULL AND r.judged_unix_ns IS NULL
             AND j.state IN ('finished', 'failed', 'cancelled') ORDER BY r.position""",
    )
    return tuple(row["run_id"] for row in found)


def decoded(row: sqlite3.Row) -> Regression:
    """One regression from its row."""
    return msgspec.json.decode(row["value"], type=Regression)


def _with_alert(connection: sqlite3.Connection, one: Regression) -> Regression:
    return replace(one, alert=alert_words(connection, one.regression_id))
