"""Devices: what they say of themselves, and when they were last heard.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.errors import Code, NotFound, Refused
from bitgauge.benchmarks.model import DeviceDescription
from bitgauge.benchmarks.vocabulary import JobState

from . import store_table
from .store import Registration
from .store_access import refuse_revoked
from .store_care import refuse_retired
from .store_changes import lose_lease
from .store_interrupted import record_interrupted
from .store_views import encode, fetch

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


def description(connection: sqlite3.Connection, device_id: str) -> DeviceDescription:
    """A device as its agent described it last. `UNKNOWN_DEVICE` when it never did."""
    rows = fetch(connection, "SELECT description FROM devices WHERE device_id = ?", (device_id,))
    if not rows:
        raise NotFound(Code.UNKNOWN_DEVICE, f"The device {device_id} has not registered.")
    return msgspec.json.decode(rows[0]["description"], type=DeviceDescription)
