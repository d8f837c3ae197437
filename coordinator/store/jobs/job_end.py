"""A job that has ended: what is known of it then, and what follows, in the same transaction.

Every job that ends is judged before anybody sees it, so a job, its suspicion, its repetition and
the cordon of its device are one change. What follows is decided in `decisions.job_end`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bitgauge.benchmarks.analysis.certificate import DAY_NS, compared_by
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.stats import sentinel
from bitgauge.benchmarks.stats.sentinel import FixedPoint, Outcome
from bitgauge.benchmarks.vocabulary.enums import Health, JobState
from bitgauge.benchmarks.vocabulary.reasons import SATURATING
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ...decisions import job_end as do
from ...decisions.again import QueueJob
from ...decisions.asker import COORDINATOR
from ...decisions.instructions import CordonDevice
from ...decisions.job_end import Compared, Ended, on_end
from ...decisions.job_now import JobNow
from ..audit.entries import record
from ..sql.database import columns, fetch
from ..sql.unreadable import sound
from ..sql.values import device_description, metric_values
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


# -- what is done -------------------------------------------------------------------------
def judge_end(db: Database, job: JobNow, now_ns: int) -> None:
    """Judge a job that has just ended, and let the consequences happen."""
    for act in on_end(_ended(db.conn, job, now_ns), now_ns):
        _apply(db, job, act, now_ns)
    crash_point("C8")


def cordon_device(db: Database, act: CordonDevice, now_ns: int) -> None:
    """Take a device out for a reason that was found, unless it is out already."""
    db.execute(
        """UPDATE devices SET cordoned = coalesce(cordoned, ?),
             health = CASE health WHEN ? THEN health ELSE ? END WHERE device_id = ?""",
        (act.reason, Health.BAD.value, Health.SUSPECT.value, act.device_id),
    )
    record(db, COORDINATOR, "device.cordon", act.device_id, act.reason, now_ns=now_ns)


def _apply(db: Database, job: JobNow, act: do.EndInstruction, now_ns: int) -> None:
    match act:
        case do.EndCertification():
            db.execute("UPDATE certifications SET ended = 1 WHERE job_id = ?", (job.job_id,))
        case do.NoteDrift():
            db.execute(
                "UPDATE jobs SET sentinel = ?, suspect = ?, judged_device_id = ? WHERE job_id = ?",
                (act.outcome.value, act.suspect, act.device_id, job.job_id),
            )
        case QueueJob():
            insert_job(db, act, job.model_class, now_ns, job.submitted_by)
        case CordonDevice():
            cordon_device(db, act, now_ns)
        case do.IssueCertificate():
            made = act.certificate
            db.table("aa_certificates").insert(columns(made))
            what = "certificate.issue" if made.passed else "certificate.refuse"
            detail = f"runtime {made.runtime}, job {made.job_id}: {made.reason}"
            record(db, COORDINATOR, what, made.device_id, detail, now_ns=now_ns)


# -- what is known ------------------------------------------------------------------------
def _ended(connection: sqlite3.Connection, job: JobNow, now_ns: int) -> Ended:
    certifies = fetch(connection, "SELECT 1 FROM certifications WHERE job_id = ?", (job.job_id,))
    if job.state is not JobState.FINISHED:
        return Ended(job, Compared() if certifies else None)
    points = tuple(_points(connection, job, now_ns))
    saturating = _saturating(connection, job.job_id)
    return Ended(
        job=job,
        certifies=_compared(connection, job) if certifies else None,
        points=points,
        earlier={device: _earlier(connection, job.job_id, device) for device, _ in points},
        saturating=saturating,
        exact_options={
            device: _exact_options(connection, device, job.spec.runtime) for _, device in saturating
        },
    )


def _saturating(connection: sqlite3.Connection, job_id: str) -> tuple[tuple[int, str], ...]:
    """Entry and device of each run that saturated, in order."""
    rows = fetch(
        connection,
        """SELECT r.entry_index, r.device_id FROM runs r
           JOIN metrics m ON m.run_id = r.run_id AND m.key = 'saturated_pct'
           WHERE r.job_id = ? AND r.disposition = 'accepted'
             AND EXISTS (SELECT 1 FROM json_each(iif(json_valid(m.flags), m.flags, '[]'))
                         WHERE value = ?)
           ORDER BY r.position""",
        (job_id, SATURATING),
    )
    return tuple((row["entry_index"], row["device_id"]) for row in rows)


def _exact_options(
    connection: sqlite3.Connection, device_id: str, runtime: str
) -> tuple[StackItem, ...]:
    runtimes = device_description(connection, device_id).runtimes
    return next((one.exact_options for one in runtimes if one.name == runtime), ())


def _compared(connection: sqlite3.Connection, job: JobNow) -> Compared:
    """The comparisons of a certification that were analysed."""
    runs = fetch(
        connection,
        """SELECT run_id, device_id, fingerprint FROM runs
           WHERE job_id = ? AND disposition = 'accepted' AND entry_index > 0 AND failure IS NULL
             AND analysis_version IS NOT NULL ORDER BY position""",
        (job.job_id,),
    )
    ratios: tuple[MetricValue, ...] = ()
    for run in runs:
        for key in compared_by(job.spec.workload):
            ratios += metric_values(connection, run["run_id"], key)
    return Compared(tuple((run["device_id"], run["fingerprint"]) for run in runs), ratios)


def _points(
    connection: sqlite3.Connection, job: JobNow, now_ns: int
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
        (job.job_id, _ANCHOR),
    )
    for row in rows:
        history = _history(connection, job, row, now_ns)
        yield row["device_id"], FixedPoint(_POINTS[row["key"]], row["value"], history)


def _history(
    connection: sqlite3.Connection, job: JobNow, point: sqlite3.Row, now_ns: int
) -> tuple[float, ...]:
    """What a fixed point was in earlier jobs on the same device and stack, newest first."""
    anchor = point["key"] == _ANCHOR
    workload = job.spec.workload
    same = f"""AND r.entry_index = 0 AND r.received_unix_ns >= :since
        AND j.baseline_sha256 = :baseline AND j.scenario = :scenario AND j.batch = :batch
        AND j.threads = :threads AND j.prompt_tokens = :prompt_tokens
        AND j.generated_tokens = :generated_tokens AND j.profile = :profile
        AND json_extract({sound("j.spec")}, '$.overrides') IS
            (SELECT json_extract(spec, '$.overrides') FROM jobs WHERE job_id = :job)"""  # noqa: S608
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
            "job": job.job_id,
            "since": now_ns - ANCHOR_DAYS * DAY_NS,
            "baseline": job.spec.baseline.sha256,
            **columns(workload),
            "profile": job.spec.profile.value,
            "most": sentinel.MAX_HISTORY,
        },
    )
    return tuple(float(value) for (value,) in cursor.fetchall())


def _earlier(connection: sqlite3.Connection, job_id: str, device_id: str) -> tuple[Outcome, ...]:
    """Outcomes of the jobs that ended before this one on a device, newest first."""
    rows = fetch(
        connection,
        """SELECT sentinel FROM jobs WHERE judged_device_id = ? AND job_id <> ?
           ORDER BY ended_unix_ns DESC, position DESC LIMIT ?""",
        (device_id, job_id, sentinel.SUSPECTS_IN_A_ROW),
    )
    return tuple(Outcome(row["sentinel"]) for row in rows)
