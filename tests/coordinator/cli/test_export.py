"""`bitgauge export`, and `table` and `select` from what it wrote, as a user types them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import random
import sys
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.table import file as table_file
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.file import (
    TableFile,
    assembled,
    digest_of_run,
    from_json,
    to_json,
    without_paths,
)
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.exported import ExportedTable
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.exports.formats.markdown import to_markdown
from bitgauge.coordinator.exports.long_form import table_sheet
from bitgauge.coordinator.exports.table import exported
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from tests.labs.exported import HOSTS, PATH, SECRET, store_table

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_table(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def table(database: Path) -> TableFile:
    with Offline(database) as source:
        return exported(source)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a refused command prints."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("error: ")
    return printed.err.strip()


def written(database: Path, *words: str) -> bytes:
    assert run_command_line(["export", "--db", str(database), *words]) == 0
    return Path(words[-1]).read_bytes()


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


def ExportedTableOf(table: TableFile) -> ExportedTable:
    Path("of.json").write_bytes(to_json(table))
    return ExportedTable(Path("of.json"))


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


class ServedTable(lab_pb2_grpc.TableServicer):
    """Answers over the network what the database says."""

    def __init__(self, database: Path) -> None:
        self.database = database

    def Rows(self, request: Any, context: Any) -> Any:
        with Offline(self.database) as source:
            rows = source.table(from_wire(TableQuery, request.query))
            return lab_pb2.RowsResponse(rows=map(to_wire, rows))

    def Cells(self, request: Any, context: Any) -> Any:
        with Offline(self.database) as source:
            return lab_pb2.CellsResponse(cells=map(to_wire, source.cells()))


class ServedJobs(lab_pb2_grpc.JobsServicer):
    """Likewise."""

    def __init__(self, database: Path) -> None:
        self.database = database

    def ListDevices(self, request: Any, context: Any) -> Any:
        with Offline(self.database) as source:
            return lab_pb2.ListDevicesResponse(devices=map(to_wire, source.devices()))

    def GetRun(self, request: Any, context: Any) -> Any:
        with Offline(self.database) as source:
            return lab_pb2.GetRunResponse(run=to_wire(source.run(request.run_id)))


def test_a_coordinator_gives_the_same_export(database: Path, table: TableFile) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(2))
    served: list[Any] = [ServedTable, ServedJobs]  # other calls are not made
    lab_pb2_grpc.add_TableServicer_to_server(served[0](database), server)
    lab_pb2_grpc.add_JobsServicer_to_server(served[1](database), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(Endpoint(f"127.0.0.1:{port}", None, Path("token"))) as client:
            assert exported(client) == table
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize(
    "words",
    [
        ("table",),
        ("table", "--by", "device,recipe"),
        ("table", "--rows"),
        ("table", "--rows", "--model", "digits_cnn", "--batch", "64"),
        ("table", "--family", "int8", "--hardware", "cpu_only", "--model-class", "cnn"),
        ("table", "--model", "nobody"),
        ("select", "--model-class", "cnn", "--hardware", "cpu_only"),
        ("select", "--model-class", "mlp", "--hardware", "gpu_nvidia", "--batch", "8"),
        ("select", "--model-class", "cnn", "--hardware", "cpu_only", "--any-accuracy"),
    ],
)
def test_a_file_answers_as_its_database_does(
    database: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    written(database, "-o", "table.json")
    capsys.readouterr()
    assert run_command_line([*words, "--json", "--db", str(database)]) == 0
    asked = capsys.readouterr().out
    assert run_command_line([*words, "--json", "--from", "table.json"]) == 0
    answered = capsys.readouterr().out
    assert _numbers(json.loads(answered)) == _numbers(json.loads(asked))
    assert run_command_line([*words, "--from", "table.json"]) == 0
    assert "build-host-17" not in capsys.readouterr().out


def _numbers(value: Any) -> Any:
    """An answer without what an export renames, in no particular order of machines."""
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items() if not key.startswith("device")}
    if isinstance(value, list):
        return sorted((_numbers(one) for one in value), key=repr)
    if isinstance(value, str):
        plain = without_paths(value).replace("rpi5", "a processor, 4 cores")
        return plain.replace("build-host-17", "a processor, 2 cores")
    return value


def test_a_device_is_asked_by_its_other_name(
    database: Path, table: TableFile, capsys: pytest.CaptureFixture[str]
) -> None:
    written(database, "-o", "table.json")
    name = table.devices[0].name
    assert (
        run_command_line(["table", "--rows", "--from", "table.json", "--device", name, "--json"])
        == 0
    )
    rows = json.loads(capsys.readouterr().out)
    assert {row["device_name"] for row in rows} == {name}
    query = TableQuery(device=name)
    assert len(rows) == sum(matches(query, row) for row in table.rows) == 9


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda told: told["rows"][0].update(recipe="fp16"), "changed after it was exported"),
        (lambda told: told["rows"][1]["metrics"][0].update(value=0.1), "changed after"),
        (lambda told: told.pop("sha256"), "changed after it was exported"),
        (lambda told: told.update(schema="bitgauge.table/2"), "this Bitgauge reads"),
        (lambda told: told.update(schema="something/1"), "does not say schema"),
        (lambda told: told.update(schema=7), "does not say schema"),
    ],
)
def test_an_edited_or_newer_file_is_one_sentence(
    table: TableFile, edit: Edit, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(to_json(table))
    edit(told)
    Path("edited.json").write_text(json.dumps(told))
    for words in (["table"], ["select", "--model-class", "cnn", "--hardware", "cpu_only"]):
        assert run_command_line([*words, "--from", "edited.json"]) != 0
        assert expected in refused(capsys)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "it is no JSON"),
        (b"model_name,recipe\n", "it is no JSON"),
        (b"[1, 2]", "does not say schema"),
        (b"{}", "does not say schema"),
        (b"[" * 100_000, "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
    ],
)
def test_another_file_is_one_sentence(
    data: bytes, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other").write_bytes(data)
    assert run_command_line(["table", "--from", "other"]) == 2
    assert expected in refused(capsys)


def test_a_field_of_another_type_is_named(
    table: TableFile, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(to_json(table))
    told["rows"][2]["family"] = "int9"
    del told["sha256"]
    told["sha256"] = table_file._digest(told)
    Path("odd.json").write_text(json.dumps(told))
    assert run_command_line(["table", "--from", "odd.json"]) == 2
    assert "Invalid enum value 'int9' - at `$.rows[2].family`" in refused(capsys)


def test_a_folder_answers_from_the_table_in_it(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(database, "-o", "table.json")
    capsys.readouterr()
    said = []
    for place in ("table.json", "."):
        assert run_command_line(["table", "--from", place]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--from", "none.json"), "none.json cannot be read: No such file"),
        (("--from", "/"), "/ cannot be read: it is no plain file"),
        (("--from", "table.json", "--db", "store.db"), "both say where to read"),
        (("--from", "table.json", "--job", "j"), "rows and cells, and no jobs"),
    ],
)
def test_what_a_file_cannot_answer_is_one_sentence(
    database: Path, words: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    written(database, "-o", "table.json")
    capsys.readouterr()
    assert run_command_line(["table", *words]) != 0
    assert expected in refused(capsys)


def test_every_other_question_is_refused_by_name(table: TableFile) -> None:
    with ExportedTableOf(table) as source:
        for ask in (source.job, source.run, source.runs):
            with pytest.raises(Refused, match="rows and cells, and no") as caught:
                ask("x")
            assert caught.value.code is Code.NOT_IN_TABLE_FILE
        with pytest.raises(Refused, match="and no jobs"):
            source.jobs()


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


def test_an_empty_table_exports_in_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bitgauge.coordinator.store.store import Store

    path = tmp_path / "empty.db"
    Store.open(path).close()
    for name in ("table.json", "table.csv", "table.parquet", "table.md"):
        written(path, "-o", name)
    assert from_json(Path("table.json").read_bytes(), "t").rows == ()
    assert Path("table.csv").read_text().count("\n") == 1
    assert "Nothing was measured." in Path("table.md").read_text()
    assert run_command_line(["table", "--from", "table.json"]) == 0


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
    database: Path, words: tuple[str, ...], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("mine")
    assert run_command_line(["export", "--db", str(database), *words]) == 2
    assert expected in refused(capsys)
    assert [path.name for path in Path().iterdir()] == ["taken"]
    assert Path("taken").read_text() == "mine"


def test_a_missing_library_is_one_sentence(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run_command_line(["export", "--db", str(database), "-o", "table.parquet"]) == 1
    assert "Parquet needs pyarrow, which is not installed." in refused(capsys)
    assert not Path("table.parquet").exists()
