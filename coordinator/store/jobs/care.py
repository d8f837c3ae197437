"""The care of devices in the database. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import Health, ModelClass
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from ...decisions.again import QueueJob
from ...decisions.asker import COORDINATOR
from ...decisions.care import CheckOutcome, DeviceCare, Hearing
from ...decisions.job_now import ENDED
from ..audit.entries import record
from ..sql.database import fetch, reading, text, value, writing
from ..sql.unreadable import readable
from ..sql.values import metric_values
from ..values import EndedCheck
from .changes import lose_leases
from .insert import insert_job
from .jobs import cancel, submit

if TYPE_CHECKING:
    from sqlite_utils import Database

_OPEN_CHECK = """(SELECT h.job_id FROM health_checks h
    WHERE h.device_id = d.device_id AND h.judged_unix_ns IS NULL)"""


@reading("reading a device")
def care(connection: sqlite3.Connection, device_id: str) -> DeviceCare:
    """What is remembered about a device. `UNKNOWN_DEVICE`."""
    row = _device(connection, device_id)
    return value(DeviceCare, row, retired=row["retired_unix_ns"] is not None)


def _device(connection: sqlite3.Connection, device_id: str) -> sqlite3.Row:
    rows = fetch(
        connection,
        f"SELECT d.*, {_OPEN_CHECK} AS open_check FROM devices d WHERE device_id = ?",  # noqa: S608
        (device_id,),
    )
    if not rows:
        raise NotFound(Code.UNKNOWN_DEVICE, f"The device {device_id} has not registered.")
    return rows[0]


@reading("reading devices")
def hearings(connection: sqlite3.Connection) -> tuple[Hearing, ...]:
    """When each device that is neither cordoned nor retired was heard last."""
    rows = fetch(
        connection,
        """SELECT device_id, max(last_seen_unix_ns, silent_until_unix_ns) AS heard_unix_ns,
             EXISTS (SELECT 1 FROM leases l WHERE l.device_id = d.device_id AND l.active = 1)
               AS leased
           FROM devices d WHERE cordoned IS NULL AND retired_unix_ns IS NULL""",
    )
    return tuple(value(Hearing, row) for row in rows)


def refuse_retired(connection: sqlite3.Connection, device_id: str) -> None:
    """Refuse what would give a retired device something to do."""
    name = text(
        connection,
        "SELECT name FROM devices WHERE device_id = ? AND retired_unix_ns IS NOT NULL",
        (device_id,),
    )
    if name is not None:
        raise Refused(Code.DEVICE_RETIRED, f"The device {name} ({device_id}) has been retired.")


@writing("cordoning a device")
def cordon(
    db: Database, device_id: str, reason: str, *, now_ns: int, who: str = COORDINATOR
) -> None:
    """Give a device no further job; health `maintenance` unless `bad`. `DEVICE_RETIRED`."""
    refuse_retired(db.conn, device_id)
    db.execute(
        "UPDATE devices SET cordoned = ?, health = CASE health WHEN ? THEN health ELSE ? END"
        " WHERE device_id = ?",
        (reason, Health.BAD.value, Health.MAINTENANCE.value, device_id),
    )
    record(db, who, "device.cordon", device_id, reason, now_ns=now_ns)


@writing("uncordoning a device")
def uncordon(db: Database, device_id: str, *, now_ns: int, who: str = COORDINATOR) -> None:
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
    record(db, who, "device.uncordon", device_id, now_ns=now_ns)


@writing("retiring a device")
def retire(
    db: Database, device_id: str, reason: str, now_ns: int, who: str = COORDINATOR
) -> tuple[str, ...]:
    """Remove a device for good and end its lease; the ids of the jobs queued again."""
    open_check = _device(db.conn, device_id)["open_check"]
    if open_check is not None:
        state = text(db.conn, "SELECT state FROM jobs WHERE job_id = ?", (open_check,))
        if state not in ENDED:
            cancel(db, open_check, "its device was retired", now_ns)
    db.execute(
        "UPDATE devices SET retired_unix_ns = coalesce(retired_unix_ns, ?), cordoned = ?"
        " WHERE device_id = ?",
        (now_ns, reason, device_id),
    )
    record(db, who, "device.retire", device_id, reason, now_ns=now_ns)
    return lose_leases(db, "device_id = ?", (device_id,), "retired", now_ns)


@writing("recording a health check")
def begin_check(
    db: Database,
    job_id: str,
    device_id: str,
    spec: JobSpec,
    model_class: ModelClass,
    *,
    now_ns: int,
) -> None:
    """Record a job as the health check of a device.

    Such a job is in no list and in no table, and asks for the quality pass alone.
    """
    submit(db, job_id, spec, model_class, now_ns=now_ns)
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


@reading("reading health checks")
def ended_checks(connection: sqlite3.Connection) -> tuple[EndedCheck, ...]:
    """Health checks that have ended and wait for their judgement."""
    rows = fetch(
        connection,
        """SELECT h.job_id, h.device_id, j.state, j.reason,
             (SELECT run_id FROM runs r WHERE r.job_id = h.job_id
                AND r.disposition = 'accepted') AS run_id
           FROM health_checks h JOIN jobs j ON j.job_id = h.job_id
           WHERE h.judged_unix_ns IS NULL AND j.state IN ('finished', 'failed', 'cancelled')""",
    )
    return tuple(
        value(
            EndedCheck,
            row,
            metrics=metric_values(connection, row["run_id"]) if row["run_id"] else (),
        )
        for row in rows
    )


@writing("recording a health check")
def checked(db: Database, job_id: str, outcome: CheckOutcome, reason: str, now_ns: int) -> None:
    """Record the judgement: `good`, or `bad` and cordoned, or nothing; a second changes nothing."""
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
    if not passed:
        device_id = text(db.conn, "SELECT device_id FROM health_checks WHERE job_id = ?", (job_id,))
        record(db, COORDINATOR, "device.cordon", device_id or "", reason, now_ns=now_ns)


# -- certification -------------------------------------------------------------------------
@writing("recording a certification")
def begin_certification(
    db: Database,
    job_id: str,
    device_id: str,
    spec: JobSpec,
    model_class: ModelClass,
    *,
    now_ns: int,
    submitted_by: str = "",
) -> tuple[str, bool]:
    """Record a job as the certification of a device and of the runtime that `spec` names.

    Its certificate is issued, or refused, when the job has finished. One that fails or is
    cancelled says nothing. `DEVICE_RETIRED`.

    Returns:
        The id of the job, and whether this call made it: one certification at a time.
    """
    refuse_retired(db.conn, device_id)
    known = text(
        db.conn,
        "SELECT job_id FROM certifications WHERE device_id = ? AND runtime = ? AND ended = 0",
        (device_id, spec.runtime),
    )
    if known is not None:
        return known, False
    insert_job(db, QueueJob(job_id, spec), model_class, now_ns, submitted_by)
    db.table("certifications").insert(
        {"job_id": job_id, "device_id": device_id, "runtime": spec.runtime}
    )
    detail = f"runtime {spec.runtime}, job {job_id}"
    record(db, submitted_by or COORDINATOR, "certificate.ask", device_id, detail, now_ns=now_ns)
    return job_id, True


@reading("reading certificates")
def certificates(
    connection: sqlite3.Connection, device_id: str, runtime: str, fingerprint: str
) -> tuple[AaCertificate, ...]:
    """Every certificate of one device, runtime and stack, refused ones too, oldest first."""
    rows = fetch(
        connection,
        """SELECT * FROM aa_certificates
           WHERE device_id = ? AND runtime = ? AND fingerprint = ?
           ORDER BY issued_unix_ns, job_id""",
        (device_id, runtime, fingerprint),
    )
    return readable(rows, lambda row: value(AaCertificate, row), "certificate", "job_id")
