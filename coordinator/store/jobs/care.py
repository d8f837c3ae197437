"""The care of devices in the database. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import Health, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from ...decisions import jobs
from ...decisions.care import CheckOutcome, DeviceCare, Hearing
from ..sql.values import fetch, metric_values
from ..values import EndedCheck
from . import jobs as store_jobs
from .changes import lose_lease

if TYPE_CHECKING:
    from sqlite_utils import Database

_OPEN_CHECK = """(SELECT h.job_id FROM health_checks h
    WHERE h.device_id = d.device_id AND h.judged_unix_ns IS NULL)"""


def care(connection: sqlite3.Connection, device_id: str) -> DeviceCare:
    """What is remembered about a device."""
    row = _device(connection, device_id)
    return DeviceCare(
        health=Health(row["health"]),
        cordoned=row["cordoned"],
        retired=row["retired_unix_ns"] is not None,
        checked_unix_ns=row["checked_unix_ns"],
        jobs_since_check=row["jobs_since_check"],
        open_check=row["open_check"],
    )


def _device(connection: sqlite3.Connection, device_id: str) -> sqlite3.Row:
    rows = fetch(
        connection,
        f"SELECT d.*, {_OPEN_CHECK} AS open_check FROM devices d WHERE device_id = ?",  # noqa: S608
        (device_id,),
    )
    if not rows:
        raise NotFound(Code.UNKNOWN_DEVICE, f"The device {device_id} has not registered.")
    return rows[0]


def hearings(connection: sqlite3.Connection) -> tuple[Hearing, ...]:
    """When each device that takes part was heard last."""
    rows = fetch(
        connection,
        """SELECT device_id, max(last_seen_unix_ns, silent_until_unix_ns) AS heard_unix_ns,
             EXISTS (SELECT 1 FROM leases l WHERE l.device_id = d.device_id AND l.active = 1)
               AS leased
           FROM devices d WHERE cordoned IS NULL AND retired_unix_ns IS NULL""",
    )
    return tuple(
        Hearing(row["device_id"], row["heard_unix_ns"], bool(row["leased"])) for row in rows
    )


def device_named(connection: sqlite3.Connection, device: str) -> str:
    """The id of a device given by id or name."""
    rows = fetch(
        connection,
        """SELECT device_id, retired_unix_ns IS NOT NULL AS retired FROM devices
           WHERE ?1 IN (device_id, name) ORDER BY device_id = ?1 DESC, retired, device_id""",
        (device,),
    )
    if not rows:
        raise NotFound(Code.UNKNOWN_DEVICE, f"No device is named {device!r}.")
    first = rows[0]
    others = [row for row in rows[1:] if row["retired"] == first["retired"]]
    if others and first["device_id"] != device:
        ids = ", ".join(row["device_id"] for row in (first, *others))
        raise BadInput(Code.BAD_ARGUMENT, f"Several devices are named {device!r}: {ids}.")
    return str(first["device_id"])


def refuse_retired(connection: sqlite3.Connection, device_id: str) -> None:
    """Refuse what would give a retired device something to do."""
    rows = fetch(
        connection,
        "SELECT name FROM devices WHERE device_id = ? AND retired_unix_ns IS NOT NULL",
        (device_id,),
    )
    if rows:
        raise Refused(
            Code.DEVICE_RETIRED, f"The device {rows[0]['name']} ({device_id}) has been retired."
        )


def cordon(db: Database, device_id: str, reason: str) -> None:
    """Give a device no further job."""
    refuse_retired(db.conn, device_id)
    db.execute(
        "UPDATE devices SET cordoned = ?, health = CASE health WHEN ? THEN health ELSE ? END"
        " WHERE device_id = ?",
        (reason, Health.BAD.value, Health.MAINTENANCE.value, device_id),
    )


def uncordon(db: Database, device_id: str) -> None:
    """Take a device up again, to be checked first.

    What it was like before is no measure of it any more: its history of fixed points begins anew,
    else a device that was repaired would be called suspect for being as it now is.
    """
    refuse_retired(db.conn, device_id)
    db.execute(
        "UPDATE devices SET cordoned = NULL, health = ?,"
        " history_from = (SELECT coalesce(max(position), 0) FROM runs) WHERE device_id = ?",
        (Health.SUSPECT.value, device_id),
    )


def retire(db: Database, device_id: str, reason: str, now_ns: int) -> tuple[str, ...]:
    """Remove a device for good; what it measured stays."""
    open_check = _device(db.conn, device_id)["open_check"]
    if open_check is not None:
        state = fetch(db.conn, "SELECT state FROM jobs WHERE job_id = ?", (open_check,))
        if JobState(state[0]["state"]) not in jobs.ENDED:
            store_jobs.cancel(db, open_check, "its device was retired", now_ns)
    held = fetch(
        db.conn, "SELECT job_id FROM leases WHERE device_id = ? AND active = 1", (device_id,)
    )
    db.execute(
        "UPDATE devices SET retired_unix_ns = coalesce(retired_unix_ns, ?), cordoned = ?"
        " WHERE device_id = ?",
        (now_ns, reason, device_id),
    )
    freed = [row["job_id"] for row in held]
    return tuple(
        job_id for job_id in freed if lose_lease(db, job_id, "retired", now_ns) is JobState.QUEUED
    )


def begin_check(
    db: Database,
    job_id: str,
    device_id: str,
    spec: JobSpec,
    model_class: ModelClass,
    *,
    now_ns: int,
) -> None:
    """Record a job as the health check of a device."""
    store_jobs.submit(db, job_id, spec, model_class, now_ns=now_ns)
    db.table("health_checks").insert({"job_id": job_id, "device_id": device_id})


def is_check(connection: sqlite3.Connection, job_id: str) -> bool:
    """Whether a job is a health check."""
    return bool(fetch(connection, "SELECT 1 FROM health_checks WHERE job_id = ?", (job_id,)))


def count_job(db: Database, job_id: str, device_id: str) -> None:
    """Note that a device has leased a job that is no health check."""
    if not is_check(db.conn, job_id):
        db.execute(
            "UPDATE devices SET jobs_since_check = jobs_since_check + 1 WHERE device_id = ?",
            (device_id,),
        )


def ended_checks(connection: sqlite3.Connection) -> tuple[EndedCheck, ...]:
    """Health checks that have ended and were not judged."""
    rows = fetch(
        connection,
        """SELECT h.job_id, h.device_id, j.state, j.reason,
             (SELECT run_id FROM runs r WHERE r.job_id = h.job_id
                AND r.disposition = 'accepted') AS run_id
           FROM health_checks h JOIN jobs j ON j.job_id = h.job_id
           WHERE h.judged_unix_ns IS NULL AND j.state IN ('finished', 'failed', 'cancelled')""",
    )
    return tuple(
        EndedCheck(
            job_id=row["job_id"],
            device_id=row["device_id"],
            state=JobState(row["state"]),
            reason=row["reason"],
            metrics=metric_values(connection, row["run_id"]) if row["run_id"] else (),
        )
        for row in rows
    )


def checked(db: Database, job_id: str, outcome: CheckOutcome, reason: str, now_ns: int) -> None:
    """Record what a health check says about its device; a second judgement changes nothing."""
    changed = db.execute(
        "UPDATE health_checks SET judged_unix_ns = ?, outcome = ?, reason = ?"
        " WHERE job_id = ? AND judged_unix_ns IS NULL",
        (now_ns, outcome.value, reason, job_id),
    )
    if changed.rowcount != 1 or outcome is CheckOutcome.VOID:
        return
    passed = outcome is CheckOutcome.PASSED
    # A device that was cordoned meanwhile is in maintenance, however well it did.
    db.execute(
        """UPDATE devices SET checked_unix_ns = ?, jobs_since_check = 0,
             health = CASE WHEN ? THEN iif(cordoned IS NULL, 'good', health) ELSE 'bad' END,
             cordoned = CASE WHEN ? THEN cordoned ELSE coalesce(cordoned, ?) END
           WHERE device_id = (SELECT device_id FROM health_checks WHERE job_id = ?)""",
        (now_ns, passed, passed, reason, job_id),
    )


def job_with_key(connection: sqlite3.Connection, idempotency_key: str) -> str | None:
    """The job that this key made."""
    if not idempotency_key:
        return None
    rows = fetch(
        connection, "SELECT job_id FROM jobs WHERE idempotency_key = ?", (idempotency_key,)
    )
    return str(rows[0]["job_id"]) if rows else None


def waiting_of(connection: sqlite3.Connection, user: str) -> int:
    """How many jobs of a user are building or queued."""
    rows = fetch(
        connection,
        """SELECT count(*) AS n FROM jobs j WHERE state IN ('building', 'queued')
             AND submitted_by = ?
             AND NOT EXISTS (SELECT 1 FROM health_checks h WHERE h.job_id = j.job_id)""",
        (user,),
    )
    return int(rows[0]["n"])
