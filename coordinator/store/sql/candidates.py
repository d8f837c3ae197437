"""Settled entries as candidates for the table, read from the history of jobs and runs.

`benchmarks.table` says which of them show; `table` keeps those that do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.table.rows import SettledRow, newest_rows, numbered
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    EntryState,
    FailureGroup,
)
from bitgauge.benchmarks.vocabulary.reasons import SUSPECT, UNCONFIRMED
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME
from bitgauge.benchmarks.vocabulary.session_options import of_reference, options_for
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from . import notices
from .database import each_where, fetch_where, value
from .unreadable import each_readable, readable, sound
from .values import GIVEN, OWN, metric_values

_STATES = {
    EntryState.ACCEPTED: CellState.MEASURED,
    EntryState.UNSUPPORTED: CellState.UNSUPPORTED,
    EntryState.FAILED: CellState.FAILED,
}

# The lease says what the device was when it measured: a device that is described otherwise
# today does not change what was measured then. An entry that never ran (unsupported, not built)
# is shown for the device that measured the rest of its job. A job of single passes would leave
# gaps where a whole one has numbers.
_EVERY = f"""
SELECT e.job_id, e.entry_index, e.recipe, e.family, e.state AS entry_state, e.reason,
       e.failure_group, e.settled_unix_ns, j.model_name, j.model_class, e.runtime, j.profile,
       j.baseline_sha256, j.baseline_size_bytes, j.spec, j.suspect,
       r.run_id, r.started_unix_ns, r.ended_unix_ns, r.analysis_version,
       coalesce(nullif(r.fingerprint, ''), iif(e.runtime = j.runtime, l.fingerprint, ''))
           AS fingerprint,
       coalesce(r.measuring_version, 1) AS measuring_version,
       e.artifact_kind, {notices.VERSION} AS runtime_version,
       l.device_id, l.hardware_class, iif(l.simulated, 'simulated', l.realness) AS realness,
       d.name AS device_name, d.confirmed_by,
       iif({GIVEN}, NULL, (SELECT b.toolchain FROM builds b
        WHERE b.artifact_sha256 = e.artifact_sha256 AND b.recipe = e.recipe
          AND b.model_sha256 = j.baseline_sha256
        ORDER BY b.made_unix_ns DESC LIMIT 1)) AS toolchain, {OWN}
FROM entries e
JOIN jobs j ON j.job_id = e.job_id
LEFT JOIN runs r ON r.job_id = e.job_id AND r.entry_index = e.entry_index
     AND r.disposition = 'accepted'
JOIN leases l ON l.job_id = e.job_id AND l.epoch = coalesce(r.epoch, j.epoch)
JOIN devices d ON d.device_id = l.device_id
WHERE e.job_id NOT IN (SELECT job_id FROM health_checks)
  AND coalesce(json_array_length({sound("j.spec")}, '$.passes'), 0) = 0
  AND (e.state IN ('unsupported', 'failed')
       OR (e.state = 'accepted' AND r.analysis_version IS NOT NULL))
"""  # noqa: S608 (texts of ours)
_SETTLED = f"{_EVERY} AND l.simulated = 0 AND l.realness IN ('physical', 'virtual_machine')"


class _Asked(msgspec.Struct):
    """The part of a job's spec that a row shows; reading the rest would cost more than the row."""

    workload: Workload
    overrides: Overrides = NO_OVERRIDES
    output: str = ""
    runtime: str = DEFAULT_RUNTIME


def candidates(
    connection: sqlite3.Connection, where: Mapping[str, object]
) -> tuple[SettledRow, ...]:
    """Every settled entry for which all clauses hold, without its metrics.

    `where` holds SQL clauses over `e`, `j`, `r`, `l` and `d`, as in `fetch_where`.
    """
    found = fetch_where(connection, _SETTLED, where)
    return readable(found, _candidate, "entry of job", "job_id")


def each_candidate(
    connection: sqlite3.Connection, where: Mapping[str, object]
) -> Iterator[SettledRow]:
    """As `candidates`, one after the other, for who keeps few of them and writes nothing."""
    found = each_where(connection, _SETTLED, where)
    return each_readable(found, _candidate, "entry of job", "job_id")


def of_run(connection: sqlite3.Connection, run_id: str) -> tuple[SettledRow, ...]:
    """The settled entry of a run, emulated or not: whoever names a run means that one."""
    found = fetch_where(connection, _EVERY, {"r.run_id = ?": run_id})
    return readable(found, _candidate, "entry of job", "job_id")


def row_of_run(connection: sqlite3.Connection, run_id: str) -> TableRow | None:
    """A run as a row with all its metrics, emulated or not; None before it is settled."""
    found = of_run(connection, run_id)
    return with_metrics(connection, found[0].row) if found else None


def rows_of_job(connection: sqlite3.Connection, job_id: str) -> tuple[TableRow, ...]:
    """What one job found, whether or not something newer is known by now."""
    newest = newest_rows(candidates(connection, {"e.job_id = ?": job_id}))
    return tuple(with_metrics(connection, row) for row in newest)


def _candidate(row: sqlite3.Row) -> SettledRow:
    group = row["failure_group"]
    settled_unix_ns = row["settled_unix_ns"] or 0
    asked = msgspec.json.decode(row["spec"], type=_Asked)
    shown = value(
        TableRow,
        row,
        workload=asked.workload,
        state=_STATES[EntryState(row["entry_state"])],
        measured_unix_ns=row["ended_unix_ns"],
        overrides=_own(asked.overrides, row["runtime"], is_baseline=row["entry_index"] == 0),
        output=asked.output,
        reference=asked.runtime if asked.runtime != row["runtime"] else "",
        flags=(*_flags(row), *notices.flags(row, asked.overrides.session_options)),
        failure_group=FailureGroup(group) if group else None,
        run_duration_ns=_duration_ns(row),
    )
    return SettledRow(
        row=shown,
        settled_unix_ns=settled_unix_ns,
        conclusive=group is None or not FailureGroup(group).retries,
        key=f"{row['job_id']}/{row['entry_index']:06d}",
    )


def _own(overrides: Overrides, runtime: str, *, is_baseline: bool) -> Overrides:
    """Without session options that are another runtime's, or another artifact's."""
    if not overrides.session_options:
        return overrides
    options = options_for(overrides.session_options, runtime)
    return replace(overrides, session_options=of_reference(options) if is_baseline else options)


def _flags(row: sqlite3.Row) -> tuple[str, ...]:
    """What qualifies a row before its numbers do."""
    told = {SUSPECT: row["suspect"] is not None, UNCONFIRMED: row["confirmed_by"] is None}
    return tuple(flag for flag, holds in told.items() if holds)


def _duration_ns(row: sqlite3.Row) -> int | None:
    if row["started_unix_ns"] is None:
        return None
    return max(0, int(row["ended_unix_ns"]) - int(row["started_unix_ns"]))


def with_metrics(connection: sqlite3.Connection, row: TableRow) -> TableRow:
    """The row with the metrics of its run, and what follows from them."""
    if row.state is not CellState.MEASURED or row.run_id is None:
        return row
    return numbered(row, metric_values(connection, row.run_id))
