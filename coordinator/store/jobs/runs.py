"""Reported runs and their analysis. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RunReport, RunView

from ...decisions import jobs
from ...decisions.instructions import FailAnalysis, KeepRun, PublishMetrics
from ..sql.database import fetch, reading, text, texts, writing
from ..sql.named import job_named, run_named
from ..sql.values import RUNS, run_view
from ..values import LeaseTerms
from .changes import apply, job_now, lease

if TYPE_CHECKING:
    from sqlite_utils import Database


# -- questions ----------------------------------------------------------------------------
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


# -- what is reported ---------------------------------------------------------------------
@writing("recording a run")
def report(db: Database, report: RunReport, now_ns: int, terms: LeaseTerms) -> Disposition:
    """Store a run once by its id and say what became of it.

    `accepted` only if its epoch is current, its job waits for results and its entry has
    none; a retryable failure is kept as `retry` until the attempts are used up; else
    `stale`. Repeating a report gives the first answer. When every entry is settled the
    lease ends and the job is analysed; when every entry of this epoch has reported and some
    must be retried, it is queued again.

    A run under a token that never belonged to its job, epoch and device raises `LEASE_LOST`
    and is not kept: it could otherwise take the run id of the one who holds the lease. Ids
    that do not agree raise `BAD_ARGUMENT`.
    """
    now = job_now(db.conn, report.job_id)
    jobs.require_run_of(now, report)
    held = lease(db.conn, report.job_id, report.epoch, report.lease_token)
    if held is None or held["device_id"] != report.device_id:
        raise Refused(
            Code.LEASE_LOST,
            f"Run {report.run_id} comes with no token of job {report.job_id}, epoch"
            f" {report.epoch}, device {report.device_id}.",
        )
    known = [run.disposition for run in now.runs if run.run_id == report.run_id]
    if known:
        return known[0]
    told = jobs.on_report(now, report, terms.max_attempts, now_ns)
    apply(db, now, told, now_ns)
    return next(act.disposition for act in told if isinstance(act, KeepRun))


# -- what is computed ---------------------------------------------------------------------
@writing("recording an analysis")
def analysed(
    db: Database, run_id: str, version: int, metrics: tuple[MetricValue, ...], now_ns: int
) -> None:
    """Store the published metrics of a run, replacing older ones.

    Ends the job when this was the last run it waited for.
    """
    _analysed(db, run_id, PublishMetrics(run_id, version, metrics), now_ns)


@writing("recording an analysis")
def analysis_failed(db: Database, run_id: str, failure: Failure, now_ns: int) -> None:
    """Record that nothing can be computed from a run, say because a raw file is damaged.

    Its entry fails, its raw data stays, and the job no longer waits for it. An entry that had
    failed before keeps its own reason.
    """
    _analysed(db, run_id, FailAnalysis(run_id, failure), now_ns)


def _analysed(db: Database, run_id: str, found: PublishMetrics | FailAnalysis, now_ns: int) -> None:
    job_id = text(db.conn, "SELECT job_id FROM runs WHERE run_id = ?", (run_id,))
    if job_id is None:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run_id}.")
    now = job_now(db.conn, job_id)
    apply(db, now, jobs.on_analysis(now, run_id, found), now_ns)
