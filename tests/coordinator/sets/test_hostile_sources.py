"""Sources that expand, never end or hide: one sentence each, and little memory."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack

import numpy as np
import pyarrow as pa
import pytest
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.sets import bounds
from bitgauge.coordinator.sets.base import SetOptions
from bitgauge.coordinator.sets.make import make_sets
from bitgauge.coordinator.sets.sources import tables, texts
from PIL import Image
from pyarrow import parquet

from tests.labs.hostile.peak import MAX_GROWTH_BYTES, Reading, readings

COLOURS = InputSpec("image", "float32", (None, 3, 4, 6))
NUMBERS = InputSpec("x", "float32", (None, 2))


def read(path: Path) -> None:
    """What `readings` calls in a child: the source of a name, for the model that it suits."""
    wanted = COLOURS if path.is_dir() else NUMBERS
    make_sets(path, [wanted], SetOptions())


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">L", len(data)) + kind + data + pack(">L", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """An image that says how large it is, and packs zeros well."""
    head = pack(">2L5B", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            chunk(b"IDAT", zlib.compress(bytes(1 << 20))),
            chunk(b"IEND", b""),
        )
    )


def image(data: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.mkdir()
        (path / "a.png").write_bytes(data)
        return path

    return make


def text(data: bytes, ending: str = ".csv") -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path = path.with_suffix(ending)
        path.write_bytes(data)
        return path

    return make


def columnar(table: pa.Table, **how: object) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path = path.with_suffix(".parquet")
        parquet.write_table(table, path, **how)
        return path

    return make


def large(path: Path) -> Path:
    path = path.with_suffix(".csv")
    with path.open("wb") as file:
        file.truncate(bounds.MAX_TABLE_BYTES + 1)
    return path


def postscript() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "EPS")
    return out.getvalue()


REPEATED = pa.table({"x": pa.array(["a" * 4_000_000]).take(pa.array([0] * 100)), "y": [1.0] * 100})
HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "huge image": (image(png(9000, 9000)), "9000 x 9000 pixels"),
    "larger image": (image(png(60_000, 60_000)), "is no image that can be read"),
    "image of another kind": (image(postscript()), "is no image that can be read"),
    "cut image": (image(png(9, 9)[:40]), "is no image that can be read"),
    "large table": (large, "is larger than 268435456 bytes"),
    "many columns": (text(b"a," * 20_000 + b"a\n1\n"), "20001 columns; 16384 columns"),
    "many columns behind a quoted line": (
        text(b'"\n",' + b"a," * 20_000 + b"a\n1\n"),
        "20002 columns",
    ),
    "long first line": (text((b"a" * 99 + b",") * 16_000), "first line is too long"),
    "long field": (text(b"x,y\n1," + b"1" * (4 << 20) + b"\n"), "is no table that can be read"),
    "many cells": (text(b"x,y\n" + b",\n" * 10_000_001), "more than 20000000 cells"),
    "unfinished quote": (text(b'x,y\n"' + b"1\n" * 100_000), "is no table"),
    "nested columns": (
        columnar(pa.table({"x": [[1.0, 2.0]], "y": [1.0]})),
        "column 'x' holds lists or records",
    ),
    "many samples": (
        columnar(pa.table({"x": np.zeros(1_000_001, np.int8)})),
        "holds more than 1000000 samples",
    ),
    "one text many times": (columnar(REPEATED), "texts of"),
    "cut columns": (text(b"PAR1" + b"\xff" * 99 + b"PAR1", ".parquet"), "is no table"),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reading]:
    folder = tmp_path_factory.mktemp("sources")
    paths = [make(folder / name.replace(" ", "-")) for name, (make, _) in HOSTILE.items()]
    module = "tests.coordinator.sets.test_hostile_sources:read"
    return dict(zip(HOSTILE, readings(module, paths), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_source_is_one_sentence_and_little_memory(
    name: str, found: dict[str, Reading]
) -> None:
    one = found[name]
    assert HOSTILE[name][1] in one.sentence, one
    assert one.code == Code.BAD_SOURCE.value
    assert one.grown_bytes < MAX_GROWTH_BYTES
    assert "\n" not in one.sentence


def test_pipes_and_devices_are_no_sources(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zeros.csv").symlink_to("/dev/zero")
    for path in (tmp_path / "pipe.csv", tmp_path / "zeros.csv"):
        for options in (SetOptions(), SetOptions(text="x")):
            with pytest.raises(BadInput, match="no plain file"):
                make_sets(path, [NUMBERS], options)
    folder = tmp_path / "photos"
    folder.mkdir()
    os.mkfifo(folder / "a.png")
    with pytest.raises(BadInput, match="is no source of samples"):
        make_sets(folder, [COLOURS], SetOptions())


def test_a_tokenizer_is_a_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tokenizer.json")
    (tmp_path / "a.txt").write_text("good")
    options = SetOptions(tokenizer=tmp_path / "tokenizer.json")
    with pytest.raises(BadInput, match="no plain file"):
        make_sets(tmp_path, [InputSpec("input_ids", "int64", (None, 4))], options)


def test_texts_are_bounded_each_and_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = InputSpec("input_ids", "int64", (None, 4))
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("good film")
    monkeypatch.setattr(texts, "MAX_TABLE_BYTES", 12)
    with pytest.raises(BadInput, match="have more than 12 bytes together"):
        make_sets(tmp_path, [spec], SetOptions())
    monkeypatch.setattr(texts, "MAX_TEXT_FILE_BYTES", 8)
    with pytest.raises(BadInput, match=r"a\.txt is larger than 8 bytes") as error:
        make_sets(tmp_path, [spec], SetOptions())
    assert error.value.code is Code.BAD_SOURCE
    with pytest.raises(BadInput, match="more than 32768 tokens"):
        texts._length([spec], SetOptions(length=bounds.LONGEST_TOKENS + 1))


def test_samples_that_would_not_fit_are_not_made(tmp_path: Path) -> None:
    folder = image(png(9, 9))(tmp_path / "photos")
    with pytest.raises(BadInput, match="would become 120000000000 bytes"):
        make_sets(folder, [COLOURS], SetOptions(size=(100_000, 100_000)))


def test_more_files_than_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_SAMPLES", 1)
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("good film")
    with pytest.raises(BadInput, match="holds more than 1 samples"):
        make_sets(tmp_path, [InputSpec("input_ids", "int64", (None, 4))], SetOptions())


def test_numbers_are_what_they_were(tmp_path: Path) -> None:
    path = columnar(pa.table({"x": [1, 2], "y": [0.5, float("nan")], "z": [True, False]}))(
        tmp_path / "t"
    )
    columns = tables.columns_of(path)
    assert tables._numbers(path, "x", columns).tolist() == [1.0, 2.0]
    assert np.isnan(tables._numbers(path, "y", columns)[1])
    assert tables._numbers(path, "z", columns).tolist() == [1.0, 0.0]
