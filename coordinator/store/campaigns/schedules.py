"""Schedules: each function is part of one transaction of the caller."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, ScheduleView

from ...decisions.asker import COORDINATOR
from ..audit.entries import record
from ..sql.database import columns, encode, fetch, reading, value, writing
from ..sql.unreadable import UNREADABLE, readable, why
from ..values import DueSchedule
from .campaigns import pin, unpin

if TYPE_CHECKING:
    from sqlite_utils import Database


_COLUMNS = tuple(one.name for one in fields(ScheduleView) if one.name != "problem")


@writing("recording a schedule")
def set_schedule(db: Database, schedule: ScheduleView, order: RefreshOrder) -> None:
    """Record a schedule instead of an earlier one of its name, and pin its files.

    Who submitted it owns it from now on.
    """
    db.table("schedules").upsert(
        {**columns(schedule, *_COLUMNS), "asked": encode(order)}, pk="name"
    )
    owner = f"schedule:{schedule.name}"
    unpin(db, owner)
    if order.suite is not None:
        digests = (
            digest
            for model in order.suite.models
            for digest in (model.baseline, model.evaluation, model.calibration)
        )
        pin(db, owner, (digest for digest in digests if digest is not None))
    suite = f"suite {order.suite.name}" if order.suite else "what is stale"
    who, now_ns = schedule.submitted_by or COORDINATOR, schedule.created_unix_ns
    detail = f"cron {schedule.cron}, {suite}"
    record(db, who, "schedule.set", schedule.name, detail, now_ns=now_ns)


@writing("recording a schedule")
def remove_schedule(
    db: Database, name: str, *, now_ns: int, who: str = COORDINATOR
) -> ScheduleView:
    """Forget a schedule. `UNKNOWN_SCHEDULE`."""
    found = [one for one in schedules(db.conn) if one.name == name]
    if not found:
        raise NotFound(Code.UNKNOWN_SCHEDULE, f"There is no schedule {name!r}.")
    db.execute("DELETE FROM schedules WHERE name = ?", (name,))
    unpin(db, f"schedule:{name}")
    record(db, who, "schedule.remove", name, f"of {found[0].submitted_by}", now_ns=now_ns)
    return found[0]


@reading("reading schedules")
def schedules(connection: sqlite3.Connection) -> tuple[ScheduleView, ...]:
    """Schedules, by name; one that cannot be read says so and starts nothing."""
    found = fetch(connection, "SELECT * FROM schedules ORDER BY name")
    return tuple(value(ScheduleView, row, problem=_problem(row)) for row in found)


def _problem(row: sqlite3.Row) -> str | None:
    try:
        msgspec.json.decode(row["asked"], type=RefreshOrder)
    except UNREADABLE as error:
        return why(error)
    return None


@reading("reading schedules")
def due(connection: sqlite3.Connection, now_ns: int) -> tuple[DueSchedule, ...]:
    """Schedules whose time has come."""
    found = fetch(
        connection,
        """SELECT name, cron, asked AS "order", next_unix_ns AS due_unix_ns, submitted_by
           FROM schedules WHERE next_unix_ns <= ? ORDER BY name""",
        (now_ns,),
    )
    return readable(found, lambda row: value(DueSchedule, row), "schedule", "name")


@writing("recording a schedule")
def started(db: Database, due: DueSchedule, next_unix_ns: int, campaign_id: str) -> None:
    """Note what a schedule started, and when it starts next."""
    db.execute(
        "UPDATE schedules SET last_unix_ns = ?, last_campaign_id = ?, next_unix_ns = ?"
        " WHERE name = ? AND next_unix_ns = ?",
        (due.due_unix_ns, campaign_id, next_unix_ns, due.name, due.due_unix_ns),
    )


@writing("recording a schedule")
def skipped(db: Database, due: DueSchedule, next_unix_ns: int, why: str, now_ns: int) -> None:
    """Note that a schedule did not start, and when it is looked at next."""
    changed = db.execute(
        "UPDATE schedules SET next_unix_ns = ? WHERE name = ? AND next_unix_ns = ?",
        (next_unix_ns, due.name, due.due_unix_ns),
    )
    if changed.rowcount:
        record(db, COORDINATOR, "schedule.skip", due.name, why, now_ns=now_ns)
