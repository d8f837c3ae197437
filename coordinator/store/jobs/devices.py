"""Devices: what they say of themselves, and when they were last heard.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.analysis.certificate import is_rehearsal
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.devices import require_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    HardwareClass,
    Health,
    JobState,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, DeviceView
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ...decisions.care import LONGEST_RIVAL_SHOWN_NS, health_after, interruption
from ..sql import table
from ..sql.database import columns, encode, fetch, reading, value, writing
from ..sql.unreadable import UNREADABLE, note, readable, why, word
from ..sql.values import ALIASES, known_as
from ..values import LeaseTerms, Registration
from .access import refuse_revoked, refuse_taken
from .care import refuse_retired
from .changes import lose_leases
from .confirmed import confirmed_by, who_confirms
from .names import registered
from .seats import instance, seated

if TYPE_CHECKING:
    from sqlite_utils import Database


@reading("reading devices")
def device_views(
    connection: sqlite3.Connection, now_ns: int, terms: LeaseTerms
) -> tuple[DeviceView, ...]:
    """Every device, `unreachable` after the silence that `terms` allow."""
    rows = fetch(
        connection,
        f"""SELECT d.*, {ALIASES}, l.job_id AS job_id,
             (SELECT max(expires_unix_ns) FROM certificates c
              WHERE c.device_id = coalesce(d.agent_id, d.device_id)
              AND c.revoked_unix_ns IS NULL) AS certificate_expires_unix_ns,
             (SELECT h.job_id FROM health_checks h JOIN jobs j ON j.job_id = h.job_id
              WHERE h.device_id = d.device_id ORDER BY j.position DESC LIMIT 1) AS check_job_id
           FROM devices d
           LEFT JOIN leases l ON l.device_id = d.device_id AND l.active = 1
           ORDER BY d.name, d.device_id""",  # noqa: S608 (ours)
    )

    def read(row: sqlite3.Row) -> DeviceView:
        heard = max(row["last_seen_unix_ns"], min(row["silent_until_unix_ns"], now_ns))
        state = "idle" if row["job_id"] is None else "busy"
        if now_ns - heard > terms.unreachable_after_ns:
            state = "unreachable"
        told: dict[str, object] = {
            "state": state,
            "retired": row["retired_unix_ns"] is not None,
            "confirmed": row["confirmed_by"] is not None,
            "agent": instance(row["agent"]),
            "rival": instance(row["rival"], since_ns=now_ns - LONGEST_RIVAL_SHOWN_NS),
            "aa_certificates": _newest_certificates(connection, row["device_id"]),
        }
        try:
            return value(DeviceView, row, description=known_as(row), **told)
        except UNREADABLE as error:
            told |= {"description": _plain(row), "note": _unreadable(row, error)}
        return value(DeviceView, row, health=word(Health, row["health"], Health.SUSPECT), **told)

    return readable(rows, read, "device", "device_id")


def _unreadable(row: sqlite3.Row, error: Exception) -> str:
    note("device", row["device_id"], error)
    return f"{why(error)}; it gets no job until its agent is started again"


def _plain(row: sqlite3.Row) -> DeviceDescription:
    """What the columns of a device say, without what it can run."""
    return DeviceDescription(
        device_id=row["device_id"],
        name=row["name"],
        hardware_class=word(HardwareClass, row["hardware_class"], HardwareClass.CPU_ONLY),
        realness=word(Realness, row["realness"], Realness.SIMULATED),
        architecture="",
        processor_model="",
        isa_flags=(),
        core_count=0,
        memory_bytes=0,
        kernel_release="",
    )


def _newest_certificates(
    connection: sqlite3.Connection, device_id: str
) -> tuple[AaCertificate, ...]:
    """The newest A/A certificate of each runtime of a device, and its newest rehearsal."""
    rows = fetch(
        connection,
        "SELECT * FROM aa_certificates WHERE device_id = ? ORDER BY issued_unix_ns, job_id",
        (device_id,),
    )
    found = readable(rows, lambda row: value(AaCertificate, row), "certificate", "job_id")
    return tuple({(one.runtime, is_rehearsal(one)): one for one in found}.values())


@writing("recording a device")
def register(db: Database, registration: Registration, now_ns: int) -> tuple[str, ...]:
    """Record a device. `DEVICE_RETIRED` when it was removed for good, `FORBIDDEN` for another's.

    `BAD_ARGUMENT` for what is no name, `NAME_TAKEN` for that of another device.

    Leases of older incarnations end once their process tree is reported dead; the ids of
    the jobs so queued again are returned. The runs that they began and never reported are
    kept as attempts that were interrupted.
    """
    device = registration.device
    refuse_retired(db.conn, device.device_id)
    agent_id = registration.agent_id
    of_an_agent: dict[str, str | None] = {}
    if agent_id is not None:
        refuse_taken(db.conn, device.device_id, agent_id)
        of_an_agent["agent_id"] = None if agent_id == device.device_id else agent_id
    require_id(device.device_id)
    said, agent = device.name, agent_id or device.device_id
    device = replace(device, name=registered(db, device.device_id, said, agent, now_ns), aliases=())
    before, boot = confirmed_by(db.conn, device.device_id), _boot(db.conn, device.device_id)
    confirmed = who_confirms(db.conn, device, agent_id)
    db.table("devices").upsert(
        {
            **of_an_agent,
            **columns(device, "device_id", "name", "hardware_class", "realness"),
            **columns(registration, "agent_version", "boot_id", "incarnation"),
            "said": said,
            "registered_unix_ns": now_ns,
            "last_seen_unix_ns": now_ns,
            "silent_until_unix_ns": 0,
            "description": encode(device),
            "confirmed_by": confirmed,
            **seated(db.conn, registration, now_ns),
            **_health(db.conn, registration),
        },
        pk="device_id",
    )
    if (before is None) is not (confirmed is None):
        table.refresh_device(db, device.device_id)
    table.register(db, device)
    failure = interruption(boot, registration.boot_id)
    record_interrupted(db, device.device_id, registration.open_intents, failure, now_ns)
    if not registration.leftovers_dead:
        return ()
    older = "device_id = ? AND incarnation <> ?"
    values = (device.device_id, registration.incarnation)
    return lose_leases(db, older, values, _ended_by(failure), now_ns)


def _boot(connection: sqlite3.Connection, device_id: str) -> str | None:
    """The boot in which a device registered last; None when it never did."""
    rows = fetch(connection, "SELECT boot_id FROM devices WHERE device_id = ?", (device_id,))
    return str(rows[0]["boot_id"]) if rows else None


def _ended_by(failure: Failure) -> str:
    """What ended the leases of an older agent."""
    return "host_rebooted" if failure.code == Code.HOST_REBOOTED.value else "agent_restarted"


def _health(connection: sqlite3.Connection, registration: Registration) -> dict[str, str]:
    """The column that a new start of its machine changes, where it does."""
    rows = fetch(
        connection,
        "SELECT boot_id, health FROM devices WHERE device_id = ?",
        (registration.device.device_id,),
    )
    known = rows[0]["health"] if rows else None
    if known not in tuple(Health):
        return {}
    return {"health": health_after(rows[0]["boot_id"], registration.boot_id, Health(known)).value}


@writing("recording a call")
def seen(db: Database, device_id: str, incarnation: str, now_ns: int) -> None:
    """Note that an agent called.

    `LEASE_LOST` for an incarnation that is not the newest; `UNKNOWN_DEVICE` when it never
    registered.
    """
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


@writing("recording a call")
def acquiring(db: Database, device_id: str, incarnation: str, now_ns: int) -> tuple[str, ...]:
    """Like `seen`, for an agent that asks for work and so holds no lease.

    A lease of its device that it never renewed nor reported under was lost on the way and
    ends. The ids of the jobs queued again.
    """
    seen(db, device_id, incarnation, now_ns)
    lost = """device_id = ? AND renewed_unix_ns IS NULL AND NOT EXISTS
        (SELECT 1 FROM runs r WHERE r.job_id = l.job_id AND r.epoch = l.epoch)"""
    return lose_leases(db, lost, (device_id,), "undelivered", now_ns)


_RECENT_LEASES = 100


def record_interrupted(
    db: Database, device_id: str, run_ids: Collection[str], failure: Failure, now_ns: int
) -> None:
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
            """SELECT e.entry_index, e.state, e.runtime = j.runtime AS as_leased FROM entries e
               JOIN jobs j ON j.job_id = e.job_id WHERE e.job_id = ?""",
            (lease["job_id"],),
        ):
            name = run_id(lease["job_id"], lease["epoch"], entry["entry_index"])
            if name in wanted:
                _keep(db, lease, entry, {"run_id": name, "failure": encode(failure)}, now_ns)


def _keep(
    db: Database, lease: sqlite3.Row, entry: sqlite3.Row, lost: Mapping[str, str], now_ns: int
) -> None:
    """One run that is not known yet."""
    waiting = JobState(lease["state"]) in (JobState.LEASED, JobState.QUEUED)
    live = waiting and lease["epoch"] == lease["newest_epoch"]
    again = live and EntryState(entry["state"]) is EntryState.READY
    db.table("runs").insert(
        {
            **lost,
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
            "fingerprint": lease["fingerprint"] if entry["as_leased"] else "",
            "stack": "[]",
        }
    )
