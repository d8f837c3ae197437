"""The past of each row, read from the history of jobs and runs.

Each function answers from one moment of the database.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from bitgauge.benchmarks.history.past import Evidence, Measured, input_changes, usual_metric
from bitgauge.benchmarks.table.rows import SettledRow, newest, ordered
from bitgauge.benchmarks.vocabulary.enums import CellState
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.reasons import NOT_MEASURED, SUSPECT
from bitgauge.benchmarks.vocabulary.values.history import Annotation, HistoryPoint, HistoryQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ..sql.candidates import candidates, each_candidate, of_run, with_metrics
from ..sql.database import fetch, reading, texts, value
from ..sql.named import ARTIFACT, OF_DEVICES, RECIPE, device_ids, run_named
from ..sql.table import candidates_of_key, key_text
from ..sql.unreadable import UNREADABLE, note
from ..sql.values import metric_values
from ..values import Series, Settled

FINGERPRINT = "coalesce(nullif(r.fingerprint, ''), l.fingerprint)"


@reading("reading rows")
def settled_rows(connection: sqlite3.Connection, which: Settled) -> tuple[TableRow, ...]:
    """The newest row per row key among the settled entries that match, with its metrics.

    `fingerprint` matches by its beginning. A run that is named is given whatever its device is.
    """
    if which.run_id is not None:
        named = of_run(connection, which.run_id)
        return ordered(with_metrics(connection, one.row) for one in named)
    where = {
        "j.model_name = ?": which.model_name,
        RECIPE: which.recipe,
        ARTIFACT: which.artifact,
        OF_DEVICES: device_ids(connection, which.device),
        "j.batch = ?": which.batch,
        f"{FINGERPRINT} GLOB ?": f"{which.fingerprint}*" if which.fingerprint else None,
        "e.settled_unix_ns <= ?": which.until_unix_ns,
    }
    chosen = newest(each_candidate(connection, where))
    return ordered(with_metrics(connection, one.row) for one in chosen)


@reading("reading a run")
def evidence(connection: sqlite3.Connection, run_id: str) -> Evidence:
    """What is kept of a run besides its numbers. `UNKNOWN_RUN` when there is none.

    A stack that cannot be read is as none.
    """
    found = fetch(
        connection,
        """SELECT r.job_id, r.entry_index, r.stack, r.analysis_version, e.artifact_sha256,
             e.artifact_size_bytes FROM runs r
           JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
           WHERE r.run_id = ?""",
        (run_id,),
    )
    if not found:
        raise NotFound(Code.UNKNOWN_RUN, f"There is no run {run_id}.")
    try:
        return value(Evidence, found[0])
    except UNREADABLE as error:
        note("run", run_id, error)
        return value(Evidence, found[0], stack=())


@reading("reading stacks")
def fingerprints(connection: sqlite3.Connection, beginning: str) -> tuple[str, ...]:
    """Every stack fingerprint of an accepted run that begins so."""
    return texts(
        connection,
        """SELECT DISTINCT fingerprint FROM runs
           WHERE disposition = 'accepted' AND fingerprint <> '' AND fingerprint GLOB ?
           ORDER BY fingerprint""",
        (f"{beginning}*",),
    )


# -- series -------------------------------------------------------------------------------
@reading("reading a history")
def series(connection: sqlite3.Connection, query: HistoryQuery) -> tuple[Series, ...]:
    """The series that match, in the order of the table. `UNKNOWN_RUN` for an unknown run."""
    if query.run_id is not None:
        return _series_of_run(connection, query.run_id, query.metric)
    found = candidates(connection, _where(connection, query))
    return _grouped(connection, _measured(found), query.metric)


def keys_with_history(connection: sqlite3.Connection, query: HistoryQuery) -> tuple[str, ...]:
    """The keys of the series that match: what is quickly said of them, and holds no history."""
    found = each_candidate(connection, _where(connection, query))
    return tuple(
        dict.fromkeys(key_text(one.row) for one in found if one.row.state is CellState.MEASURED)
    )


def _where(connection: sqlite3.Connection, query: HistoryQuery) -> dict[str, object]:
    return {
        "j.model_name = ?": query.model_name,
        "j.model_class = ?": query.model_class,
        "l.hardware_class = ?": query.hardware_class,
        "e.family = ?": query.family,
        RECIPE: query.recipe,
        OF_DEVICES: device_ids(connection, query.device),
        "j.batch = ?": query.batch,
    }


def _series_of_run(
    connection: sqlite3.Connection, run_id: str, metric: str | None
) -> tuple[Series, ...]:
    run_id = run_named(connection, run_id)
    found = candidates(connection, {"r.run_id = ?": run_id})
    if not found:
        raise NotFound(
            Code.UNKNOWN_RUN, f"Run {run_id} belongs to no row of the table: it has no history."
        )
    key = key_text(found[0].row)
    return _grouped(connection, past_of(connection, found[0].row, key), metric)


def past_of(connection: sqlite3.Connection, row: TableRow, key: str) -> tuple[SettledRow, ...]:
    """Every measured candidate of one row key, oldest first."""
    return _measured(candidates_of_key(connection, row, key))


def _measured(found: Iterable[SettledRow]) -> tuple[SettledRow, ...]:
    """Those that have a run with numbers, oldest first."""
    measured = (one for one in found if one.row.state is CellState.MEASURED)
    return tuple(sorted(measured, key=lambda one: (one.settled_unix_ns, one.key)))


def _grouped(
    connection: sqlite3.Connection, found: Iterable[SettledRow], metric: str | None
) -> tuple[Series, ...]:
    groups: dict[str, list[SettledRow]] = {}
    for one in found:
        groups.setdefault(key_text(one.row), []).append(one)
    keys = {id(members[-1].row): key for key, members in groups.items()}
    shown = ordered(members[-1].row for members in groups.values())
    return tuple(_series(connection, keys[id(row)], groups[keys[id(row)]], metric) for row in shown)


def _series(
    connection: sqlite3.Connection, key: str, members: Sequence[SettledRow], metric: str | None
) -> Series:
    row = members[-1].row
    shown = metric or usual_metric(row)
    return Series(
        row=row,
        row_key=key,
        metric=shown,
        points=points_of(connection, members, shown),
        annotations=annotations_of(connection, key),
    )


def points_of(
    connection: sqlite3.Connection, members: Sequence[SettledRow], metric: str
) -> tuple[HistoryPoint, ...]:
    """The points of one row key, with what changed from each to the next."""
    points = []
    before: Measured | None = None
    for one in members:
        assert one.row.run_id is not None, "what was measured has a run"
        after = Measured(one.row, evidence(connection, one.row.run_id))
        value = value_of(connection, one.row.run_id, metric)
        points.append(
            HistoryPoint(
                run_id=one.row.run_id,
                job_id=after.evidence.job_id,
                measured_unix_ns=one.row.measured_unix_ns or 0,
                settled_unix_ns=one.settled_unix_ns,
                value=value,
                fingerprint=one.row.fingerprint,
                artifact=after.evidence.artifact,
                flags=tuple(sorted({*one.row.flags, *value.flags})),
                changes=input_changes(before, after) if before else (),
                counts=value.value is not None and SUSPECT not in one.row.flags,
            )
        )
        before = after
    return tuple(points)


def value_of(connection: sqlite3.Connection, run_id: str, metric: str) -> MetricValue:
    """One metric of a run, null with its reason when it has none."""
    found = metric_values(connection, run_id, metric)
    return found[0] if found else MetricValue(metric, reason=NOT_MEASURED)


def annotations_of(connection: sqlite3.Connection, key: str) -> tuple[Annotation, ...]:
    """The accepted changes of one row key, oldest first."""
    found = fetch(
        connection,
        "SELECT * FROM annotations WHERE row_key = ? ORDER BY from_unix_ns, position",
        (key,),
    )
    return tuple(value(Annotation, row) for row in found)
