"""Devices: what they say of themselves, and when they were last heard.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ..sql import table as store_table
from ..sql.values import encode, fetch
from ..values import Registration
from .access import refuse_revoked
from .care import refuse_retired
from .changes import lose_lease

if TYPE_CHECKING:
    from sqlite_utils import Database


def register(db: Database, registration: Registration, now_ns: int) -> tuple[str, ...]:
    """Record a device and free the jobs of its dead predecessor."""
    device = registration.device
    refuse_retired(db.conn, device.device_id)
    db.table("devices").upsert(
        {
            "device_id": device.device_id,
            "name": device.name,
            "hardware_class": device.hardware_class.value,
            "realness": device.realness.value,
            "agent_version": registration.agent_version,
            "boot_id": registration.boot_id,
            "incarnation": registration.incarnation,
            "registered_unix_ns": now_ns,
            "last_seen_unix_ns": now_ns,
            "silent_until_unix_ns": 0,
            "description": encode(device),
        },
        pk="device_id",
    )
    store_table.register(db, device)
    record_interrupted(db, device.device_id, registration.open_intents, now_ns)
    if not registration.leftovers_dead:
        return ()
    held = fetch(
        db.conn,
        "SELECT job_id FROM leases WHERE device_id = ? AND active = 1 AND incarnation <> ?",
        (device.device_id, registration.incarnation),
    )
    return _free(db, held, "agent_restarted", now_ns)


def _free(db: Database, leases: list[sqlite3.Row], ended_by: str, now_ns: int) -> tuple[str, ...]:
    """End these leases; the ids of the jobs that are queued again."""
    freed = [row["job_id"] for row in leases]
    return tuple(
        job_id for job_id in freed if lose_lease(db, job_id, ended_by, now_ns) is JobState.QUEUED
    )


def seen(db: Database, device_id: str, incarnation: str, now_ns: int) -> None:
    """Note that the newest incarnation of a device called."""
    rows = fetch(db.conn, "SELECT name, incarnation FROM devices WHERE device_id = ?", (device_id,))
    if not rows:
        raise NotFound(Code.UNKNOWN_DEVICE, f"The device {device_id} has not registered.")
    if rows[0]["incarnation"] != incarnation:
        raise Refused(
            Code.LEASE_LOST, f"Another agent has registered as device {rows[0]['name']} since."
        )
    refuse_revoked(db.conn, device_id)
    refuse_retired(db.conn, device_id)
    db.execute("UPDATE devices SET last_seen_unix_ns = ? WHERE device_id = ?", (now_ns, device_id))


def acquiring(db: Database, device_id: str, incarnation: str, now_ns: int) -> tuple[str, ...]:
    """Note that an agent asks for work, and end a lease that never reached it."""
    seen(db, device_id, incarnation, now_ns)
    lost = fetch(
        db.conn,
        """SELECT job_id FROM leases l WHERE device_id = ? AND active = 1
             AND renewed_unix_ns IS NULL AND NOT EXISTS
               (SELECT 1 FROM runs r WHERE r.job_id = l.job_id AND r.epoch = l.epoch)""",
        (device_id,),
    )
    return _free(db, lost, "undelivered", now_ns)


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
