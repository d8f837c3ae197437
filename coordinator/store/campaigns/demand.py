"""What people ask and how long runs take: the part of a plan that is not in the table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitgauge.benchmarks.refresh.plan import Ask, RunTime
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from ..sql.database import encode, fetch, reading, value, writing
from ..sql.unreadable import readable, sound
from ..sql.values import job_spec
from ..values import AskKey

if TYPE_CHECKING:
    from sqlite_utils import Database


MOST_RUNS = 2000
"""Newest runs whose durations are looked at."""


@writing("recording what was asked")
def note(db: Database, asks: Mapping[AskKey, int], day: int) -> None:
    """Add to what was asked on a day, counted from 1970-01-01."""
    for (model_class, hardware_class, workload), count in asks.items():
        db.execute(
            """INSERT INTO asks (day, model_class, hardware_class, workload, count)
               VALUES (?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET count = count + excluded.count""",
            (
                day,
                model_class.value if model_class else "",
                hardware_class.value if hardware_class else "",
                encode(workload) if workload else "",
                count,
            ),
        )


@reading("reading what was asked")
def asks(connection: sqlite3.Connection, since_day: int) -> tuple[Ask, ...]:
    """How often each part of the table was asked for since a day."""
    found = fetch(
        connection,
        """SELECT nullif(model_class, '') AS model_class, nullif(workload, '') AS workload,
             nullif(hardware_class, '') AS hardware_class, sum(count) AS count FROM asks
           WHERE day >= ? GROUP BY asks.model_class, asks.hardware_class, asks.workload
           ORDER BY asks.model_class, asks.hardware_class, asks.workload""",
        (since_day,),
    )
    return readable(found, lambda row: value(Ask, row), "what was asked of workload", "workload")


@reading("reading runs")
def run_times(connection: sqlite3.Connection) -> tuple[RunTime, ...]:
    """How long the newest runs took on their devices."""
    found = fetch(
        connection,
        f"""SELECT j.job_id, j.spec, j.model_name, e.recipe, r.device_id,
             (r.ended_unix_ns - r.started_unix_ns) / 1e9 AS seconds
           FROM runs r JOIN jobs j ON j.job_id = r.job_id
           JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
           WHERE r.disposition = 'accepted' AND r.status = 'measured'
             AND coalesce(json_array_length({sound("j.spec")}, '$.passes'), 0) = 0
             AND r.job_id NOT IN (SELECT job_id FROM health_checks)
           ORDER BY r.position DESC LIMIT ?""",  # noqa: S608 (a text of ours)
        (MOST_RUNS,),
    )
    specs: dict[str, JobSpec] = {}

    def read(row: sqlite3.Row) -> RunTime:
        if row["job_id"] not in specs:
            specs[row["job_id"]] = job_spec(row)
        spec = specs[row["job_id"]]
        return value(
            RunTime,
            row,
            workload=spec.workload,
            profile=spec.profile,
            overrides=spec.overrides,
            seconds=max(0.0, row["seconds"]),
        )

    return readable(found, read, "run of job", "job_id")
