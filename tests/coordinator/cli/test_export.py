"""`bitgauge export`, and `table` and `select` from what it wrote, as a user types them."""

from __future__ import annotations

import csv
import dataclasses
import io
import random
import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.file import TableFile, assembled, digest_of_run, from_json, to_json
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.exports.formats.markdown import to_markdown
from bitgauge.coordinator.exports.long_form import table_sheet

from tests.labs.exported import HOSTS, PATH, SECRET
from tests.labs.rooms.export import ExportedTableOf, written
from tests.labs.rooms.typed import Bitgauge

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_an_export_reads_back_as_the_table_and_writes_the_same_again(
    database: Path, table: TableFile
) -> None:
    data = written(database, "-o", "table.json")
    assert from_json(data, "table.json") == table
    assert to_json(table) == data
    again = run_command_line(["export", "--from", "table.json", "-o", "again.json"])
    assert (again, Path("again.json").read_bytes()) == (0, data)


def test_machines_are_named_by_what_they_are(table: TableFile) -> None:
    text = to_json(table).decode() + to_markdown(table)
    for secret in (*HOSTS, SECRET, PATH, "somebody"):
        assert secret not in text
    assert [one.name for one in table.devices] == ["a processor, 2 cores", "a processor, 4 cores"]
    (failed,) = [row for row in table.rows if row.state.value == "failed"]
    assert failed.reason == "a processor, 4 cores could not load int4.onnx"


def test_two_machines_of_one_model_stay_two(database: Path) -> None:
    with Offline(database) as source:
        found = [view.description for view in source.devices()]
    from bitgauge.benchmarks.table.file import named

    alike = [dataclasses.replace(one, core_count=8) for one in found]
    names = {one.name for one in named(alike).values()}
    assert len(names) == len(alike)
    assert all(name.startswith("a processor, 8 cores (") for name in names)
    assert named(alike) == named(alike[::-1])


def test_the_cells_are_those_of_the_store(database: Path, table: TableFile) -> None:
    with Offline(database) as source:
        rows, stored = source.table(TableQuery()), source.cells()
    assert len(table.rows) == len(rows) == 20
    assert [cell.key for cell in stored] == [cell.key for cell in ExportedTableOf(table).cells()]
    ours = {cell.key: cell for cell in table.cells}
    for cell in stored:
        if cell.source is None:
            mine = ours[cell.key]
            assert (mine.recipe, mine.state) == (cell.recipe, cell.state)
            assert mine.best is not None
            assert cell.best is not None
            assert mine.best.metrics == cell.best.metrics
            assert mine.best.run_ids == cell.best.run_ids


def test_the_order_of_the_rows_makes_no_difference(table: TableFile) -> None:
    rows, runs = list(table.rows), list(table.runs)
    random.Random(1).shuffle(rows)
    random.Random(2).shuffle(runs)
    mixed = assembled(table.devices[::-1], tuple(rows), tuple(runs))
    assert to_json(mixed) == to_json(table)
    assert cells(table.rows) == table.cells


def test_every_run_has_a_digest_of_its_raw_files_and_numbers(
    database: Path, table: TableFile
) -> None:
    digests = {run.run_id: run.sha256 for run in table.runs}
    assert digests.keys() == {row.run_id for row in table.rows if row.run_id}
    with Offline(database) as source:
        run = source.run(next(row.run_id for row in table.rows if row.metrics) or "")
    assert digests[run.run_id] == digest_of_run(run.raw[::-1], run.metrics[::-1])
    other = (*run.metrics[1:], MetricValue("latency_ratio", 0.51))
    assert digests[run.run_id] != digest_of_run(run.raw, other)
    assert digests[run.run_id] != digest_of_run(run.raw[1:], run.metrics)


def test_csv_and_parquet_hold_every_metric_of_every_row(database: Path, table: TableFile) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    wanted = list(table_sheet(table).named())
    assert len(wanted) == sum(max(1, len(row.metrics)) for row in table.rows)
    written(database, "-o", "table.parquet")
    assert parquet.read_table("table.parquet").to_pylist() == wanted
    text = written(database, "--format", "csv", "-o", "table.txt").decode()
    found = list(csv.DictReader(io.StringIO(text)))
    assert [one["value"] for one in found] == [
        "" if one["value"] is None else repr(one["value"]) for one in wanted
    ]
    (failed,) = [one for one in found if one["state"] == "failed"]
    assert (failed["key"], failed["reason"]) == (
        "",
        "a processor, 4 cores could not load int4.onnx",
    )
    assert {one["unit"] for one in found if one["key"] == "latency_ratio"} == {
        METRICS["latency_ratio"].unit
    }


def test_markdown_shows_each_row_and_cell_once_and_keeps_its_columns(
    database: Path, table: TableFile
) -> None:
    text = written(database, "-o", "table.md").decode()
    assert text == to_markdown(table)
    grid = [line for line in text.splitlines() if line.startswith("|")]
    bare = [line.replace("\\|", "") for line in grid]
    assert {line.count("|") for line in bare} == {12, 14}
    shown = len(table.cells) + len(table.priors)
    assert sum(line.count("|") == 14 for line in bare) == shown + 2
    assert sum(line.count("|") == 12 for line in bare) == len(table.rows) + 2 * 2
    assert "other\\|cnn" in text
    assert "prior" in text


def test_an_empty_table_exports_in_every_format(tmp_path: Path, bitgauge: Bitgauge) -> None:
    from bitgauge.coordinator.store.store import Store

    path = tmp_path / "empty.db"
    Store.open(path).close()
    for name in ("table.json", "table.csv", "table.parquet", "table.md"):
        written(path, "-o", name)
    assert from_json(Path("table.json").read_bytes(), "t").rows == ()
    assert Path("table.csv").read_text().count("\n") == 1
    assert "Nothing was measured." in Path("table.md").read_text()
    bitgauge("table", "--from", "table.json")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--format", "xml"), "Unknown format 'xml'"),
        (("--format", "parquet"), "Parquet is no text; give -o FILE."),
        (("-o", "no/table.json"), "no/table.json cannot be written: No such file"),
        (("-o", "taken"), "taken exists; give --force"),
        (("-o", "table.xls"), "table.xls ends in .xls, which is no format; give one of .csv"),
    ],
)
def test_what_cannot_be_written_is_one_sentence_and_no_file(
    database: Path, words: tuple[str, ...], expected: str, bitgauge: Bitgauge
) -> None:
    Path("taken").write_text("mine")
    assert expected in bitgauge.refuses("export", "--db", database, *words)
    assert [path.name for path in Path().iterdir()] == ["taken"]
    assert Path("taken").read_text() == "mine"


def test_a_missing_library_is_one_sentence(
    database: Path, monkeypatch: pytest.MonkeyPatch, bitgauge: Bitgauge
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "Parquet needs pyarrow, which is not installed." in bitgauge.refuses(
        "export", "--db", database, "-o", "table.parquet", code=1
    )
    assert not Path("table.parquet").exists()
