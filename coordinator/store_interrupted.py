"""Runs that an agent began and, having ended, can never report: attempts that stay visible."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING

from bitgauge.benchmarks.ids import run_id
from bitgauge.benchmarks.model import Failure
from bitgauge.benchmarks.vocabulary import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)

from .store_views import encode, fetch

if TYPE_CHECKING:
    from sqlite_utils import Database

INTERRUPTED = Failure(
    group=FailureGroup.HARNESS,
    code="interrupted",
    message="the agent ended while it measured this; the times are those of its lease",
    advice="Nothing: it is measured again while attempts are left. If it happens again, read the"
    " agent's log on the device.",
)
_RECENT_LEASES = 100


def record_interrupted(db: Database, device_id: str, run_ids: Collection[str], now_ns: int) -> None:
    """Keep the runs that older incarnations of a device began and never reported.

    An id says nothing of its run, so the newest leases of the device are asked. The agent has
    delivered everything it had before it says what is left, so no result can come any more.
    """
    wanted = {
        name
        for name in run_ids
        if not fetch(db.conn, "SELECT 1 FROM runs WHERE run_id = ?", (name,))
    }
    if not wanted:
        return
    leases = fetch(
        db.conn,
        """SELECT l.*, j.state, j.epoch AS newest_epoch FROM leases l
           JOIN jobs j ON j.job_id = l.job_id
           WHERE l.device_id = ? ORDER BY l.claimed_unix_ns DESC LIMIT ?""",
        (device_id, _RECENT_LEASES),
    )
    for lease in leases:
        for entry in fetch(
            db.conn,
            "SELECT entry_index, state FROM entries WHERE job_id = ?",
            (lease["job_id"],),
        ):
            name = run_id(lease["job_id"], lease["epoch"], entry["entry_index"])
            if name in wanted:
                _keep(db, name, lease, entry, now_ns)


def _keep(db: Database, name: str, lease: sqlite3.Row, entry: sqlite3.Row, now_ns: int) -> None:
    """One run that is not known yet."""
    waiting = JobState(lease["state"]) in (JobState.LEASED, JobState.QUEUED)
    live = waiting and lease["epoch"] == lease["newest_epoch"]
    again = live and EntryState(entry["state"]) is EntryState.READY
    db.table("runs").insert(
        {
            "run_id": name,
            "job_id": lease["job_id"],
            "epoch": lease["epoch"],
            "entry_index": entry["entry_index"],
            "disposition": (Disposition.RETRY if again else Disposition.STALE).value,
            "status": RunStatus.FAILED.value,
            "device_id": lease["device_id"],
            "sandbox": "",
            "started_unix_ns": lease["claimed_unix_ns"],
            "ended_unix_ns": lease["ended_unix_ns"] or now_ns,
            "received_unix_ns": now_ns,
            "attempts": 1,
            "fingerprint": lease["fingerprint"],
            "stack": "[]",
            "failure": encode(INTERRUPTED),
        }
    )
