"""Every column of JSON, and what it must hold: which of them cannot be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from bitgauge.benchmarks.vocabulary.values.calibration import StratumCount
from bitgauge.benchmarks.vocabulary.values.campaigns import CellChange, RefreshOrder, RefreshPlan
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.history import Regression
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import Failure, Progress

from ..sql.unreadable import UNREADABLE, why

MAX_NAMED = 20
"""Of all columns together; a torn database would fill the screen."""


class Stored(NamedTuple):
    """A column of JSON."""

    noun: str
    table: str
    name: str
    column: str
    kind: Any


_STRATA = tuple[StratumCount, ...]

STORED = (
    Stored("job", "jobs", "job_id", "spec", JobSpec),
    Stored("job", "jobs", "job_id", "progress", Progress),
    Stored("device", "devices", "device_id", "description", DeviceDescription),
    Stored("schedule", "schedules", "name", "asked", RefreshOrder),
    Stored("campaign", "campaigns", "campaign_id", "asked", RefreshOrder),
    Stored("campaign", "campaigns", "campaign_id", "plan", RefreshPlan),
    Stored("campaign", "campaigns", "campaign_id", "rows_before", tuple[TableRow, ...]),
    Stored("campaign", "campaigns", "campaign_id", "diff", tuple[CellChange, ...]),
    Stored("campaign job", "campaign_jobs", "campaign_id || ' ' || n", "spec", JobSpec),
    Stored("run", "runs", "run_id", "stack", tuple[StackItem, ...]),
    Stored("run", "runs", "run_id", "failure", Failure),
    Stored("run", "runs", "run_id", "analysis_failure", Failure),
    Stored("metric", "metrics", "run_id || ' ' || key", "flags", tuple[str, ...]),
    Stored("metric", "metrics", "run_id || ' ' || key", "detail", tuple[StackItem, ...]),
    Stored("build", "builds", "model_sha256 || ' ' || recipe", "notes", tuple[str, ...]),
    Stored("calibration set", "calibration_sets", "name || '@' || version", "strata", _STRATA),
    Stored("regression", "regressions", "regression_id", "value", Regression),
    Stored("table row", "table_rows", "row_key", "value", TableRow),
    Stored("table row", "table_rows", "row_key", "changes", tuple[StackChange, ...]),
    Stored("table row", "table_wholes", "row_key", "value", TableRow),
    Stored("cell", "cells", "cell_key", "value", Cell),
)


def unread(connection: sqlite3.Connection) -> list[str]:
    """What cannot be read, one sentence part each."""
    found = []
    for sentence in _unread(connection):
        found.append(sentence)
        if len(found) == MAX_NAMED:
            break
    return found


def _unread(connection: sqlite3.Connection) -> Iterator[str]:
    for one in STORED:
        decode = msgspec.json.Decoder(one.kind).decode
        rows = connection.execute(
            f"SELECT {one.name}, {one.column} FROM {one.table} WHERE {one.column} IS NOT NULL"  # noqa: S608 (names of ours)
        )
        for name, value in rows:
            try:
                decode(value)
            except UNREADABLE as error:
                yield f"{one.noun} {name}, {one.column}: {why(error)}"
