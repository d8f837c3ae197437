"""What follows when a job has ended: its drift is judged, its certificate issued.

What saturated in it is queued in exact mode, if it is not measured again anyway.

Each function is part of one transaction. The decisions are `sentinel` and `certificate` of
`benchmarks`; here they meet the rows. `store_changes.move` calls `job_ended` for every job that
ends, so a job, its suspicion, its repetition and the cordon of its device are one change.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.analysis import certificate
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.stats import sentinel
from bitgauge.benchmarks.stats.sentinel import FixedPoint, Judgement, Outcome
from bitgauge.benchmarks.vocabulary.enums import Health, JobState, ModelClass, Profile
from bitgauge.benchmarks.vocabulary.profiles import plan_of
from bitgauge.benchmarks.vocabulary.reasons import SATURATING
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ..sql.values import (
    device_description,
    entry_views,
    fetch,
    job_row,
    job_spec,
    metric_values,
)
from .insert import insert_job

if TYPE_CHECKING:
    from sqlite_utils import Database


ANCHOR_DAYS = 30
"""How far back the FP32 baseline's own median is looked up (measurement.md A-14)."""

_ANCHOR = "latency_p50_ns"
_POINTS = {
    "sentinel_before_ns": "the sentinel before the job",
    "sentinel_after_ns": "the sentinel after the job",
    _ANCHOR: "the FP32 baseline's median",
}


# -- the end of a job ---------------------------------------------------------------------
def job_ended(db: Database, job_id: str, now_ns: int) -> None:
    """Judge a job that has just ended, and let the consequences happen."""
    row = job_row(db.conn, job_id)
    certifies = fetch(db.conn, "SELECT 1 FROM certifications WHERE job_id = ?", (job_id,))
    if certifies:
        db.execute("UPDATE certifications SET ended = 1 WHERE job_id = ?", (job_id,))
    if JobState(row["state"]) is JobState.FINISHED:
        judgement, repeated = _judge_drift(db, row, now_ns, repeatable=not certifies)
        if certifies:
            _issue(db, row, judgement, now_ns)
        elif not repeated:
            queue_exact(db, row, now_ns)
    crash_point("C8")


def _judge_drift(
    db: Database, row: sqlite3.Row, now_ns: int, *, repeatable: bool
) -> tuple[Judgement, bool]:
    """Whether the device drifted around this job; what follows is done.

    Returns:
        The judgement, and whether the job is measured again.
    """
    device_id, judgement = _worst(db.conn, row, now_ns)
    suspect = judgement.reason if judgement.outcome is Outcome.SUSPECT else None
    db.execute(
        "UPDATE jobs SET sentinel = ?, suspect = ?, judged_device_id = ? WHERE job_id = ?",
        (judgement.outcome.value, suspect, device_id, row["job_id"]),
    )
    if device_id is None:
        return judgement, False
    then = sentinel.consequences(
        judgement,
        _earlier(db.conn, row, device_id),
        is_repeat=row["repeats"] is not None,
        repeatable=repeatable,
    )
    if then.repeat:
        _repeat(db, row, device_id, now_ns)
    if then.cordon is not None:
        db.execute(
            "UPDATE devices SET cordoned = coalesce(cordoned, ?),"
            " health = CASE health WHEN ? THEN health ELSE ? END WHERE device_id = ?",
            (then.cordon, Health.BAD.value, Health.SUSPECT.value, device_id),
        )
    return judgement, then.repeat


def _worst(
    connection: sqlite3.Connection, row: sqlite3.Row, now_ns: int
) -> tuple[str | None, Judgement]:
    """The device that drifted, or else the one that measured last, and what is said of it."""
    points: dict[str, list[FixedPoint]] = {}
    for device_id, point in _points(connection, row, now_ns):
        points.setdefault(device_id, []).append(point)
    judged = [(device_id, sentinel.judge(found)) for device_id, found in points.items()]
    suspects = [one for one in judged if one[1].outcome is Outcome.SUSPECT]
    if suspects:
        return suspects[0]
    return judged[-1] if judged else (None, sentinel.judge(()))


def _points(
    connection: sqlite3.Connection, job: sqlite3.Row, now_ns: int
) -> Iterator[tuple[str, FixedPoint]]:
    """Every fixed point of a job with its device, in the order of its runs."""
    rows = fetch(
        connection,
        """SELECT r.device_id, r.fingerprint, m.key, m.value, m.definition, d.history_from
           FROM runs r
           JOIN metrics m ON m.run_id = r.run_id JOIN devices d ON d.device_id = r.device_id
           WHERE r.job_id = ?1 AND r.disposition = 'accepted' AND m.value IS NOT NULL
             AND (m.key IN ('sentinel_before_ns', 'sentinel_after_ns')
                  OR (m.key = ?2 AND r.entry_index = 0))
           ORDER BY r.position, m.position""",
        (job["job_id"], _ANCHOR),
    )
    for row in rows:
        history = _history(connection, job, row, now_ns)
        yield row["device_id"], FixedPoint(_POINTS[row["key"]], row["value"], history)


def _history(
    connection: sqlite3.Connection, job: sqlite3.Row, point: sqlite3.Row, now_ns: int
) -> tuple[float, ...]:
    """What a fixed point was in earlier jobs on the same device and stack, newest first."""
    anchor = point["key"] == _ANCHOR
    same = """AND r.entry_index = 0 AND r.received_unix_ns >= :since
        AND j.baseline_sha256 = :baseline AND j.scenario = :scenario AND j.batch = :batch
        AND j.threads = :threads AND j.profile = :profile
        AND json_extract(j.spec, '$.overrides') IS json_extract(:spec, '$.overrides')"""
    cursor = connection.execute(
        f"""SELECT m.value FROM runs r JOIN metrics m ON m.run_id = r.run_id AND m.key = :key
            JOIN jobs j ON j.job_id = r.job_id
            WHERE r.device_id = :device AND r.fingerprint = :fingerprint
              AND r.position > :after AND r.job_id <> :job AND r.disposition = 'accepted'
              AND m.value IS NOT NULL AND m.definition = :definition {same if anchor else ""}
            ORDER BY r.position DESC LIMIT :most""",  # noqa: S608 (both texts are ours)
        {
            "key": point["key"],
            "definition": point["definition"],
            "device": point["device_id"],
            "fingerprint": point["fingerprint"],
            "after": point["history_from"],
            "job": job["job_id"],
            "since": now_ns - ANCHOR_DAYS * certificate.DAY_NS,
            "baseline": job["baseline_sha256"],
            "scenario": job["scenario"],
            "batch": job["batch"],
            "threads": job["threads"],
            "profile": job["profile"],
            "spec": job["spec"],
            "most": sentinel.MAX_HISTORY,
        },
    )
    return tuple(float(value) for (value,) in cursor.fetchall())


def _earlier(connection: sqlite3.Connection, job: sqlite3.Row, device_id: str) -> list[Outcome]:
    """Outcomes of the jobs that ended before this one on its device, newest first."""
    rows = fetch(
        connection,
        """SELECT sentinel FROM jobs WHERE judged_device_id = ? AND job_id <> ?
           ORDER BY ended_unix_ns DESC, position DESC LIMIT ?""",
        (device_id, job["job_id"], sentinel.SUSPECTS_IN_A_ROW),
    )
    return [Outcome(row["sentinel"]) for row in rows]


def _repeat(db: Database, row: sqlite3.Row, device_id: str, now_ns: int) -> None:
    """Queue a suspect job once more, on the device whose numbers it is to replace.

    Its id follows from the first job's, and a unique index keeps it from being there twice. It
    has no idempotency key: a user's could be the same.
    """
    job_id = row["job_id"]
    spec = replace(
        job_spec(row),
        idempotency_key="",
        selector=Selector(device=device_id),
        wait_for_device=True,
    )
    insert_job(
        db,
        str(uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:repeat/{job_id}")),
        spec,
        ModelClass(row["model_class"]),
        now_ns=now_ns,
        submitted_by=row["submitted_by"],
        repeats=job_id,
    )


def _issue(db: Database, row: sqlite3.Row, drift: Judgement, now_ns: int) -> None:
    """Store the certificate of a certification that has finished."""
    runs = fetch(
        db.conn,
        """SELECT run_id, device_id, fingerprint FROM runs
           WHERE job_id = ? AND disposition = 'accepted' AND entry_index > 0 AND failure IS NULL
             AND analysis_version IS NOT NULL ORDER BY position""",
        (row["job_id"],),
    )
    if not runs:
        return
    profile = Profile(row["profile"])
    spec = job_spec(row)
    margin = plan_of(profile, spec.overrides).margin
    ratios = _ratios(db.conn, [run["run_id"] for run in runs])
    finding = certificate.judge(ratios, len(spec.entries) - 1, margin)
    if len({(run["device_id"], run["fingerprint"]) for run in runs}) > 1:
        finding = replace(finding, passed=False, reason="the stack changed between comparisons")
    elif drift.outcome is Outcome.SUSPECT:
        finding = replace(finding, passed=False, reason=f"the device drifted: {drift.reason}")
    db.table("aa_certificates").insert(
        {
            "job_id": row["job_id"],
            "device_id": runs[-1]["device_id"],
            "runtime": row["runtime"],
            "fingerprint": runs[-1]["fingerprint"],
            "profile": profile.value,
            "issued_unix_ns": now_ns,
            "expires_unix_ns": now_ns + certificate.LIFE_NS,
            "asked": len(spec.entries) - 1,
            "comparisons": finding.comparisons,
            "false_positives": finding.false_positives,
            "worst_effect": finding.worst_effect,
            "mde": finding.mde,
            "passed": int(finding.passed),
            "reason": finding.reason,
        }
    )


def _ratios(connection: sqlite3.Connection, runs: Sequence[str]) -> list[MetricValue]:
    return [
        metric
        for run in runs
        for metric in metric_values(connection, run)
        if metric.key == "latency_ratio"
    ]


def exact_spec(
    spec: JobSpec, saturating: tuple[int, ...], device_id: str, exact_options: tuple[StackItem, ...]
) -> JobSpec | None:
    """The job that measures saturating entries in exact mode; None when there is none to make.

    Args:
        spec: of the job in which they saturated, with the artifact of each of them.
        saturating: their indices.
        device_id: where they were measured.
        exact_options: what makes the kernels of their runtime exact there; () when nothing does.
    """
    given = spec.overrides.session_options
    chosen = tuple(spec.entries[index] for index in saturating if index)
    names = {one.name for one in exact_options}
    if not (names and chosen) or any(one.name in names for one in given):
        return None
    options = tuple(sorted((*given, *exact_options), key=lambda one: one.name))
    return replace(
        spec,
        entries=(spec.entries[0], *chosen),
        overrides=replace(spec.overrides, session_options=options),
        idempotency_key="",
        selector=Selector(device=device_id),
        wait_for_device=True,
    )


def queue_exact(db: Database, row: sqlite3.Row, now_ns: int) -> str | None:
    """Queue what saturated in a finished job once more, in exact mode; the id of that job.

    It runs on the device that measured the last of it, and holds what saturated there. Its id
    follows from the first job's, and a unique index keeps it from being there twice. Like a
    repetition it has no idempotency key: a user's could be the same.
    """
    found = fetch(
        db.conn,
        """SELECT r.entry_index, r.device_id FROM runs r
           JOIN metrics m ON m.run_id = r.run_id AND m.key = 'saturated_pct'
           WHERE r.job_id = ? AND r.disposition = 'accepted'
             AND EXISTS (SELECT 1 FROM json_each(m.flags) WHERE value = ?)
           ORDER BY r.position""",
        (row["job_id"], SATURATING),
    )
    if not found:
        return None
    device_id = str(found[-1]["device_id"])
    here = sorted(one["entry_index"] for one in found if one["device_id"] == device_id)
    artifacts = {one.index: one.artifact for one in entry_views(db.conn, row["job_id"])}
    asked = job_spec(row)
    # The very artifacts that saturated: a recipe might be built anew, by another toolchain.
    entries = [replace(one, artifact=artifacts[at]) for at, one in enumerate(asked.entries)]
    runtimes = device_description(db.conn, device_id).runtimes
    exact = next((one.exact_options for one in runtimes if one.name == asked.runtime), ())
    spec = exact_spec(replace(asked, entries=tuple(entries)), tuple(here), device_id, exact)
    if spec is None:
        return None
    job_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:exact/{row['job_id']}"))
    insert_job(
        db,
        job_id,
        spec,
        ModelClass(row["model_class"]),
        now_ns=now_ns,
        submitted_by=row["submitted_by"],
        exact_of=row["job_id"],
    )
    return job_id
