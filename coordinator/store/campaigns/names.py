"""What a campaign kept, with the names that its devices have now."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.vocabulary.values.campaigns import CellChange, PlannedJob, RefreshPlan

from ..sql.database import fetch, text


def plan_as_called(connection: sqlite3.Connection, plan: RefreshPlan) -> RefreshPlan:
    """A plan whose jobs name their devices as they are called now.

    What was cut or left out kept the name alone, and says it as it was.
    """

    def called(job: PlannedJob) -> PlannedJob:
        sql = "SELECT name FROM devices WHERE device_id = ?"
        name = text(connection, sql, (job.device_id,)) or job.device_name
        cells = tuple(replace(cell, device_name=name) for cell in job.cells)
        return replace(job, device_name=name, cells=cells)

    return replace(plan, jobs=tuple(map(called, plan.jobs)))


def changes_as_called(
    connection: sqlite3.Connection, campaign_id: str, stored: str
) -> tuple[CellChange, ...]:
    """The changes that a campaign ended with; the run of each says on which device it was.

    Where there was none, the campaign's own jobs say which device had the name then.
    """
    sql = "SELECT d.name FROM runs r JOIN devices d ON d.device_id = r.device_id WHERE run_id = ?"
    jobs = fetch(
        connection,
        """SELECT c.device_name, d.name FROM campaign_jobs c
           JOIN devices d ON d.device_id = c.device_id WHERE campaign_id = ?""",
        (campaign_id,),
    )
    then = {row["device_name"]: str(row["name"]) for row in jobs}

    def called(one: CellChange) -> str:
        by_run = text(connection, sql, (one.run_after or one.run_before or "",))
        return by_run or then.get(one.device_name, one.device_name)

    found = msgspec.json.decode(stored, type=tuple[CellChange, ...])
    return tuple(replace(one, device_name=called(one)) for one in found)
