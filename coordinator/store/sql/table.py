"""The table as it is asked: the newest row per row key, and the cells made of these rows.

Kept up inside the transactions that settle entries, publish numbers or register devices, so that
a question reads its answer and no history. Nothing here is known only here: `rebuild` makes all
of it from the runs, and the two ways must agree.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.table.cells import cell_of, key_of
from bitgauge.benchmarks.table.rows import (
    SettledRow,
    deciding_row,
    newest,
    ordered,
    rank,
    row_key,
)
from bitgauge.benchmarks.table.staleness import (
    FINGERPRINT,
    marked,
    measuring_changes,
    stack_changes,
    toolchain_changes,
)
from bitgauge.benchmarks.vocabulary.fingerprint import stack_of
from bitgauge.benchmarks.vocabulary.profiles import MEASURING_VERSION
from bitgauge.benchmarks.vocabulary.recipes import base_of
from bitgauge.benchmarks.vocabulary.values.cells import Cell, CellKey
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableQuery, TableRow

from . import notices
from .candidates import candidates, each_candidate, rows_of_job, with_metrics
from .database import (
    columns,
    each,
    each_where,
    encode,
    fetch,
    fetch_where,
    reading,
    texts,
    writing,
)
from .named import OF_DEVICES, device_ids, job_named, kept
from .unreadable import readable
from .values import described, stack_of_run

if TYPE_CHECKING:
    from sqlite_utils import Database

_STORED = """SELECT t.row_key, t.job_id, t.value, t.changes, d.name AS device_name FROM table_rows t
    JOIN devices d ON d.device_id = t.device_id WHERE 1"""
_WHOLE = """SELECT t.row_key, w.value, t.changes, d.name AS device_name FROM table_rows t
    JOIN devices d ON d.device_id = t.device_id
    JOIN table_wholes w ON w.row_key = t.row_key WHERE 1"""
_TOOLCHAIN = "toolchain "
_OF_ROW = (
    *("model_name", "recipe", "device_id", "runtime"),
    *("fingerprint", "toolchain", "measuring_version"),
)
_REBUILD = "rebuild"
_TOLD = f"FROM table_inputs WHERE name <> '{notices.KNOWN_ISSUES}'"


# -- questions ----------------------------------------------------------------------------
@reading("reading the table")
def rows(connection: sqlite3.Connection, query: TableQuery) -> tuple[TableRow, ...]:
    """The newest row per row key that matches, in the order of the table.

    Simulated and emulated results are never among them.
    """
    return _matching(connection, query, _WHOLE, fetch_where)


@reading("reading the table")
def deciding_rows(connection: sqlite3.Connection, query: TableQuery) -> tuple[TableRow, ...]:
    """Like `rows`, with the metrics that decide and no others: a third of the work."""
    return _matching(connection, query, _STORED, each_where)


def _matching(
    connection: sqlite3.Connection,
    query: TableQuery,
    sql: str,
    found_where: Callable[..., Iterable[sqlite3.Row]],
) -> tuple[TableRow, ...]:
    if query.job_id is not None:
        job_id = job_named(connection, query.job_id)
        return kept(connection, query, rows_of_job(connection, job_id))
    clauses: dict[str, object] = {
        "t.model_name = ?": query.model_name,
        "t.model_class = ?": query.model_class,
        "t.hardware_class = ?": query.hardware_class,
        OF_DEVICES: device_ids(connection, query.device),
        "t.family = ?": query.family,
        "t.batch = ?": query.batch,
    }
    if query.workload is not None:
        exact = columns(query.workload)
        clauses |= {f"t.{name} = ?": value for name, value in exact.items()}
    found = readable(found_where(connection, sql, clauses), _row, "row of the table", "row_key")
    return ordered(found if query.artifact is None else kept(connection, query, found))


def stale(connection: sqlite3.Connection) -> tuple[tuple[TableRow, str], ...]:
    """The rows of which an input is another one now, each with the id of its job."""
    found = each(connection, f"{_STORED} AND t.changes <> '[]' ORDER BY t.row_key")
    return readable(
        found, lambda row: (_row(row), str(row["job_id"])), "row of the table", "row_key"
    )


@reading("reading the table")
def cells(connection: sqlite3.Connection) -> tuple[Cell, ...]:
    """Every cell that something was measured or tried for, without priors."""
    found = fetch(connection, "SELECT cell_key, value FROM cells ORDER BY cell_key")
    return readable(found, _cell, "cell", "cell_key")


def _cell(row: sqlite3.Row) -> Cell:
    return msgspec.json.decode(row["value"], type=Cell)


def _stored(row: sqlite3.Row) -> TableRow:
    return msgspec.json.decode(row["value"], type=TableRow)


def _row(row: sqlite3.Row) -> TableRow:
    found = _stored(row)
    if found.device_name != row["device_name"]:
        found = replace(found, device_name=row["device_name"])
    if row["changes"] == "[]":
        return found
    changes = msgspec.json.decode(row["changes"], type=tuple[StackChange, ...])
    return marked(found, changes)


# -- what follows from a change ------------------------------------------------------------
def refresh_job(db: Database, job_id: str) -> None:
    """Bring the table up to what one job says now."""
    told = {
        key_text(one.row): one
        for one in candidates(db.conn, {"e.job_id = ?": job_id})
        if one.row.realness.keeps_time
    }
    shown = fetch(db.conn, "SELECT row_key, value FROM table_rows WHERE job_id = ?", (job_id,))
    touched: set[CellKey] = set()
    # It may say less now than before; then something older may be what is known.
    for key, old in readable(
        shown, lambda row: (str(row["row_key"]), _stored(row)), "row of the table", "row_key"
    ):
        touched.add(key_of(old))
        _settle_key(db, key, old)
    for key, candidate in told.items():
        touched.add(key_of(candidate.row))
        if _outranks(db.conn, key, candidate):
            _write(db, key, candidate)
    _refresh_cells(db, touched)


def refresh_device(db: Database, device_id: str) -> None:
    """Bring the table up to what all jobs of one device say now."""
    sql = "SELECT DISTINCT job_id FROM table_rows WHERE device_id = ? ORDER BY job_id"
    for job_id in texts(db.conn, sql, (device_id,)):
        refresh_job(db, job_id)


def renamed(db: Database, device_id: str) -> None:
    """Have the cells name a device as it is called now."""
    found = fetch(db.conn, f"{_STORED} AND t.device_id = ?", (device_id,))
    rows = readable(found, _stored, "row of the table", "row_key")
    _refresh_cells(db, {key_of(row) for row in rows})


def register(db: Database, device: DeviceDescription) -> int:
    """Mark the rows of a device by what its stacks are now; how many changed their marks."""
    return _mark(db, device.device_id, _stacks(device))


@writing("marking the table")
def use_inputs(db: Database, toolchains: Mapping[str, str]) -> int:
    """Mark as stale what something else would build or measure now.

    `toolchains` says what builds each recipe here from now on. A coordinator says this at its
    start, after which also somebody who reads the file knows.

    Returns:
        How many rows changed their marks. Those of devices change when a device registers.
    """
    known = {row["name"]: row["value"] for row in fetch(db.conn, f"SELECT name, value {_TOLD}")}
    told = {f"{_TOOLCHAIN}{recipe}": text for recipe, text in toolchains.items()}
    told["measuring_version"] = str(MEASURING_VERSION)
    if known == told:
        return 0
    db.execute(f"DELETE {_TOLD}")
    db.table("table_inputs").insert_all(
        {"name": name, "value": text} for name, text in sorted(told.items())
    )
    devices = fetch(db.conn, "SELECT device_id, description FROM devices")
    return sum(register(db, one) for one in readable(devices, described, "device", "device_id"))


def rebuild_if_asked(db: Database) -> None:
    """Make the table when a step of the schema asks for it, or other issues are known."""
    asked = db.execute("DELETE FROM table_inputs WHERE name = ?", (_REBUILD,))
    if notices.changed(db) or asked.rowcount:
        rebuild(db)


@writing("making the table")
def rebuild(db: Database) -> int:
    """Make all rows and cells anew from the runs; the number of rows."""
    db.execute("DELETE FROM table_rows")
    db.execute("DELETE FROM table_wholes")
    db.execute("DELETE FROM cells")
    chosen = newest(candidates(db.conn, {}))
    for one in chosen:
        _write(db, key_text(one.row), one)
    _refresh_cells(db, {key_of(one.row) for one in chosen})
    return len(chosen)


def disagreements(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Rows that are not what the runs say, one sentence part each; none in a sound database."""
    kept = {
        row["row_key"]: f"{row['job_id']}/{row['entry_index']:06d}"
        for row in fetch(connection, "SELECT row_key, job_id, entry_index FROM table_rows")
    }
    made = {key_text(one.row): one.key for one in newest(each_candidate(connection, {}))}
    wrong = sorted(key for key in kept | made if kept.get(key) != made.get(key))
    return tuple(
        f"table row {key[:12]}: shows {kept.get(key, 'nothing')}, the runs say"
        f" {made.get(key, 'nothing')}"
        for key in wrong
    )


# -- one row ------------------------------------------------------------------------------
def key_text(row: TableRow) -> str:
    """The row key as one word."""
    return hashlib.sha256(msgspec.json.encode(row_key(row))).hexdigest()


def candidates_of_key(
    connection: sqlite3.Connection, row: TableRow, key: str
) -> tuple[SettledRow, ...]:
    """Everything that was ever settled under the key of a row."""
    where = {
        "j.model_name = ?": row.model_name,
        "e.recipe = ?": row.recipe,
        "j.batch = ?": row.workload.batch,
        "l.device_id = ?": row.device_id,
    }
    return tuple(one for one in candidates(connection, where) if key_text(one.row) == key)


def _outranks(connection: sqlite3.Connection, key: str, candidate: SettledRow) -> bool:
    found = fetch(
        connection,
        "SELECT job_id, entry_index, conclusive, settled_unix_ns FROM table_rows WHERE row_key = ?",
        (key,),
    )
    if not found:
        return True
    row = found[0]
    known = f"{row['job_id']}/{row['entry_index']:06d}"
    return rank(candidate) >= (bool(row["conclusive"]), row["settled_unix_ns"], known)


def _settle_key(db: Database, key: str, old: TableRow) -> None:
    """Show the best of everything that was ever settled under one key."""
    left = newest(candidates_of_key(db.conn, old, key))
    if left:
        _write(db, key, left[0])
    else:
        db.execute("DELETE FROM table_rows WHERE row_key = ?", (key,))
        db.execute("DELETE FROM table_wholes WHERE row_key = ?", (key,))


def _write(db: Database, key: str, candidate: SettledRow) -> None:
    row = with_metrics(db.conn, candidate.row)
    job_id, _, index = candidate.key.rpartition("/")
    changes = _changes(db.conn, row, _stacks_of(db.conn, row.device_id))
    db.table("table_rows").upsert(
        {
            "row_key": key,
            **_columns(key_of(row)),
            **columns(row, *_OF_ROW),
            "job_id": job_id,
            "entry_index": int(index),
            "conclusive": int(candidate.conclusive),
            "settled_unix_ns": candidate.settled_unix_ns,
            "changes": encode(changes),
            "value": encode(deciding_row(row)),
        },
        pk="row_key",
    )
    db.table("table_wholes").upsert({"row_key": key, "value": encode(row)}, pk="row_key")


# -- marks of staleness -------------------------------------------------------------------
_Stacks = Mapping[str, tuple[str, tuple[StackItem, ...]]]


def _stacks(device: DeviceDescription) -> _Stacks:
    """What a device says of itself now, per runtime: fingerprint and stack."""
    return {one.name: (one.fingerprint, stack_of(device.stack, one)) for one in device.runtimes}


def _stacks_of(connection: sqlite3.Connection, device_id: str) -> _Stacks:
    """The same, from its id; a device that cannot be read says nothing."""
    sql = "SELECT device_id, description FROM devices WHERE device_id = ?"
    found = readable(fetch(connection, sql, (device_id,)), described, "device", "device_id")
    return _stacks(found[0]) if found else {}


def _mark(db: Database, device_id: str, current: _Stacks) -> int:
    """Compare the rows of a device with what is so now; those marked otherwise are written."""
    touched: set[CellKey] = set()
    marks = 0
    rows = fetch(db.conn, f"{_STORED} AND t.device_id = ?", (device_id,))
    for stored, row in readable(
        rows, lambda row: (row, _stored(row)), "row of the table", "row_key"
    ):
        text = encode(_changes(db.conn, row, current))
        if text != stored["changes"]:
            db.execute(
                "UPDATE table_rows SET changes = ? WHERE row_key = ?", (text, stored["row_key"])
            )
            touched.add(key_of(row))
            marks += 1
    _refresh_cells(db, touched)
    return marks


def _changes(
    connection: sqlite3.Connection, row: TableRow, current: _Stacks
) -> tuple[StackChange, ...]:
    """Everything that is another one now than when the row was measured."""
    toolchains = {
        found["name"].removeprefix(_TOOLCHAIN): found["value"]
        for found in fetch(
            connection,
            "SELECT name, value FROM table_inputs WHERE name = ?",
            (f"{_TOOLCHAIN}{base_of(row.recipe)}",),
        )
    }
    return (
        *_of_stack(connection, row, current),
        *toolchain_changes(row, toolchains),
        *measuring_changes(row, MEASURING_VERSION),
    )


def _of_stack(
    connection: sqlite3.Connection, row: TableRow, current: _Stacks
) -> tuple[StackChange, ...]:
    now = current.get(row.runtime)
    if now is None:
        return (StackChange("runtime", row.runtime, None),)
    if now[0] == row.fingerprint or not row.fingerprint:
        return ()
    found = fetch(connection, "SELECT run_id, stack FROM runs WHERE run_id = ?", (row.run_id,))
    stacks = readable(found, stack_of_run, "run", "run_id")
    stack = stacks[0] if stacks else ()
    named = stack_changes(stack, now[1]) if stack else ()
    return named or (StackChange(FINGERPRINT, row.fingerprint[:12], now[0][:12]),)


# -- cells --------------------------------------------------------------------------------
def _refresh_cells(db: Database, keys: Iterable[CellKey]) -> None:
    for key in keys:
        own = _columns(key)
        where = {f"t.{name} = ?": value for name, value in own.items()}
        rows = fetch_where(db.conn, _STORED, where)
        found = readable(rows, _row, "row of the table", "row_key")
        text = "/".join(str(value) for value in own.values())
        if found:
            made = {"cell_key": text, **own, "value": encode(cell_of(key, found))}
            db.table("cells").upsert(made, pk="cell_key")
        else:
            db.execute("DELETE FROM cells WHERE cell_key = ?", (text,))


def _columns(key: CellKey) -> dict[str, object]:
    """A cell key by column."""
    return {
        **columns(key, "model_class", "hardware_class", "family"),
        **columns(key.workload or Workload()),
    }
