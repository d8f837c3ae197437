"""Records and the table in long form: what is written reads back."""

from __future__ import annotations

import csv
import io

import pytest
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.metrics import METRICS, published
from bitgauge.coordinator.exports.long_form import RECORD_COLUMNS, TABLE_COLUMNS, record_sheet
from bitgauge.coordinator.exports.sheet import to_csv, to_parquet

from tests.labs.record import NAME, RUN_ID, sources, stored

OF_A_METRIC = ["key", "unit", "value", "low", "high", "n"]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return build(sources(stored(tmp_path_factory.mktemp("raw"))))


def test_csv_reads_back_line_by_line(record: Record) -> None:
    sheet = record_sheet([record, record])
    found = list(csv.DictReader(io.StringIO(to_csv(sheet).decode())))
    assert len(found) == 2 * len(published(Scenario.SINGLE_STREAM))
    assert tuple(found[0]) == tuple(column.name for column in RECORD_COLUMNS)
    for line, written in zip(found, sheet.named(), strict=True):
        assert line["run_id"] == RUN_ID
        assert line["model_name"] == NAME
        assert line["key"] == written["key"]
        assert line["unit"] == METRICS[line["key"]].unit
        assert (float(line["value"]) if line["value"] else None) == written["value"]
        assert (line["reason"] or None) == written["reason"]


def test_parquet_reads_back_equal(record: Record) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    sheet = record_sheet([record])
    table = parquet.read_table(io.BytesIO(to_parquet(sheet)))
    assert table.to_pylist() == list(sheet.named())
    assert table.schema.metadata == {b"schema": b"bitgauge.record/1"}
    assert str(table.schema.field("value").type) == "double"
    assert [field.name for field in table.schema if not field.nullable] == [
        column.name for column in RECORD_COLUMNS if not column.optional
    ]


def test_what_a_metric_says_has_the_same_columns_of_a_record_and_of_a_row() -> None:
    for columns in (RECORD_COLUMNS, TABLE_COLUMNS):
        names = [column.name for column in columns]
        at = names.index("key")
        assert names[at : at + len(OF_A_METRIC)] == OF_A_METRIC
        assert len(names) == len(set(names))
