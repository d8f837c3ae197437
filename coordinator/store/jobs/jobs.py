"""Jobs and builds: submit, build, cancel. Each function is part of one transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.runs import Failure

from ...decisions import jobs
from ...decisions.again import QueueJob
from ...decisions.submission import ORDER_RECIPE, as_sent
from ..audit.entries import record
from ..sql.database import columns, fetch, reading, text, value, writing
from ..sql.named import job_named
from ..sql.unreadable import UNREADABLE, readable
from ..sql.values import job_row, job_spec, job_view
from ..values import BuildKey, BuildOutcome, PendingBuild
from .changes import apply, fail_unreadable_job, job_now
from .insert import insert_job

if TYPE_CHECKING:
    from sqlite_utils import Database

_ACTIVE = "state IN ('building', 'queued', 'leased', 'analysing')"


@writing("recording a job")
def submit(
    db: Database,
    job_id: str,
    spec: JobSpec,
    model_class: ModelClass,
    *,
    now_ns: int,
    submitted_by: str = "",
) -> tuple[str, bool]:
    """Record a job; one idempotency key of a user is one job. `submitted_by` names a token.

    Returns:
        The id of the job, and whether this call made it. A known key with another spec
        raises `IDEMPOTENCY_CONFLICT`.
    """
    if spec.idempotency_key:
        known = fetch(
            db.conn,
            "SELECT * FROM jobs WHERE submitted_by = ? AND idempotency_key = ?",
            (submitted_by, spec.idempotency_key),
        )
        if known:
            if as_sent(job_spec(known[0])) != as_sent(spec):
                raise Refused(
                    Code.IDEMPOTENCY_CONFLICT,
                    f"The idempotency key {spec.idempotency_key!r} belongs to job"
                    f" {known[0]['job_id']}, which asked for something else.",
                )
            return str(known[0]["job_id"]), False
    insert_job(db, QueueJob(job_id, spec), model_class, now_ns, submitted_by)
    return job_id, True


# -- questions ----------------------------------------------------------------------------
@reading("reading a job")
def spec(connection: sqlite3.Connection, job_id: str) -> JobSpec:
    """What was submitted."""
    return job_spec(job_row(connection, job_id))


@reading("reading a job")
def readable_spec(connection: sqlite3.Connection, job_id: str) -> JobSpec | None:
    """What was submitted; None where that cannot be read. `UNKNOWN_JOB`."""
    return next(iter(readable([job_row(connection, job_id)], job_spec, "job", "job_id")), None)


@reading("reading a job")
def submitter(connection: sqlite3.Connection, job_id: str) -> str:
    """Name of the token that submitted a job, empty when unknown. `UNKNOWN_JOB`."""
    return str(job_row(connection, job_id)["submitted_by"])


@reading("reading a job")
def job(connection: sqlite3.Connection, job_id: str) -> JobView:
    """One job, as `job_named` finds it."""
    return job_view(connection, job_row(connection, job_named(connection, job_id)))


@reading("reading a job")
def job_id_of(connection: sqlite3.Connection, word: str) -> str:
    """The id of the job that is, or begins with, `word`; who ends a job names no file."""
    return job_named(connection, word, by_artifact=False)


@reading("reading jobs")
def listed(
    connection: sqlite3.Connection, limit: int = 50, active_only: bool = False
) -> tuple[JobView, ...]:
    """Jobs, newest first."""
    which = _ACTIVE if active_only else "1"
    rows = fetch(
        connection,
        f"""SELECT * FROM jobs WHERE {which}
            AND job_id NOT IN (SELECT job_id FROM health_checks)
            ORDER BY position DESC LIMIT ?""",  # noqa: S608
        (limit,),
    )
    return tuple(job_view(connection, row) for row in rows)


@reading("reading jobs")
def job_with_key(connection: sqlite3.Connection, user: str, idempotency_key: str) -> str | None:
    """The job that this user's key made; None for an unknown or empty key."""
    if not idempotency_key:
        return None
    sql = "SELECT job_id FROM jobs WHERE submitted_by = ? AND idempotency_key = ?"
    return text(connection, sql, (user, idempotency_key))


@reading("reading jobs")
def waiting_of(connection: sqlite3.Connection, user: str) -> int:
    """How many jobs that this user submitted are building or queued."""
    rows = fetch(
        connection,
        """SELECT count(*) AS n FROM jobs j WHERE state IN ('building', 'queued')
             AND submitted_by = ?
             AND NOT EXISTS (SELECT 1 FROM health_checks h WHERE h.job_id = j.job_id)""",
        (user,),
    )
    return int(rows[0]["n"])


@reading("reading the queue")
def queued(connection: sqlite3.Connection) -> tuple[tuple[JobView, JobSpec], ...]:
    """Queued jobs with their specs, for the scheduler, oldest first."""
    rows = fetch(connection, "SELECT * FROM jobs WHERE state = 'queued' ORDER BY position")
    return readable(rows, lambda row: (job_view(connection, row), job_spec(row)), "job", "job_id")


@reading("reading builds")
def pending_builds(connection: sqlite3.Connection) -> tuple[PendingBuild, ...]:
    """Entries whose artifact has to be built (`key.toolchain` is empty: filled by caller)."""
    rows = fetch(
        connection,
        """SELECT e.job_id, e.entry_index, e.recipe, e.runtime, e.artifact_kind, j.spec,
                  j.submitted_by
           FROM entries e
           JOIN jobs j ON j.job_id = e.job_id
           WHERE j.state = 'building' AND e.state = 'building'
           ORDER BY j.position, e.entry_index""",
    )
    return readable(rows, _pending, "job", "job_id")


def _pending(row: sqlite3.Row) -> PendingBuild:
    spec = job_spec(row)
    key = BuildKey(
        spec.baseline,
        row["recipe"],
        spec.calibration,
        toolchain="",
        runtime=row["runtime"],
        artifact_kind=row["artifact_kind"],
        batch=spec.workload.batch,
    )
    return PendingBuild(
        row["job_id"], row["entry_index"], key, row["submitted_by"], spec.deadline_s, spec.kinds
    )


@writing("recording a build")
def built(
    db: Database, job_id: str, entry_index: int, outcome: BuildOutcome | Failure, now_ns: int
) -> None:
    """Record an entry's artifact, its being unsupported, or its failure.

    When no entry is left to build the job is queued: its baseline can always be measured. An
    answer that comes twice or too late changes nothing.
    """
    now = job_now(db.conn, job_id)
    made: Digest | Failure | str
    if isinstance(outcome, Failure):
        made = outcome
    else:
        why = outcome.unsupported or "the recipe can not be made of this model"
        made = outcome.artifact or why
    apply(db, now, jobs.on_build(now, entry_index, made), now_ns)


@reading("reading builds")
def cached_build(connection: sqlite3.Connection, key: BuildKey) -> BuildOutcome | None:
    """The outcome of an equal build, if one is known and can be read."""
    rows = fetch(
        connection,
        """SELECT * FROM builds WHERE model_sha256 = ? AND model_size_bytes = ? AND recipe = ?
             AND calibration_sha256 = ? AND calibration_size_bytes = ? AND toolchain = ?
             AND runtime = ? AND artifact_kind = ? AND batch IN (0, ?) ORDER BY batch""",
        tuple(_key_columns(key).values()),
    )
    known = readable(rows[:1], lambda row: value(BuildOutcome, row), "build of", "model_sha256")
    return known[0] if known else None


@writing("recording a build")
def cache_build(db: Database, key: BuildKey, outcome: BuildOutcome, now_ns: int) -> None:
    """Remember a build, for the batch that its outcome holds for."""
    own = _key_columns(key)
    made = {**columns(outcome), "made_unix_ns": now_ns}
    db.table("builds").upsert({**own, **made}, pk=tuple(own))


@reading("reading builds")
def origin_of(
    connection: sqlite3.Connection, baseline: Digest
) -> tuple[Digest, BuildOutcome] | None:
    """What a baseline was before it was put in order, and what was done; None for any other."""
    rows = fetch(
        connection,
        """SELECT * FROM builds WHERE artifact_sha256 = ? AND artifact_size_bytes = ?
             AND (recipe = ? OR recipe GLOB ?) AND model_sha256 <> artifact_sha256
           ORDER BY made_unix_ns DESC LIMIT 1""",
        (baseline.sha256, baseline.size_bytes, ORDER_RECIPE, f"{ORDER_RECIPE} *"),
    )
    if not rows:
        return None
    model = Digest(rows[0]["model_sha256"], rows[0]["model_size_bytes"])
    return model, value(BuildOutcome, rows[0])


@reading("reading builds")
def in_order(
    connection: sqlite3.Connection, original: Digest, recipe: str = ORDER_RECIPE
) -> Digest:
    """What a baseline became when `recipe` put it in order last; itself when none did."""
    rows = fetch(
        connection,
        """SELECT artifact_sha256, artifact_size_bytes FROM builds
           WHERE model_sha256 = ? AND model_size_bytes = ? AND recipe = ?
             AND artifact_sha256 IS NOT NULL ORDER BY made_unix_ns DESC LIMIT 1""",
        (original.sha256, original.size_bytes, recipe),
    )
    if not rows:
        return original
    return Digest(rows[0]["artifact_sha256"], rows[0]["artifact_size_bytes"])


def _key_columns(key: BuildKey) -> dict[str, object]:
    """Without the kind of the source, which its digest tells."""
    own = columns(replace(key, calibration=key.calibration or Digest("", 0)))
    return {name: one for name, one in own.items() if name != "source_kind"}


@writing("cancelling a job")
def cancel(db: Database, job_id: str, reason: str, now_ns: int, who: str | None = None) -> JobView:
    """Cancel a job that has not ended; a leased one ends when its agent is told.

    When `who` asked for it and it is another's, that is in the audit. One that cannot be read
    fails instead.
    """
    owner = submitter(db.conn, job_id)
    if who is not None and who != owner:
        record(db, who, "job.cancel", job_id, f"of {owner}", now_ns=now_ns)
    try:
        now = job_now(db.conn, job_id)
    except UNREADABLE as error:
        fail_unreadable_job(db, job_id, error, now_ns)
    else:
        apply(db, now, jobs.on_cancel(now, reason), now_ns)
    return job_view(db.conn, job_row(db.conn, job_id))


@reading("reading the queue")
def avoid(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Per waiting job the devices on which a lease ran out or an attempt must be repeated.

    The scheduler leaves such a job to another matching device when there is one.
    """
    rows = fetch(
        connection,
        """SELECT l.job_id, l.device_id FROM leases l JOIN jobs j ON j.job_id = l.job_id
           WHERE j.state = 'queued' AND l.ended_by IN ('expired', 'retry')""",
    )
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        found[row["job_id"]] = found.get(row["job_id"], frozenset()) | {row["device_id"]}
    return found
