"""An exported table answers as its database does, or refuses in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.table import file as table_file
from bitgauge.benchmarks.table.file import TableFile, to_json, without_paths
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.exports.table import exported
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from tests.labs.rooms.export import ExportedTableOf, written
from tests.labs.rooms.typed import Bitgauge

Edit = Callable[[dict[str, Any]], object]

pytestmark = pytest.mark.usefixtures("elsewhere")


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
    database: Path, words: tuple[str, ...], bitgauge: Bitgauge
) -> None:
    written(database, "-o", "table.json")
    asked = bitgauge(*words, "--json", "--db", database).out
    answered = bitgauge(*words, "--json", "--from", "table.json").out
    assert _numbers(json.loads(answered)) == _numbers(json.loads(asked))
    assert "build-host-17" not in bitgauge(*words, "--from", "table.json").out


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
    database: Path, table: TableFile, bitgauge: Bitgauge
) -> None:
    written(database, "-o", "table.json")
    name = table.devices[0].name
    rows = json.loads(
        bitgauge("table", "--rows", "--from", "table.json", "--device", name, "--json").out
    )
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
    table: TableFile, edit: Edit, expected: str, bitgauge: Bitgauge
) -> None:
    told = json.loads(to_json(table))
    edit(told)
    Path("edited.json").write_text(json.dumps(told))
    for words in (["table"], ["select", "--model-class", "cnn", "--hardware", "cpu_only"]):
        newer = expected == "this Bitgauge reads"
        assert expected in bitgauge.refuses(*words, "--from", "edited.json", code=2 - newer)


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
def test_another_file_is_one_sentence(data: bytes, expected: str, bitgauge: Bitgauge) -> None:
    Path("other").write_bytes(data)
    assert expected in bitgauge.refuses("table", "--from", "other")


def test_a_field_of_another_type_is_named(table: TableFile, bitgauge: Bitgauge) -> None:
    told = json.loads(to_json(table))
    told["rows"][2]["family"] = "int9"
    del told["sha256"]
    told["sha256"] = table_file._digest(told)
    Path("odd.json").write_text(json.dumps(told))
    assert "Invalid enum value 'int9' - at `$.rows[2].family`" in bitgauge.refuses(
        "table", "--from", "odd.json"
    )


def test_a_folder_answers_from_the_table_in_it(database: Path, bitgauge: Bitgauge) -> None:
    written(database, "-o", "table.json")
    said = []
    for place in ("table.json", "."):
        said.append(bitgauge("table", "--from", place).out)
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
    database: Path, words: tuple[str, ...], expected: str, bitgauge: Bitgauge
) -> None:
    written(database, "-o", "table.json")
    assert expected in bitgauge.refuses("table", *words, code=1 if "no jobs" in expected else 2)


def test_every_other_question_is_refused_by_name(table: TableFile) -> None:
    with ExportedTableOf(table) as source:
        for ask in (source.job, source.run, source.runs):
            with pytest.raises(Refused, match="rows and cells, and no") as caught:
                ask("x")
            assert caught.value.code is Code.NOT_IN_TABLE_FILE
        with pytest.raises(Refused, match="and no jobs"):
            source.jobs()
