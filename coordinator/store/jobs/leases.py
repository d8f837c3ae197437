"""Leases: claim, renew, expire. Each function is part of one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import JobState, PassName
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment
from bitgauge.benchmarks.vocabulary.values.runs import Progress

from ...decisions import jobs
from ...decisions.job_now import SETTLED, TRANSITIONS, JobEvent
from ..sql.database import columns, encode, fetch, reading, text, writing
from ..sql.values import device_description, entry_views, job_row, job_spec, raw_refs
from ..values import LeaseTerms
from .care import count_job, is_check
from .changes import apply, job_now, lease, lose_leases

if TYPE_CHECKING:
    from sqlite_utils import Database


@writing("leasing a job")
def claim(
    db: Database, job_id: str, device_id: str, token: bytes, *, now_ns: int, terms: LeaseTerms
) -> Assignment | None:
    """Lease a queued job to a device by one UPDATE that raises the epoch.

    None when the job is no longer queued or the device already holds a lease.
    """
    busy = fetch(db.conn, "SELECT 1 FROM leases WHERE device_id = ? AND active = 1", (device_id,))
    if busy:
        return None
    state = TRANSITIONS.table[JobState.QUEUED, JobEvent.CLAIM]
    claimed = db.execute(
        """UPDATE jobs SET state = ?, epoch = epoch + 1, progress = NULL,
             first_leased_unix_ns = coalesce(first_leased_unix_ns, ?),
             claim_limit = ?, claims_left = coalesce(claims_left, ?) - 1
           WHERE job_id = ? AND state = ?""",
        (state.value, now_ns, terms.max_attempts, terms.max_attempts, job_id, "queued"),
    )
    if claimed.rowcount != 1:
        return None
    count_job(db, job_id, device_id)
    row = job_row(db.conn, job_id)
    device = device_description(db.conn, device_id)
    _record_lease(db, row, device, token, now_ns=now_ns, expires_ns=now_ns + terms.ttl_ns)
    return _assignment(db.conn, row, device, token, now_ns=now_ns, terms=terms)


def _record_lease(
    db: Database,
    job: sqlite3.Row,
    device: DeviceDescription,
    token: bytes,
    *,
    now_ns: int,
    expires_ns: int,
) -> None:
    incarnation = text(
        db.conn, "SELECT incarnation FROM devices WHERE device_id = ?", (device.device_id,)
    )
    runtime = next((known for known in device.runtimes if known.name == job["runtime"]), None)
    db.table("leases").insert(
        {
            "job_id": job["job_id"],
            "epoch": job["epoch"],
            **columns(device, "device_id", "hardware_class", "realness"),
            "incarnation": incarnation,
            # Whoever may read the file must not be able to speak for the agent.
            "token_sha256": hashlib.sha256(token).digest(),
            "active": 1,
            "claimed_unix_ns": now_ns,
            "expires_unix_ns": expires_ns,
            "simulated": int(runtime is not None and runtime.simulated),
            "fingerprint": runtime.fingerprint if runtime else "",
        }
    )


def _assignment(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    device: DeviceDescription,
    token: bytes,
    *,
    now_ns: int,
    terms: LeaseTerms,
) -> Assignment:
    spec = job_spec(row)
    left_ns = row["first_leased_unix_ns"] + spec.deadline_s * jobs.SECOND_NS - now_ns
    return Assignment(
        job_id=row["job_id"],
        epoch=row["epoch"],
        lease_token=token,
        ttl_ms=terms.ttl_ns // 1_000_000,
        renew_every_ms=terms.renew_every_ns // 1_000_000,
        workload=spec.workload,
        profile=spec.profile,
        baseline=spec.baseline,
        evaluation=spec.evaluation,
        entries=_assigned(connection, row, device),
        deadline_s=max(1, left_ns // jobs.SECOND_NS),
        passes=(PassName.QUALITY,) if is_check(connection, row["job_id"]) else spec.passes,
        overrides=spec.overrides,
        output=spec.output,
    )


def _assigned(
    connection: sqlite3.Connection, job: sqlite3.Row, device: DeviceDescription
) -> tuple[AssignedEntry, ...]:
    """The entries that have an artifact; settled ones are not measured again.

    Raw files of an accepted entry are named only if this device made them on the stack that it
    has now: elsewhere they say nothing about it.
    """
    fingerprints = {known.name: known.fingerprint for known in device.runtimes}
    here = fetch(
        connection,
        """SELECT r.entry_index, r.run_id, r.fingerprint, e.runtime FROM runs r
           JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
           WHERE r.job_id = ? AND r.disposition = 'accepted' AND r.device_id = ?""",
        (job["job_id"], device.device_id),
    )
    made = {
        row["entry_index"]: row["run_id"]
        for row in here
        if row["fingerprint"] == fingerprints.get(row["runtime"], "")
    }
    return tuple(
        AssignedEntry(
            index=entry.index,
            recipe=entry.recipe,
            artifact=entry.artifact,
            accepted=entry.state in SETTLED,
            raw=raw_refs(connection, made[entry.index]) if entry.index in made else (),
            runtime=entry.runtime,
            artifact_kind=entry.artifact_kind,
        )
        for entry in entry_views(connection, job["job_id"])
        if entry.artifact is not None
    )


@reading("reading a lease")
def leased_at(connection: sqlite3.Connection, job_id: str, epoch: int) -> int | None:
    """When this lease of a job began, UTC nanoseconds; None when there was none."""
    sql = "SELECT claimed_unix_ns FROM leases WHERE job_id = ? AND epoch = ?"
    rows = fetch(connection, sql, (job_id, epoch))
    return int(rows[0]["claimed_unix_ns"]) if rows else None


@writing("renewing a lease")
def renew(
    db: Database,
    job_id: str,
    epoch: int,
    token: bytes,
    *,
    progress: Progress | None,
    hold_ns: int,
    now_ns: int,
    terms: LeaseTerms,
) -> str:
    """Extend a lease: `ok`, `cancel` (stop, the user asked) or `lost` (stop, forget)."""
    held = lease(db.conn, job_id, epoch, token)
    now = job_now(db.conn, job_id) if held else None
    if held is None or now is None or now.epoch != epoch:
        return "lost"
    answer, told = jobs.on_renewal(now, revivable=_revivable(db.conn, held), now_ns=now_ns)
    apply(db, now, told, now_ns)
    if answer == "ok":
        _extend(db, held, progress, hold_ns=hold_ns, now_ns=now_ns, terms=terms)
    return answer


def _revivable(connection: sqlite3.Connection, held: sqlite3.Row) -> bool:
    """Whether a lease ran out and its device has taken no other since; its agent measured on."""
    if held["ended_by"] != "expired":
        return False
    device = (held["device_id"],)
    return not fetch(connection, "SELECT 1 FROM leases WHERE device_id = ? AND active = 1", device)


def _extend(
    db: Database,
    held: sqlite3.Row,
    progress: Progress | None,
    *,
    hold_ns: int,
    now_ns: int,
    terms: LeaseTerms,
) -> None:
    hold_ns = min(max(hold_ns, 0), terms.max_hold_ns)
    db.execute(
        "UPDATE leases SET expires_unix_ns = ?, renewed_unix_ns = ? WHERE job_id = ? AND epoch = ?",
        (now_ns + terms.ttl_ns + hold_ns, now_ns, held["job_id"], held["epoch"]),
    )
    db.execute(
        "UPDATE devices SET last_seen_unix_ns = ?, silent_until_unix_ns = ? WHERE device_id = ?",
        (now_ns, now_ns + hold_ns, held["device_id"]),
    )
    if progress is not None:
        db.execute(
            "UPDATE jobs SET progress = ? WHERE job_id = ?", (encode(progress), held["job_id"])
        )


@writing("ending leases")
def expire(db: Database, now_ns: int) -> tuple[str, ...]:
    """End the leases that have run out; the ids of the jobs queued again."""
    return lose_leases(db, "expires_unix_ns <= ?", (now_ns,), "expired", now_ns)


@writing("moving leases")
def move(db: Database, unseen_ns: int, now_ns: int, terms: LeaseTerms) -> None:
    """The clock gained or lost time that no agent is to blame for: it consumes no lease.

    A lease that was renewed since is left alone; none lasts longer than a renewal of this moment
    could make it. What was given to jobs, and when devices were heard, moves along.
    """
    db.execute(
        """UPDATE leases SET expires_unix_ns = min(
             max(expires_unix_ns, min(expires_unix_ns + ?1, ?2 + ?3)), ?2 + ?3 + ?4)
           WHERE active = 1""",
        (unseen_ns, now_ns, terms.ttl_ns, terms.max_hold_ns),
    )
    db.execute(
        """UPDATE jobs SET first_leased_unix_ns = min(first_leased_unix_ns + ?1, ?2)
           WHERE first_leased_unix_ns IS NOT NULL AND state IN ('queued', 'leased')""",
        (unseen_ns, now_ns),
    )
    db.execute(
        """UPDATE devices SET last_seen_unix_ns = min(last_seen_unix_ns + ?1, ?2),
             silent_until_unix_ns = min(silent_until_unix_ns + ?1, ?2 + ?3)""",
        (unseen_ns, now_ns, terms.max_hold_ns),
    )


@writing("refreshing leases")
def refresh(db: Database, now_ns: int, terms: LeaseTerms) -> None:
    """At start: give every active lease a fresh TTL; downtime consumes none."""
    db.execute("UPDATE leases SET expires_unix_ns = ? WHERE active = 1", (now_ns + terms.ttl_ns,))
