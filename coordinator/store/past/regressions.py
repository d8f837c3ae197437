"""Runs held against the past of their row, and what follows. Each function is one transaction.

The decisions are `history.regressions` of `benchmarks` and `decisions.regressions`; here they meet
the rows.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.history.past import Measured, input_changes, row_words, usual_metric
from bitgauge.benchmarks.table.rows import SettledRow
from bitgauge.benchmarks.vocabulary.reasons import SUSPECT
from bitgauge.benchmarks.vocabulary.values.history import Regression
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ...decisions import again
from ...decisions.regressions import (
    TRANSITIONS,
    RegressionEvent,
    RegressionState,
    event_of,
    regression_id,
)
from ..jobs.changes import job_now
from ..jobs.insert import insert_job
from ..sql.candidates import candidates
from ..sql.database import columns, encode, fetch, writing
from ..sql.table import key_text
from ..sql.values import metric_values
from .alerts import decoded, queue_alert
from .drift import family_key, job_of, timed_of_family
from .history import annotations_of, evidence, past_of

if TYPE_CHECKING:
    from bitgauge.benchmarks.history.regressions import Metrics, Worsening
    from sqlite_utils import Database


# -- one run ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Judged:
    """One subject of a run: what is said of it, and how a later value speaks to it."""

    subject: str
    findings: tuple[Worsening, ...]
    now: Metrics
    changes: tuple[StackChange, ...] = ()


@writing("judging a run")
def judge_run(db: Database, run_id: str, now_ns: int) -> tuple[Regression, ...]:
    """Hold a run against the past of its row, once; what it opened, confirmed or ended.

    What is opened queues one job that measures the run's entry once more on its device; what
    is confirmed has an alert due. A run that was judged before changes nothing.
    """
    marked = db.execute(
        "UPDATE runs SET judged_unix_ns = ? WHERE run_id = ? AND judged_unix_ns IS NULL",
        (now_ns, run_id),
    )
    found = candidates(db.conn, {"r.run_id = ?": run_id}) if marked.rowcount else ()
    if found and _certifies(db.conn, found[0]):
        return ()  # An artifact against itself, forty times under one key.
    if not found or not found[0].row.realness.keeps_time or SUSPECT in found[0].row.flags:
        return ()
    own, key = found[0], key_text(found[0].row)
    touched = []
    for judged in (_judged_row(db.conn, own, key), _judged_family(db.conn, own, key)):
        told = _told(db, judged, own, now_ns)
        settled = {(one.signal, one.metric) for one in told}
        opened = [
            _open(db, own.row, key, judged, finding, now_ns=now_ns)
            for finding in judged.findings
            if (finding.signal, finding.metric) not in settled
        ]
        touched += [*told, *opened]
    return tuple(touched)


def _certifies(connection: sqlite3.Connection, own: SettledRow) -> bool:
    asked = fetch(connection, "SELECT 1 FROM certifications WHERE job_id = ?", (job_of(own),))
    return bool(asked)


def _judged_row(connection: sqlite3.Connection, own: SettledRow, key: str) -> _Judged:
    from bitgauge.benchmarks.history.regressions import judge_row  # numpy: only who judges waits

    past = _since(connection, key, past_of(connection, own.row, key), own)
    values = [_metrics(connection, one.row.run_id) for one in past]
    now = _metrics(connection, own.row.run_id)
    return _Judged(key, judge_row(values, now), now, _came_with(connection, past, own))


def _metrics(connection: sqlite3.Connection, run_id: str | None) -> dict[str, MetricValue]:
    assert run_id is not None, "what was measured has a run"
    return {one.key: one for one in metric_values(connection, run_id)}


def _since(
    connection: sqlite3.Connection, key: str, found: Sequence[SettledRow], own: SettledRow
) -> list[SettledRow]:
    """The usable candidates before this one, since the baseline of their row restarted."""
    since = max((one.from_unix_ns for one in annotations_of(connection, key)), default=0)
    return [
        one
        for one in found
        if (one.settled_unix_ns, one.key) < (own.settled_unix_ns, own.key)
        and one.settled_unix_ns >= since
        and SUSPECT not in one.row.flags
    ]


def _came_with(
    connection: sqlite3.Connection, past: Sequence[SettledRow], own: SettledRow
) -> tuple[StackChange, ...]:
    """What is another one than in the result before."""
    if not past:
        return ()
    pair = [
        Measured(one.row, evidence(connection, one.row.run_id or "")) for one in (past[-1], own)
    ]
    return input_changes(*pair)


# -- a format family on a device ----------------------------------------------------------
def _judged_family(connection: sqlite3.Connection, own: SettledRow, key: str) -> _Judged:
    """The drift of the run's format family on its device, over all of its rows."""
    from bitgauge.benchmarks.history.regressions import definition_of, judge_drift, levels

    metric, subject = usual_metric(own.row), family_key(own.row)
    timed = timed_of_family(connection, own, metric)
    told, definition = levels(timed), definition_of(timed)
    now = told.pop(job_of(own), None)
    if now is None:
        return _Judged(subject, (), {})
    finding = judge_drift(metric, list(told.values()), now, definition)
    level = MetricValue(metric, math.exp(now), definition=definition)
    if finding is None:
        return _Judged(subject, (), {metric: level})
    past = _since(connection, key, past_of(connection, own.row, key), own)
    return _Judged(subject, (finding,), {metric: level}, _came_with(connection, past, own))


# -- what is open -------------------------------------------------------------------------
def _told(db: Database, judged: _Judged, own: SettledRow, now_ns: int) -> list[Regression]:
    """Every open regression of a subject, and what this run does to it.

    Nothing is confirmed by a run of the very job that showed it.
    """
    found = fetch(
        db.conn,
        """SELECT g.value, r.job_id FROM regressions g JOIN runs r ON r.run_id = g.run_id
           WHERE g.subject = ? AND g.state IN ('new', 'confirmed') ORDER BY g.position""",
        (judged.subject,),
    )
    assert own.row.run_id is not None, "what was judged has a run"
    return [
        decoded(row)
        if row["job_id"] == job_of(own)
        else _heard(db, decoded(row), judged.now, own.row.run_id, now_ns)
        for row in found
    ]


def _heard(db: Database, one: Regression, now: Metrics, run_id: str, now_ns: int) -> Regression:
    from bitgauge.benchmarks.history.regressions import says

    value = now.get(one.metric, MetricValue(one.metric))
    said = says(one.signal, one.metric, one.bound, one.after, value)
    event = event_of(RegressionState(one.state), said)
    if event is None:
        return one
    changed = move(db, one, event, now_ns, run_ids=(*one.run_ids, run_id))
    if event is RegressionEvent.AGREE:
        queue_alert(db, one.regression_id, now_ns)
    return changed


def move(
    db: Database, one: Regression, event: RegressionEvent, now_ns: int, **changed: object
) -> Regression:
    """Let an event happen to a regression, and store it with whatever else changed."""
    state = TRANSITIONS.advance(
        RegressionState(one.state), event, f"Regression {one.regression_id}"
    )
    told: dict[str, Any] = {"state": state.value, "changed_unix_ns": now_ns, **changed}
    moved = replace(one, **told)
    db.execute(
        "UPDATE regressions SET state = ?, changed_unix_ns = ?, value = ? WHERE regression_id = ?",
        (moved.state, now_ns, encode(moved), one.regression_id),
    )
    return moved


_COLUMNS = (
    *("regression_id", "subject", "signal", "metric"),
    *("state", "confirm_job_id", "changed_unix_ns"),
)


# -- what is opened -----------------------------------------------------------------------
def _open(
    db: Database, row: TableRow, key: str, judged: _Judged, finding: Worsening, *, now_ns: int
) -> Regression:
    """Record a regression, and have its run measured once more."""
    from bitgauge.benchmarks.history.regressions import LATENCY_DRIFT

    assert row.run_id is not None, "what was judged has a run"
    about = row_words(row)
    if finding.signal == LATENCY_DRIFT:
        about = f"{row.family.value} on {row.device_name} with {row.runtime}"
    made = Regression(
        regression_id=regression_id(judged.subject, finding.signal, finding.metric, row.run_id),
        state=RegressionState.NEW.value,
        signal=finding.signal,
        metric=finding.metric,
        row=replace(row, metrics=()),
        subject=judged.subject,
        before=finding.before,
        after=finding.after,
        bound=finding.bound,
        sentence=f"{about}: {finding.words}",
        opened_unix_ns=now_ns,
        changed_unix_ns=now_ns,
        run_ids=(row.run_id,),
        changes=judged.changes,
        confirm_job_id=_measure_again(db, row.run_id, now_ns),
    )
    db.table("regressions").insert(
        {
            **columns(made, *_COLUMNS),
            "row_key": key,
            "run_id": row.run_id,
            "value": encode(made),
        }
    )
    return made


def _measure_again(db: Database, run_id: str, now_ns: int) -> str | None:
    """Queue the run's entry once more, beside its baseline on its device; the id of that job.

    The id follows from the run, so that several findings of one run share one job. A device that
    was retired measures nothing more.
    """
    job_id = again.confirming_job(run_id)
    if fetch(db.conn, "SELECT 1 FROM jobs WHERE job_id = ?", (job_id,)):
        return job_id
    [run] = fetch(
        db.conn,
        """SELECT r.job_id, r.entry_index, r.device_id, d.retired_unix_ns FROM runs r
           JOIN devices d ON d.device_id = r.device_id WHERE r.run_id = ?""",
        (run_id,),
    )
    if run["retired_unix_ns"] is not None:
        return None
    job, index = job_now(db.conn, run["job_id"]), run["entry_index"]
    artifact = job.entries[index].artifact
    asked = again.confirm(run_id, job.spec, index, artifact, run["device_id"])
    insert_job(db, asked, job.model_class, now_ns, job.submitted_by)
    return job_id
