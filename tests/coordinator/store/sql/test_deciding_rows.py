"""Cells and choices look at the metrics that decide; the others are kept apart and lost nowhere."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
from bitgauge.benchmarks.table.cells import POOLED_METRICS, cells
from bitgauge.benchmarks.table.file import from_json, to_json
from bitgauge.benchmarks.table.rows import DECIDING_METRICS, deciding_row
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Objective, Scenario
from bitgauge.benchmarks.vocabulary.metrics import METRICS, published
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.exported import ExportedTable
from bitgauge.coordinator.store.sql.steps import STEPS
from bitgauge.coordinator.store.store import Store

from tests.labs.stored_run import StoredRun, store_run
from tests.snapshot import FOLDER

SNAPSHOT = from_json((FOLDER / "table.json").read_bytes(), "table.json")


@pytest.fixture
def stored(tmp_path: Path) -> StoredRun:
    return store_run(tmp_path)


def test_what_decides_is_measured_and_is_all_that_cells_pool() -> None:
    assert set(POOLED_METRICS) <= DECIDING_METRICS < METRICS.keys()
    assert cells(map(deciding_row, SNAPSHOT.rows)) == cells(SNAPSHOT.rows) == SNAPSHOT.cells


def test_a_choice_looks_at_nothing_else(tmp_path: Path) -> None:
    brief = dataclasses.replace(SNAPSHOT, rows=tuple(map(deciding_row, SNAPSHOT.rows)))
    (tmp_path / "brief.json").write_bytes(to_json(brief))
    limits: list[dict[str, object]] = [
        {},
        {"max_accuracy_loss_pp": 0.5},
        {"max_latency_ns": 30_000.0},
        {"max_size_bytes": 300_000, "max_size_ratio": 0.5},
        {"allow_saturating": True},
    ]
    with ExportedTable(FOLDER / "table.json") as whole, ExportedTable(tmp_path / "brief.json") as b:
        for kind, objective, limit in itertools.product(
            (ModelClass.CNN, ModelClass.MLP, ModelClass.RECURRENT), Objective, limits
        ):
            query = SelectQuery(kind, HardwareClass.CPU_ONLY, objective=objective, **limit)  # type: ignore[arg-type]
            assert b.select(query) == whole.select(query)


def test_a_store_keeps_whole_rows_and_reads_what_decides(stored: StoredRun) -> None:
    store = Store.open(stored.database)
    try:
        whole, brief = store.rows(TableQuery()), store.deciding_rows(TableQuery())
        assert max(len(row.metrics) for row in whole) == len(published(Scenario.SINGLE_STREAM))
        assert brief == tuple(map(deciding_row, whole))
        (own,) = {row.device_name for row in whole}
        for device, found in ((own, len(whole)), (whole[0].device_id, len(whole)), ("nobody", 0)):
            assert len(store.rows(TableQuery(device=device))) == found
    finally:
        store.close()


def test_a_step_of_the_schema_can_have_the_table_made_anew(stored: StoredRun) -> None:
    """As one does that changes what a row is: its table is made from the runs when it is opened."""
    step = (
        "UPDATE table_rows SET value = '{}'",
        "DELETE FROM table_wholes",
        "INSERT INTO table_inputs (name, value) VALUES ('rebuild', 'rows have another shape')",
    )
    store = Store.open(stored.database, (*STEPS, step))
    try:
        rows = store.rows(TableQuery())
        assert [len(row.metrics) for row in rows] == [len(published(Scenario.SINGLE_STREAM))] * 2
        assert store.deciding_rows(TableQuery()) == tuple(map(deciding_row, rows))
    finally:
        store.close()
