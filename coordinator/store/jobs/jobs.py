"""Jobs and builds: submit, build, cancel. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ...decisions import jobs
from ...decisions.jobs import JobEvent
from ..sql.values import digest, entry_views, fetch, job_row, job_spec, job_view
from ..values import BuildKey, BuildOutcome, PendingBuild
from .changes import move, settle
from .insert import insert_job

if TYPE_CHECKING:
    from sqlite_utils import Database


def submit(
    db: Database,
    job_id: str,
    spec: JobSpec,
    model_class: ModelClass,
    *,
    now_ns: int,
    submitted_by: str = "",
) -> tuple[str, bool]:
    """Record a job, unless its idempotency key is known."""
    if spec.idempotency_key:
        known = fetch(
            db.conn, "SELECT * FROM jobs WHERE idempotency_key = ?", (spec.idempotency_key,)
        )
        if known:
            return _same_job(known[0], spec), False
    insert_job(db, job_id, spec, model_class, now_ns=now_ns, submitted_by=submitted_by)
    return job_id, True


def _same_job(row: sqlite3.Row, spec: JobSpec) -> str:
    if job_spec(row) != spec:
        raise Refused(
            Code.IDEMPOTENCY_CONFLICT,
            f"The idempotency key {spec.idempotency_key!r} belongs to job {row['job_id']},"
            " which asked for something else.",
        )
    return str(row["job_id"])


def pending_builds(connection: sqlite3.Connection) -> tuple[PendingBuild, ...]:
    """Every entry that waits for its artifact, oldest job first."""
    rows = fetch(
        connection,
        """SELECT e.job_id, e.entry_index, e.recipe, j.spec FROM entries e
           JOIN jobs j ON j.job_id = e.job_id
           WHERE j.state = 'building' AND e.state = 'building'
           ORDER BY j.position, e.entry_index""",
    )
    pending = []
    for row in rows:
        spec = job_spec(row)
        key = BuildKey(spec.baseline, row["recipe"], spec.calibration, toolchain="")
        pending.append(PendingBuild(row["job_id"], row["entry_index"], key))
    return tuple(pending)


def built(
    db: Database, job_id: str, entry_index: int, outcome: BuildOutcome | Failure, now_ns: int
) -> None:
    """Record what became of a build; an answer that comes twice or too late changes nothing."""
    state = JobState(job_row(db.conn, job_id)["state"])
    entries = entry_views(db.conn, job_id)
    if state is not JobState.BUILDING or entries[entry_index].state is not EntryState.BUILDING:
        return
    if isinstance(outcome, Failure):
        settle(
            db,
            job_id,
            entry_index,
            EntryState.FAILED,
            now_ns,
            reason=outcome.message,
            group=outcome.group,
        )
    elif outcome.artifact is None:
        reason = outcome.unsupported or "the recipe can not be made of this model"
        settle(db, job_id, entry_index, EntryState.UNSUPPORTED, now_ns, reason=reason)
    else:
        db.execute(
            "UPDATE entries SET state = ?, artifact_sha256 = ?, artifact_size_bytes = ?"
            " WHERE job_id = ? AND entry_index = ?",
            (
                EntryState.READY.value,
                outcome.artifact.sha256,
                outcome.artifact.size_bytes,
                job_id,
                entry_index,
            ),
        )
    if jobs.is_built(entry_views(db.conn, job_id)):
        move(db, job_id, JobEvent.BUILT, now_ns)


def cached_build(connection: sqlite3.Connection, key: BuildKey) -> BuildOutcome | None:
    """The outcome of an equal build."""
    rows = fetch(
        connection,
        """SELECT * FROM builds WHERE model_sha256 = ? AND model_size_bytes = ? AND recipe = ?
             AND calibration_sha256 = ? AND calibration_size_bytes = ? AND toolchain = ?""",
        tuple(_key_columns(key).values()),
    )
    if not rows:
        return None
    artifact = digest(rows[0]["artifact_sha256"], rows[0]["artifact_size_bytes"])
    return BuildOutcome(artifact=artifact, unsupported=rows[0]["unsupported"])


def cache_build(db: Database, key: BuildKey, outcome: BuildOutcome, now_ns: int) -> None:
    """Remember a build; a newer outcome of the same build replaces the older."""
    columns = _key_columns(key)
    made = {
        "artifact_sha256": outcome.artifact.sha256 if outcome.artifact else None,
        "artifact_size_bytes": outcome.artifact.size_bytes if outcome.artifact else None,
        "unsupported": outcome.unsupported,
        "made_unix_ns": now_ns,
    }
    db.table("builds").upsert({**columns, **made}, pk=tuple(columns))


def _key_columns(key: BuildKey) -> dict[str, object]:
    calibration = key.calibration or Digest("", 0)
    return {
        "model_sha256": key.model.sha256,
        "model_size_bytes": key.model.size_bytes,
        "recipe": key.recipe,
        "calibration_sha256": calibration.sha256,
        "calibration_size_bytes": calibration.size_bytes,
        "toolchain": key.toolchain,
    }


def cancel(db: Database, job_id: str, reason: str, now_ns: int) -> JobView:
    """Cancel a job; a leased one only notes the wish, because its agent must be told first."""
    row = job_row(db.conn, job_id)
    state = JobState(row["state"])
    if state in jobs.ENDED and state is not JobState.CANCELLED:
        raise Refused(Code.JOB_ENDED, f"Job {job_id} of {row['model_name']} is {state.value}.")
    if state is JobState.LEASED:
        db.execute(
            "UPDATE jobs SET cancel_reason = coalesce(cancel_reason, ?) WHERE job_id = ?",
            (reason, job_id),
        )
    if state is not JobState.CANCELLED:
        move(db, job_id, JobEvent.CANCEL, now_ns, None if state is JobState.LEASED else reason)
    return job_view(db.conn, job_row(db.conn, job_id))


def avoid(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Per waiting job the devices on which a lease was lost or an attempt has to be repeated."""
    rows = fetch(
        connection,
        """SELECT l.job_id, l.device_id FROM leases l JOIN jobs j ON j.job_id = l.job_id
           WHERE j.state = 'queued' AND l.ended_by IN ('expired', 'retry')""",
    )
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        found[row["job_id"]] = found.get(row["job_id"], frozenset()) | {row["device_id"]}
    return found
