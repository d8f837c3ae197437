"""Calibration sets as versioned objects, and what was built with each.

Versions are only ever added. The file of each is pinned, so that what was built with it can be
built again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.asked import needs_calibration
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from ...decisions.asker import Asker
from ..audit.entries import record
from ..sql.database import columns, fetch, reading, value, writing
from ..sql.unreadable import readable, sound
from ..sql.values import job_row, job_spec
from .campaigns import pin

if TYPE_CHECKING:
    from sqlite_utils import Database

_COLUMNS = (
    *("name", "version", "digest", "samples", "source", "strata", "preprocessing"),
    *("owner", "added_by", "added_unix_ns"),
)
ADD = "calibration.add"
"""What the audit calls it."""


@writing("recording a calibration set")
def add(db: Database, wanted: CalibrationSet, asker: Asker) -> CalibrationSet:
    """Record a set as the next version of its name, and pin its file.

    The newest version once more is that version, whatever else is said of it.

    Raises:
        Refused: FORBIDDEN, the name is somebody else's.
    """
    found = fetch(
        db.conn, "SELECT * FROM calibration_sets WHERE name = ? ORDER BY version", (wanted.name,)
    )
    own = [value(CalibrationSet, row) for row in found]
    if own:
        asker.require_own(own[0].owner, f"Calibration set {wanted.name}")
        if own[-1].digest == wanted.digest:
            return own[-1]
    made = CalibrationSet(
        name=wanted.name,
        version=len(own) + 1,
        digest=wanted.digest,
        samples=wanted.samples,
        source=wanted.source,
        strata=wanted.strata,
        preprocessing=wanted.preprocessing,
        owner=own[0].owner if own else asker.name,
        added_by=asker.name,
        added_unix_ns=wanted.added_unix_ns,
    )
    db.table("calibration_sets").insert(columns(made, *_COLUMNS))
    pin(db, f"calibration:{made.label}", (made.digest,))
    detail = f"{made.digest.sha256}, {made.samples} samples, {made.source}"
    record(db, asker.name, ADD, made.label, detail, now_ns=made.added_unix_ns)
    return made


@reading("reading calibration sets")
def sets(connection: sqlite3.Connection) -> tuple[CalibrationSet, ...]:
    """Every version of every set, by name, oldest first, each with its number of rows."""
    found = _sets(connection)
    rows = {one.digest: len(_built_with(connection, one.digest)) for one in found}
    return tuple(replace(one, rows=rows[one.digest]) for one in found)


@reading("reading the table")
def rows_built_with(
    connection: sqlite3.Connection, digest: Digest
) -> tuple[tuple[TableRow, JobSpec], ...]:
    """The rows of artifacts that were built with a calibration set, each with its job."""
    return _built_with(connection, digest)


def _sets(connection: sqlite3.Connection) -> tuple[CalibrationSet, ...]:
    found = fetch(connection, "SELECT * FROM calibration_sets ORDER BY name, version")
    return readable(found, lambda row: value(CalibrationSet, row), "calibration set", "name")


_BUILT = f"""SELECT t.row_key, t.job_id, t.value, d.name AS device_name FROM table_rows t
    JOIN jobs j ON j.job_id = t.job_id JOIN devices d ON d.device_id = t.device_id
    WHERE json_extract({sound("j.spec")}, '$.calibration.sha256') = ? ORDER BY t.row_key"""  # noqa: S608 (a text of ours)


def _built_with(
    connection: sqlite3.Connection, digest: Digest
) -> tuple[tuple[TableRow, JobSpec], ...]:
    found = fetch(connection, _BUILT, (digest.sha256,))
    specs: dict[str, JobSpec] = {}
    for job_id in dict.fromkeys(str(row["job_id"]) for row in found):
        for spec in readable([job_row(connection, job_id)], job_spec, "job", "job_id"):
            specs[job_id] = spec
    rows = readable(found, lambda row: (_row(row), str(row["job_id"])), "row", "row_key")
    return tuple(
        (row, specs[job_id])
        for row, job_id in rows
        if job_id in specs and row.artifact is None and needs_calibration(row.recipe)
    )


def _row(row: sqlite3.Row) -> TableRow:
    found = msgspec.json.decode(row["value"], type=TableRow)
    return replace(found, device_name=row["device_name"])
