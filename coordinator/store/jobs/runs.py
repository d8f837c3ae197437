"""Reported runs and their analysis. Each function is part of one transaction."""

from __future__ import annotations

import math
import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import Disposition, EntryState, JobState, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Internal, NotFound, Refused
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RunReport, RunView

from ...decisions import jobs
from ..sql.operation import reading, writing
from ..sql.table import refresh_job
from ..sql.values import RUNS, encode, entry_views, fetch, job_row, run_view
from ..values import LeaseTerms
from .changes import conclude, finish_measuring, lose_lease, settle, to_analyse
from .leases import lease

if TYPE_CHECKING:
    from sqlite_utils import Database


# -- questions ----------------------------------------------------------------------------
@reading("reading a run")
def run(connection: sqlite3.Connection, run_id: str) -> RunView:
    """One run. `UNKNOWN_RUN` when there is none."""
    rows = fetch(connection, f"{RUNS} WHERE r.run_id = ?", (run_id,))
    if not rows:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run_id}.")
    return run_view(connection, rows[0])


@reading("reading runs")
def of_job(connection: sqlite3.Connection, job_id: str) -> tuple[RunView, ...]:
    """Every attempt of a job, in order of arrival."""
    job_row(connection, job_id)
    rows = fetch(connection, f"{RUNS} WHERE r.job_id = ? ORDER BY r.position", (job_id,))
    return tuple(run_view(connection, row) for row in rows)


@reading("reading runs")
def unanalysed(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Ids of accepted runs with raw data and without metrics, oldest first.

    A run that failed is among them when the sentinel was timed around it.
    """
    return to_analyse(connection)


# -- what is reported ---------------------------------------------------------------------
@writing("recording a run")
def report(db: Database, told: RunReport, now_ns: int, terms: LeaseTerms) -> Disposition:
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
    row = job_row(db.conn, told.job_id)
    entry = _entry(db.conn, told)
    held = _lease_of(db.conn, told)
    known = fetch(db.conn, "SELECT disposition FROM runs WHERE run_id = ?", (told.run_id,))
    if known:
        return Disposition(known[0]["disposition"])
    state = JobState(row["state"])
    earlier = fetch(
        db.conn,
        """SELECT count(*) AS n FROM runs
           WHERE job_id = ? AND entry_index = ? AND disposition = 'retry'""",
        (told.job_id, told.entry_index),
    )
    disposition, entry_state = jobs.judge(
        live=row["epoch"] == told.epoch and state in (JobState.LEASED, JobState.QUEUED),
        entry=entry.state,
        status=told.status,
        failure=told.failure,
        earlier_attempts=earlier[0]["n"],
        max_attempts=terms.max_attempts,
    )
    _insert(db, told, disposition, now_ns)
    crash_point("C6")
    if disposition is Disposition.STALE:
        return disposition
    db.execute(
        "UPDATE devices SET last_seen_unix_ns = max(last_seen_unix_ns, ?) WHERE device_id = ?",
        (now_ns, held["device_id"]),
    )
    if disposition is Disposition.ACCEPTED:
        _accept(db, told, entry_state, now_ns, terms)
    _go_on(db, told, state, now_ns)
    if told.failure is not None:
        refresh_job(db, told.job_id)
    return disposition


def _entry(connection: sqlite3.Connection, told: RunReport) -> EntryView:
    """The entry that a report speaks of, once its ids agree with one another."""
    entries = entry_views(connection, told.job_id)
    if not 0 <= told.entry_index < len(entries):
        raise BadInput(
            Code.BAD_ARGUMENT, f"Job {told.job_id} has no entry {told.entry_index} to report."
        )
    if told.run_id != run_id(told.job_id, told.epoch, told.entry_index):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Run {told.run_id} is not the id of entry {told.entry_index} of job {told.job_id}"
            f" at epoch {told.epoch}.",
        )
    return entries[told.entry_index]


def _lease_of(connection: sqlite3.Connection, told: RunReport) -> sqlite3.Row:
    """The lease that a report was made under.

    A report with a wrong token is refused and not kept: it could otherwise take the run id of
    the one who holds the lease.
    """
    held = lease(connection, told.job_id, told.epoch, told.lease_token)
    if held is None or held["device_id"] != told.device_id:
        raise Refused(
            Code.LEASE_LOST,
            f"Run {told.run_id} comes with no token of job {told.job_id}, epoch {told.epoch},"
            f" device {told.device_id}.",
        )
    return held


def _insert(db: Database, told: RunReport, disposition: Disposition, now_ns: int) -> None:
    db.table("runs").insert(
        {
            "run_id": told.run_id,
            "job_id": told.job_id,
            "epoch": told.epoch,
            "entry_index": told.entry_index,
            "disposition": disposition.value,
            "status": told.status.value,
            "device_id": told.device_id,
            "sandbox": told.sandbox,
            "started_unix_ns": told.started_unix_ns,
            "ended_unix_ns": told.ended_unix_ns,
            "received_unix_ns": now_ns,
            "attempts": told.attempts,
            "measuring_version": told.measuring_version,
            "fingerprint": told.fingerprint,
            "stack": encode(told.stack),
            "failure": encode(told.failure) if told.failure else None,
        }
    )
    db.table("raw").insert_all(
        {
            "run_id": told.run_id,
            "position": position,
            "pass_name": ref.pass_name.value,
            "launch": ref.launch,
            "role": ref.role.value,
            "sha256": ref.digest.sha256,
            "size_bytes": ref.digest.size_bytes,
        }
        for position, ref in enumerate(told.raw)
    )


def _accept(
    db: Database, told: RunReport, state: EntryState, now_ns: int, terms: LeaseTerms
) -> None:
    """Settle the entry, and give its job all its claims back."""
    failure = told.failure
    settle(
        db,
        told.job_id,
        told.entry_index,
        state,
        now_ns,
        reason=failure.message if failure else None,
        group=failure.group if failure and state is EntryState.FAILED else None,
    )
    db.execute(
        "UPDATE jobs SET claim_limit = ?, claims_left = ? WHERE job_id = ?",
        (terms.max_attempts, terms.max_attempts, told.job_id),
    )


def _go_on(db: Database, told: RunReport, state: JobState, now_ns: int) -> None:
    """End the lease when nothing is left to measure under it."""
    entries = entry_views(db.conn, told.job_id)
    unsettled = {entry.index for entry in entries if entry.state not in jobs.SETTLED}
    if not unsettled:
        finish_measuring(db, told.job_id, now_ns)
        return
    rows = fetch(
        db.conn,
        "SELECT entry_index FROM runs WHERE job_id = ? AND epoch = ?",
        (told.job_id, told.epoch),
    )
    if state is JobState.LEASED and unsettled <= {row["entry_index"] for row in rows}:
        lose_lease(db, told.job_id, "retry", now_ns)


# -- what is computed ---------------------------------------------------------------------
@writing("recording an analysis")
def analysed(
    db: Database, run: str, version: int, metrics: tuple[MetricValue, ...], now_ns: int
) -> None:
    """Store the published metrics of a run, replacing older ones.

    Ends the job when this was the last run it waited for.
    """
    row = _analysable(db.conn, run)
    db.execute("DELETE FROM metrics WHERE run_id = ?", (run,))
    db.table("metrics").insert_all(
        _metric_columns(run, position, metric) for position, metric in enumerate(metrics)
    )
    db.execute(
        "UPDATE runs SET analysis_version = ?, analysed_unix_ns = ?, analysis_failure = NULL"
        " WHERE run_id = ?",
        (version, now_ns, run),
    )
    if row["analysis_failure"] is not None and row["failure"] is None:
        settle(db, row["job_id"], row["entry_index"], EntryState.ACCEPTED, now_ns)
    conclude(db, row["job_id"], now_ns)
    refresh_job(db, row["job_id"])


@writing("recording an analysis")
def analysis_failed(db: Database, run: str, failure: Failure, now_ns: int) -> None:
    """Record that nothing can be computed from a run, say because a raw file is damaged.

    Its entry fails, its raw data stays, and the job no longer waits for it. An entry that had
    failed before keeps its own reason.
    """
    row = _analysable(db.conn, run)
    db.execute("UPDATE runs SET analysis_failure = ? WHERE run_id = ?", (encode(failure), run))
    if row["failure"] is None:
        settle(
            db,
            row["job_id"],
            row["entry_index"],
            EntryState.FAILED,
            now_ns,
            reason=failure.message,
            group=failure.group,
        )
    conclude(db, row["job_id"], now_ns)
    refresh_job(db, row["job_id"])


def _analysable(connection: sqlite3.Connection, run: str) -> sqlite3.Row:
    rows = fetch(connection, "SELECT * FROM runs WHERE run_id = ?", (run,))
    if not rows:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run}.")
    row = rows[0]
    measured = row["status"] == RunStatus.MEASURED.value or bool(
        fetch(connection, "SELECT 1 FROM raw WHERE run_id = ? LIMIT 1", (run,))
    )
    if row["disposition"] != Disposition.ACCEPTED.value or not measured:
        raise Refused(
            Code.ILLEGAL_TRANSITION,
            f"Run {run} is {row['disposition']} and {row['status']};"
            " only accepted runs with something measured are analysed.",
        )
    return row


def _metric_columns(run: str, position: int, metric: MetricValue) -> dict[str, object]:
    numbers = (metric.value, metric.low, metric.high)
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise Internal(Code.INTERNAL, f"Metric {metric.key} of run {run} is not a finite number.")
    known = METRICS.get(metric.key)
    if known is None:
        raise Internal(Code.INTERNAL, f"Metric {metric.key} of run {run} is not registered.")
    return {
        "run_id": run,
        "key": metric.key,
        "position": position,
        "value": metric.value,
        "low": metric.low,
        "high": metric.high,
        "n": metric.n,
        "unit": known.unit,
        "reason": metric.reason,
        "verdict": metric.verdict,
        "difference": metric.difference,
        "flags": encode(metric.flags),
        "detail": encode(metric.detail),
        "definition": metric.definition,
    }
