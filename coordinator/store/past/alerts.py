"""The outbox of alerts: what is due, what was taken, what was not and why."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.values.history import Regression

from ..sql.database import fetch, reading, text, texts, value, writing
from ..sql.unreadable import UNREADABLE, readable, why
from ..values import DueAlert

if TYPE_CHECKING:
    from sqlite_utils import Database


NO_LONGER = "not sent: it was over before anybody took it"


def queue_alert(db: Database, regression_id: str, now_ns: int) -> None:
    """Have an alert sent; one regression has one."""
    db.table("alerts").insert({"regression_id": regression_id, "next_unix_ns": now_ns}, ignore=True)


@writing("reading alerts")
def due_alert(db: Database, now_ns: int) -> DueAlert | None:
    """The alert that has waited longest, if any is due."""
    db.execute(
        """UPDATE alerts SET ended_unix_ns = ?, outcome = ? WHERE ended_unix_ns IS NULL
           AND regression_id NOT IN (SELECT regression_id FROM regressions
                                     WHERE state = 'confirmed')""",
        (now_ns, NO_LONGER),
    )
    for row in fetch(
        db.conn,
        """SELECT a.attempts, r.regression_id, r.value AS regression FROM alerts a
           JOIN regressions r ON r.regression_id = a.regression_id
           WHERE a.ended_unix_ns IS NULL AND a.next_unix_ns <= ?
           ORDER BY a.next_unix_ns, a.position""",
        (now_ns,),
    ):
        try:
            due = value(DueAlert, row)
            return replace(due, regression=_as_called(db.conn, due.regression))
        except UNREADABLE as error:
            db.execute(
                "UPDATE alerts SET ended_unix_ns = ?, outcome = ? WHERE regression_id = ?",
                (now_ns, f"not sent: {why(error)}", row["regression_id"]),
            )
    return None


@writing("recording an alert")
def alert_sent(db: Database, regression_id: str, now_ns: int) -> None:
    """Note that an alert was taken."""
    db.execute(
        """UPDATE alerts SET attempts = attempts + 1, ended_unix_ns = ?, outcome = NULL
           WHERE regression_id = ?""",
        (now_ns, regression_id),
    )


@writing("recording an alert")
def alert_failed(db: Database, regression_id: str, why: str, next_unix_ns: int) -> None:
    """Note why an alert was not taken, and when to try again."""
    db.execute(
        """UPDATE alerts SET attempts = attempts + 1, next_unix_ns = ?, outcome = ?
           WHERE regression_id = ?""",
        (next_unix_ns, why, regression_id),
    )


def alert_words(connection: sqlite3.Connection, regression_id: str) -> str | None:
    """What became of an alert, as part of a sentence; None: none was due."""
    found = fetch(connection, "SELECT * FROM alerts WHERE regression_id = ?", (regression_id,))
    if not found:
        return None
    row = found[0]
    if row["ended_unix_ns"] is not None:
        return row["outcome"] or f"sent {_at(row['ended_unix_ns'])}"
    if not row["attempts"]:
        return "waits for a webhook"
    times = f"{row['attempts']} attempt{'' if row['attempts'] == 1 else 's'}"
    return (
        f"not delivered after {times}: {row['outcome']}; the next is due {_at(row['next_unix_ns'])}"
    )


def _at(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


@reading("reading regressions")
def regressions(connection: sqlite3.Connection, *, ended: bool = False) -> tuple[Regression, ...]:
    """What became worse, newest first; with `ended` also what is over."""
    which = "1" if ended else "state IN ('new', 'confirmed')"
    found = fetch(
        connection,
        f"SELECT * FROM regressions WHERE {which} ORDER BY position DESC",  # noqa: S608
    )
    known = readable(found, decoded, "regression", "regression_id")
    return tuple(_with_alert(connection, _as_called(connection, one)) for one in known)


@reading("reading runs")
def unjudged(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Analysed runs of ended jobs that nobody has held against their past, oldest first."""
    return texts(
        connection,
        """SELECT r.run_id FROM runs r JOIN jobs j ON j.job_id = r.job_id
           WHERE r.disposition = 'accepted' AND r.status = 'measured'
             AND r.analysis_version IS NOT NULL AND r.judged_unix_ns IS NULL
             AND j.state IN ('finished', 'failed', 'cancelled') ORDER BY r.position""",
    )


def decoded(row: sqlite3.Row) -> Regression:
    """One regression from its row."""
    return msgspec.json.decode(row["value"], type=Regression)


def _as_called(connection: sqlite3.Connection, one: Regression) -> Regression:
    """The same with the name that its device has now; its sentence begins with what it is about."""
    before = one.row.device_name
    sql = "SELECT name FROM devices WHERE device_id = ?"
    name = text(connection, sql, (one.row.device_id,)) or before
    about, colon, rest = one.sentence.partition(":")
    about = re.sub(rf"(?<= on ){re.escape(before)}(?=,| with )", name, about)
    row = replace(one.row, device_name=name)
    return replace(one, row=row, sentence=f"{about}{colon}{rest}")


def _with_alert(connection: sqlite3.Connection, one: Regression) -> Regression:
    return replace(one, alert=alert_words(connection, one.regression_id))
