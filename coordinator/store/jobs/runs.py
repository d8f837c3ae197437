"""What is asked of reported runs; what becomes of them is in `changes`."""

from __future__ import annotations

import sqlite3

import msgspec
from bitgauge.benchmarks.vocabulary.values.runs import RunReport, RunView

from ..sql.database import fetch, reading, texts
from ..sql.named import job_named, run_named
from ..sql.values import RUNS, run_view


@reading("reading a run")
def run(connection: sqlite3.Connection, run_id: str) -> RunView:
    """One run, as `run_named` finds it."""
    [row] = fetch(connection, f"{RUNS} WHERE r.run_id = ?", (run_named(connection, run_id),))
    return run_view(connection, row)


@reading("reading runs")
def of_job(connection: sqlite3.Connection, job_id: str) -> tuple[RunView, ...]:
    """Every attempt of a job, as `job_named` finds it, in order of arrival."""
    job_id = job_named(connection, job_id)
    rows = fetch(connection, f"{RUNS} WHERE r.job_id = ? ORDER BY r.position", (job_id,))
    return tuple(run_view(connection, row) for row in rows)


@reading("reading runs")
def unanalysed(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Ids of accepted runs with raw data and without metrics, oldest first.

    A run that failed is among them when the sentinel was timed around it.
    """
    return texts(
        connection,
        """SELECT run_id FROM runs r
           WHERE disposition = 'accepted'
             AND analysis_version IS NULL AND analysis_failure IS NULL
             AND EXISTS (SELECT 1 FROM raw WHERE raw.run_id = r.run_id)
           ORDER BY position""",
    )


@reading("reading a run")
def is_signed(connection: sqlite3.Connection, run_id: str) -> bool:
    """Whether the raw files of a run say whose they are; those of older versions do not."""
    return bool(fetch(connection, "SELECT 1 FROM runs WHERE run_id = ? AND signed = 1", (run_id,)))


@reading("reading raw files")
def evidence_elsewhere(connection: sqlite3.Connection, report: RunReport) -> dict[str, str]:
    """Runs of other jobs or devices that name a raw file of `report`, by its SHA-256.

    A job that is claimed again by the same device goes on with the launches of its baseline.
    """
    found = fetch(
        connection,
        """SELECT w.sha256, r.run_id FROM json_each(?) d
           JOIN raw w ON w.sha256 = d.value JOIN runs r ON r.run_id = w.run_id
           WHERE r.job_id <> ? OR r.device_id <> ?""",
        (
            msgspec.json.encode([ref.digest.sha256 for ref in report.raw]).decode(),
            report.job_id,
            report.device_id,
        ),
    )
    return {str(row["sha256"]): str(row["run_id"]) for row in found}
