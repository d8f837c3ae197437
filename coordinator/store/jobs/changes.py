"""What happens to a job: what is known of it, read once, and the one place that acts on it.

What follows is decided in `decisions`; each function is one transaction or part of the caller's.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
)
from bitgauge.benchmarks.vocabulary.errors import Code, Internal, NotFound, Refused
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.runs import Failure, MetricValue, RunReport

from ...decisions import instructions as do
from ...decisions import jobs
from ...decisions.instructions import Instructions
from ...decisions.job_now import ENDED, EntryNow, JobNow, RunNow
from ..sql.database import columns, encode, fetch, text, texts, value, writing
from ..sql.table import refresh_job
from ..sql.unreadable import UNREADABLE, note, why
from ..values import LeaseTerms
from .job_end import cordon_device, judge_end

if TYPE_CHECKING:
    from sqlite_utils import Database


# -- what is known ------------------------------------------------------------------------
def job_now(connection: sqlite3.Connection, job_id: str) -> JobNow:
    """What is known of a job. `UNKNOWN_JOB` when there is none."""
    found = fetch(connection, "SELECT * FROM jobs WHERE job_id = ?", (job_id,))
    if not found:
        raise NotFound(Code.UNKNOWN_JOB, f"There is no job {job_id}.")
    row = found[0]
    return value(
        JobNow,
        row,
        entries=_entries(connection, job_id),
        runs=_runs(connection, job_id),
        claim_limit=row["claim_limit"] or 0,
        claims_left=row["claims_left"] or 0,
    )


def _entries(connection: sqlite3.Connection, job_id: str) -> tuple[EntryNow, ...]:
    sql = "SELECT * FROM entries WHERE job_id = ? ORDER BY entry_index"
    return tuple(
        value(EntryNow, row, index=row["entry_index"]) for row in fetch(connection, sql, (job_id,))
    )


def _runs(connection: sqlite3.Connection, job_id: str) -> tuple[RunNow, ...]:
    rows = fetch(
        connection,
        """SELECT *, raw AND disposition = 'accepted' AND analysis_version IS NULL AND NOT spoiled
             AS waits
           FROM (SELECT *, failure IS NOT NULL AS failed, analysis_failure IS NOT NULL AS spoiled,
                   EXISTS (SELECT 1 FROM raw WHERE raw.run_id = r.run_id) AS raw
                 FROM runs r WHERE job_id = ?)
           ORDER BY position""",
        (job_id,),
    )
    return tuple(value(RunNow, row) for row in rows)


def lease(
    connection: sqlite3.Connection, job_id: str, epoch: int, token: bytes
) -> sqlite3.Row | None:
    """The lease that `token` belongs to, active or not; compared in constant time."""
    rows = fetch(connection, "SELECT * FROM leases WHERE job_id = ? AND epoch = ?", (job_id, epoch))
    expected = rows[0]["token_sha256"] if rows else b""
    matches = hmac.compare_digest(hashlib.sha256(token).digest(), expected)
    return rows[0] if rows and matches else None


# -- a run is reported --------------------------------------------------------------------
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
    return next(act.disposition for act in told if isinstance(act, do.KeepRun))


# -- a run is analysed --------------------------------------------------------------------
@writing("recording an analysis")
def analysed(
    db: Database, run_id: str, version: int, metrics: tuple[MetricValue, ...], now_ns: int
) -> None:
    """Store the published metrics of a run, replacing older ones.

    Ends the job when this was the last run it waited for.
    """
    _analysed(db, run_id, do.PublishMetrics(run_id, version, metrics), now_ns)


@writing("recording an analysis")
def analysis_failed(db: Database, run_id: str, failure: Failure, now_ns: int) -> None:
    """Record that nothing can be computed from a run, say because a raw file is damaged.

    Its entry fails, its raw data stays, and the job no longer waits for it. An entry that had
    failed before keeps its own reason.
    """
    _analysed(db, run_id, do.FailAnalysis(run_id, failure), now_ns)


def _analysed(
    db: Database, run_id: str, found: do.PublishMetrics | do.FailAnalysis, now_ns: int
) -> None:
    job_id = text(db.conn, "SELECT job_id FROM runs WHERE run_id = ?", (run_id,))
    if job_id is None:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run_id}.")
    now = job_now(db.conn, job_id)
    apply(db, now, jobs.on_analysis(now, run_id, found), now_ns)


# -- a lease ends ------------------------------------------------------------------------
def lose_lease(db: Database, job_id: str, ended_by: str, now_ns: int) -> JobState:
    """End a lease under which something is left to measure, and say where the job went."""
    try:
        now = job_now(db.conn, job_id)
    except UNREADABLE as error:
        return fail_unreadable_job(db, job_id, error, now_ns)
    return apply(db, now, jobs.on_expiry(now, ended_by, now_ns), now_ns)


def lose_leases(
    db: Database, which: str, values: Sequence[object], ended_by: str, now_ns: int
) -> tuple[str, ...]:
    """End the active leases for which a clause of SQL holds; the ids of the jobs queued again."""
    sql = f"SELECT job_id FROM leases l WHERE active = 1 AND {which}"  # noqa: S608 (ours)
    held = texts(db.conn, sql, values)
    return tuple(one for one in held if lose_lease(db, one, ended_by, now_ns) is JobState.QUEUED)


def fail_unreadable_job(db: Database, job_id: str, error: Exception, now_ns: int) -> JobState:
    """End a job of which nothing more can be decided, because it cannot be read.

    Nothing of it is deleted, and what was measured for it stays.
    """
    note("job", job_id, error)
    reason = why(error)
    db.execute(
        "UPDATE jobs SET state = ?, ended_unix_ns = ?, reason = ? WHERE job_id = ?",
        (JobState.FAILED.value, now_ns, reason, job_id),
    )
    db.execute(
        """UPDATE entries SET state = ?, settled_unix_ns = ?, reason = ?, failure_group = ?
           WHERE job_id = ? AND state IN ('building', 'ready')""",
        (EntryState.FAILED.value, now_ns, reason, FailureGroup.HARNESS.value, job_id),
    )
    db.execute(
        """UPDATE leases SET active = 0, ended_by = 'unreadable', ended_unix_ns = ?
           WHERE job_id = ? AND active = 1""",
        (now_ns, job_id),
    )
    db.execute("UPDATE certifications SET ended = 1 WHERE job_id = ?", (job_id,))
    return JobState.FAILED


# -- what is done -------------------------------------------------------------------------
def apply(db: Database, now: JobNow, told: Instructions, now_ns: int) -> JobState:
    """Carry out what was decided about a job, in order; the state that it is in then."""
    for act in told:
        _apply(db, now, act, now_ns)
        if isinstance(act, do.MoveJob):
            now = replace(now, state=act.state)
    return now.state


def _apply(db: Database, now: JobNow, act: do.Instruction, now_ns: int) -> None:
    match act:
        case do.KeepRun():
            _keep_run(db, act.run, act.disposition, now_ns)
            crash_point("C6")
        case do.PublishMetrics():
            _publish(db, act, now_ns)
        case do.CordonDevice():
            cordon_device(db, act, now_ns)
        case do.JudgeJob():
            judge_end(db, now, now_ns)
        case do.RefreshTable():
            refresh_job(db, now.job_id)
        case _:
            db.execute(*_statement(now.job_id, now.epoch, act, now_ns))


def _statement(
    job_id: str, epoch: int, act: do.Change, now_ns: int
) -> tuple[str, tuple[object, ...]]:
    """An instruction that is one UPDATE."""
    values: tuple[object, ...]
    match act:
        case do.HearDevice():
            sql = """UPDATE devices SET last_seen_unix_ns = max(last_seen_unix_ns, ?)
                WHERE device_id = ?"""
            values = (now_ns, act.device_id)
        case do.SettleEntry():
            group = act.group.value if act.group else None
            sql = """UPDATE entries SET state = ?, settled_unix_ns = ?, reason = ?,
                failure_group = ? WHERE job_id = ? AND entry_index = ?"""
            values = (act.state.value, now_ns, act.reason, group, job_id, act.index)
        case do.KeepArtifact():
            sql = """UPDATE entries SET state = 'ready', artifact_sha256 = ?,
                artifact_size_bytes = ? WHERE job_id = ? AND entry_index = ?"""
            values = (act.artifact.sha256, act.artifact.size_bytes, job_id, act.index)
        case do.GrantClaims():
            sql = "UPDATE jobs SET claim_limit = ?1, claims_left = ?1 WHERE job_id = ?2"
            values = (act.count, job_id)
        case do.EndLease():
            sql = """UPDATE leases SET active = 0, ended_by = ?, ended_unix_ns = ?
                WHERE job_id = ? AND active = 1"""
            values = (act.ended_by, now_ns, job_id)
        case do.ReviveLease():
            sql = """UPDATE leases SET active = 1, ended_by = NULL, ended_unix_ns = NULL
                WHERE job_id = ? AND epoch = ?"""
            values = (job_id, epoch)
        case do.NoteCancel():
            sql = "UPDATE jobs SET cancel_reason = coalesce(cancel_reason, ?) WHERE job_id = ?"
            values = (act.reason, job_id)
        case do.MoveJob():
            sql = """UPDATE jobs SET state = ?, ended_unix_ns = ?, reason = coalesce(?, reason)
                WHERE job_id = ?"""
            ended_ns = now_ns if act.state in ENDED else None
            values = (act.state.value, ended_ns, act.reason, job_id)
        case do.FailAnalysis():
            sql = "UPDATE runs SET analysis_failure = ? WHERE run_id = ?"
            values = (encode(act.failure), act.run_id)
    return sql, values


_OF_REPORT = tuple(one.name for one in fields(RunReport) if one.name not in ("lease_token", "raw"))


def _keep_run(db: Database, told: RunReport, disposition: Disposition, now_ns: int) -> None:
    db.table("runs").insert(
        {
            **columns(told, *_OF_REPORT),
            "disposition": disposition.value,
            "signed": 1,
            "received_unix_ns": now_ns,
        }
    )
    db.table("raw").insert_all(
        {
            "run_id": told.run_id,
            "position": position,
            **columns(ref, "pass_name", "launch", "role"),
            **columns(ref.digest),
        }
        for position, ref in enumerate(told.raw)
    )


def _publish(db: Database, act: do.PublishMetrics, now_ns: int) -> None:
    db.execute("DELETE FROM metrics WHERE run_id = ?", (act.run_id,))
    db.table("metrics").insert_all(
        metric_columns(act.run_id, position, metric) for position, metric in enumerate(act.metrics)
    )
    db.execute(
        "UPDATE runs SET analysis_version = ?, analysed_unix_ns = ?, analysis_failure = NULL"
        " WHERE run_id = ?",
        (act.version, now_ns, act.run_id),
    )


def metric_columns(run: str, position: int, metric: MetricValue) -> dict[str, object]:
    """The row of one metric; only finite numbers of registered metrics are stored."""
    numbers = (metric.value, metric.low, metric.high)
    if not all(number is None or math.isfinite(number) for number in numbers):
        raise Internal(Code.INTERNAL, f"Metric {metric.key} of run {run} is not a finite number.")
    known = METRICS.get(metric.key)
    if known is None:
        raise Internal(Code.INTERNAL, f"Metric {metric.key} of run {run} is not registered.")
    return {**columns(metric), "run_id": run, "position": position, "unit": known.unit}
