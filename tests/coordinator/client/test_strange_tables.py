"""Exported tables, suites and models of strangers: one sentence each, and little memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec
import pytest
from bitgauge.benchmarks.table.file import MAX_TABLE_FILE_BYTES
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.client.artifacts import local_artifact
from bitgauge.coordinator.client.exported import read_table
from bitgauge.coordinator.client.suites import MAX_SUITE_BYTES, read_suite

from tests.labs.hostile.peak import MAX_GROWTH_BYTES, Reading, readings

START = b'{"schema":"bitgauge.table/1","more":'


def told(**values: object) -> bytes:
    """A table whose digest is right, whatever it says."""
    said = {"schema": "bitgauge.table/1", **values}
    digest = hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
    return msgspec.json.encode({"sha256": digest, **said})


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nested": (START + b"[" * 1_000_000, "cannot be used as a table"),
    "many lists": (START + b"[" + b"[]," * 15_000_000 + b"[]]}", "30000004 values, 2000000 are"),
    "many records": (START + b'[{"a":1}' + b',{"a":1}' * 5_000_000 + b"]}", "values, 2000000 are"),
    "just below": (START + b'["a"' + b',"a"' * 1_900_000 + b"]}", "its digest is another one"),
    "a number": (b"9" * 100_000, "cannot be used as a table"),
    "wrong types": (
        told(devices=[], rows=[{"model_name": 5}], runs=[], cells=[]),
        "cannot be used as a table",
    ),
    "a text where rows are": (told(devices=[], rows="x", runs=[], cells=[]), "cannot be used"),
    "no object": (b"[]", "does not say schema"),
    "bytes in a text": (b'{"schema":"\x80"}', "cannot be used as a table"),
    "no text": (b"\xff\xfe" * 1000, "cannot be used as a table"),
    "an infinite number": (
        told(devices=[], rows=[], runs=[], cells=[]).replace(b'"rows":[]', b'"rows":[1e999]'),
        "cannot be used as a table",
    ),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    folder = tmp_path_factory.mktemp("tables")
    for name, (data, _) in HOSTILE.items():
        (folder / name).write_bytes(data)
    paths = [folder / name for name in HOSTILE]
    reader = "bitgauge.coordinator.client.exported:read_table"
    return dict(zip(HOSTILE, readings(reader, paths), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_strange_table_is_one_sentence_and_little_memory(
    name: str, found: dict[str, Reading]
) -> None:
    one = found[name]
    assert HOSTILE[name][1] in one.sentence, one
    assert one.code == Code.BAD_TABLE_FILE.value
    assert one.grown_bytes < MAX_GROWTH_BYTES
    assert "\n" not in one.sentence


def test_a_large_table_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "t.json").open("wb") as file:
        file.truncate(MAX_TABLE_FILE_BYTES + 1)
    with pytest.raises(BadInput, match="is larger than 67108864 bytes") as error:
        read_table(tmp_path / "t.json")
    assert error.value.code is Code.BAD_TABLE_FILE


def test_pipes_are_neither_tables_nor_suites_nor_models(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (
        lambda: read_table(tmp_path / "pipe"),
        lambda: read_suite(str(tmp_path / "pipe")),
        lambda: local_artifact(tmp_path / "pipe"),
    ):
        with pytest.raises(BadInput, match="no plain file"):
            read()


def test_a_large_suite_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(b"#" * (MAX_SUITE_BYTES + 1))
    with pytest.raises(BadInput, match="is larger than") as error:
        read_suite(str(tmp_path / "s.toml"))
    assert error.value.code is Code.BAD_SUITE
