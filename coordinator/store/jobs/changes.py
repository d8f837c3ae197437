"""The small changes of jobs, entries and leases that every write of the store is made of.

Each runs inside the caller's transaction. What follows from what is decided in `jobs`.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import EntryState, FailureGroup, JobState
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ...decisions import jobs
from ...decisions.jobs import JobEvent
from ..sql.table import refresh_job
from ..sql.values import entry_views, fetch, job_row, job_spec
from .job_end import job_ended

if TYPE_CHECKING:
    from sqlite_utils import Database

SECOND_NS = 1_000_000_000


def move(
    db: Database, job_id: str, event: JobEvent, now_ns: int, reason: str | None = None
) -> JobState:
    """Let `event` happen to a job.

    A job that is cancelled takes its open entries with it; one that ends is judged.
    """
    row = job_row(db.conn, job_id)
    story = f"Job {job_id} of {row['model_name']} at epoch {row['epoch']}"
    state = jobs.advance(JobState(row["state"]), event, story)
    ended_ns = now_ns if state in jobs.ENDED else None
    db.execute(
        "UPDATE jobs SET state = ?, ended_unix_ns = ?, reason = coalesce(?, reason)"
        " WHERE job_id = ?",
        (state.value, ended_ns, reason, job_id),
    )
    if state is JobState.CANCELLED:
        _settle_open(db, job_id, EntryState.CANCELLED, now_ns, reason="cancelled")
    if state in jobs.ENDED:
        job_ended(db, job_id, now_ns)
        refresh_job(db, job_id)
    return state


def settle(
    db: Database,
    job_id: str,
    entry_index: int,
    state: EntryState,
    now_ns: int,
    *,
    reason: str | None = None,
    group: FailureGroup | None = None,
) -> None:
    """Give one entry its final state."""
    db.execute(
        "UPDATE entries SET state = ?, settled_unix_ns = ?, reason = ?, failure_group = ?"
        " WHERE job_id = ? AND entry_index = ?",
        (state.value, now_ns, reason, group.value if group else None, job_id, entry_index),
    )


def _settle_open(
    db: Database,
    job_id: str,
    state: EntryState,
    now_ns: int,
    *,
    reason: str,
    group: FailureGroup | None = None,
) -> None:
    """Give every entry that has none its final state."""
    for entry in entry_views(db.conn, job_id):
        if entry.state not in jobs.SETTLED:
            settle(db, job_id, entry.index, state, now_ns, reason=reason, group=group)


def end_lease(db: Database, job_id: str, ended_by: str, now_ns: int) -> None:
    """End the active lease of a job, if it has one."""
    db.execute(
        "UPDATE leases SET active = 0, ended_by = ?, ended_unix_ns = ?"
        " WHERE job_id = ? AND active = 1",
        (ended_by, now_ns, job_id),
    )


def lose_lease(db: Database, job_id: str, ended_by: str, now_ns: int) -> JobState:
    """End a lease under which something is left to measure, and say where the job goes.

    It is cancelled when the user asked for that, given up when its deadline or its claims are
    used up, else queued again.
    """
    end_lease(db, job_id, ended_by, now_ns)
    row = job_row(db.conn, job_id)
    if row["cancel_reason"] is not None:
        return move(db, job_id, JobEvent.STOP, now_ns, row["cancel_reason"])
    failure = _why_give_up(row, now_ns)
    if failure is not None:
        return give_up(db, job_id, failure, now_ns)
    return move(db, job_id, JobEvent.RELEASE, now_ns)


def _why_give_up(row: sqlite3.Row, now_ns: int) -> Failure | None:
    deadline_s = job_spec(row).deadline_s
    if now_ns >= row["first_leased_unix_ns"] + deadline_s * SECOND_NS:
        return jobs.overdue(deadline_s)
    if row["claims_left"] <= 0:
        return jobs.exhausted(row["claim_limit"])
    return None


def give_up(db: Database, job_id: str, failure: Failure, now_ns: int) -> JobState:
    """Fail every entry that is not settled; the job ends with what was measured."""
    _settle_open(db, job_id, EntryState.FAILED, now_ns, reason=failure.message, group=failure.group)
    return finish_measuring(db, job_id, now_ns)


def finish_measuring(db: Database, job_id: str, now_ns: int) -> JobState:
    """Every entry is settled: end the lease; the job waits for analysis, or ends."""
    end_lease(db, job_id, "settled", now_ns)
    move(db, job_id, JobEvent.SETTLE, now_ns)
    return conclude(db, job_id, now_ns)


def conclude(db: Database, job_id: str, now_ns: int) -> JobState:
    """End a job whose runs are all analysed."""
    state = JobState(job_row(db.conn, job_id)["state"])
    if state is not JobState.ANALYSING or to_analyse(db.conn, job_id):
        return state
    event, reason = jobs.ending(entry_views(db.conn, job_id))
    return move(db, job_id, event, now_ns, reason)


def to_analyse(connection: sqlite3.Connection, job_id: str | None = None) -> tuple[str, ...]:
    """Accepted runs with raw data and without metrics, oldest first; of one job or of all.

    A run that failed has raw data when the sentinel was timed around it.
    """
    sql = """SELECT run_id FROM runs r
        WHERE disposition = 'accepted'
          AND analysis_version IS NULL AND analysis_failure IS NULL
          AND EXISTS (SELECT 1 FROM raw WHERE raw.run_id = r.run_id)"""
    if job_id is None:
        rows = fetch(connection, f"{sql} ORDER BY position")
    else:
        rows = fetch(connection, f"{sql} AND job_id = ? ORDER BY position", (job_id,))
    return tuple(row["run_id"] for row in rows)
