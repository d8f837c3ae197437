"""What has not ended and cannot be read fails, so that nobody waits for it; nothing is deleted."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import CampaignState

from ..jobs.changes import fail_unreadable_job, job_now
from ..sql.database import fetch, reading, text, writing
from ..sql.unreadable import UNREADABLE, why
from ..sql.values import job_spec
from ..values import Looked
from .campaigns import refused, unpin

if TYPE_CHECKING:
    from sqlite_utils import Database


@writing("failing what can not be read")
def fail_unreadable(db: Database, looked: Looked, now_ns: int) -> tuple[Looked, tuple[str, ...]]:
    """Fail the jobs, and the steps of campaigns, that have not ended and cannot be read.

    Only what came since the last look is read.

    Returns:
        How far it looked now, and the ids of the jobs that failed.
    """
    failed = _fail_jobs(db, looked.jobs, now_ns)
    newest = arrived(db.conn)
    _refuse_steps(db, looked.campaigns)
    return newest, failed


@reading("reading what came")
def arrived(connection: sqlite3.Connection) -> Looked:
    """The newest job and campaign: where a look at all of them would end."""
    jobs, campaigns = (
        int(text(connection, f"SELECT coalesce(max(position), 0) FROM {table}") or 0)  # noqa: S608
        for table in ("jobs", "campaigns")
    )
    return Looked(jobs, campaigns)


def _fail_jobs(db: Database, after: int, now_ns: int) -> tuple[str, ...]:
    failed = []
    for row in fetch(
        db.conn,
        """SELECT job_id FROM jobs
           WHERE position > ? AND state IN ('building', 'queued', 'leased', 'analysing')""",
        (after,),
    ):
        try:
            job_now(db.conn, row["job_id"])
        except UNREADABLE as error:
            fail_unreadable_job(db, row["job_id"], error, now_ns)
            failed.append(str(row["job_id"]))
    return tuple(failed)


def _refuse_steps(db: Database, after: int) -> None:
    for row in fetch(
        db.conn,
        """SELECT j.campaign_id, j.n, j.spec FROM campaign_jobs j
           JOIN campaigns c ON c.campaign_id = j.campaign_id
           WHERE c.position > ? AND c.state IN ('planned', 'running', 'paused')
             AND j.job_id IS NULL AND j.refused IS NULL""",
        (after,),
    ):
        try:
            job_spec(row)
        except UNREADABLE as error:
            refused(db, row["campaign_id"], row["n"], why(error))


@writing("ending a campaign")
def fail_campaign(db: Database, campaign_id: str, reason: str, now_ns: int) -> None:
    """End a campaign that cannot be driven any more; its jobs go on."""
    db.execute(
        "UPDATE campaigns SET state = ?, ended_unix_ns = ?, reason = ? WHERE campaign_id = ?",
        (CampaignState.FAILED.value, now_ns, reason, campaign_id),
    )
    unpin(db, f"campaign:{campaign_id}")
