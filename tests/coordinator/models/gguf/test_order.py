"""A model in half precision becomes the same in float32: every value, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.common.gguf.header import GgufTensor, read_header
from bitgauge.coordinator.models.formats.gguf.order import out_of_order, put_in_order
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.decoders.gguf import Gguf, tiny

EVERY = np.arange(1 << 16, dtype="<u2")
"""Every value that two bytes can be."""


def filled(kind: str) -> Gguf:
    whole = tiny(kind, width=256)
    tensors = [
        replace(one, data=np.resize(EVERY, one.shape[::-1]).tobytes()) if one.type == kind else one
        for one in whole.tensors
    ]
    return replace(whole, tensors=tensors).with_values(note="kept", tags=["as", "they", "were"])


def values_of(path: Path, one: GgufTensor) -> bytes:
    with path.open("rb") as file:
        file.seek(one.offset)
        return file.read(one.size_bytes)


def widened(kind: str, data: bytes) -> bytes:
    if kind == "f16":
        return np.frombuffer(data, "<f2").astype("<f4").tobytes()
    pairs = np.frombuffer(data, "<u2")
    return np.stack([np.zeros_like(pairs), pairs], axis=1).tobytes()


@pytest.mark.parametrize(("kind", "word"), [("f16", "float16"), ("bf16", "bfloat16")])
def test_every_value_is_kept(kind: str, word: str, tmp_path: Path) -> None:
    path, made = filled(kind).write(tmp_path / "m.gguf"), tmp_path / "made.gguf"
    assert out_of_order(path, "m") == (f"9 tensors of {word} widened to float32",)
    put_in_order(path, "m", made)
    assert out_of_order(made, "made") == ()
    before, after = read_header(path, "m"), read_header(made, "made")
    assert [(one.name, one.shape) for one in before.tensors] == [
        (one.name, one.shape) for one in after.tensors
    ]
    assert {one.type.name for one in after.tensors} == {"f32"}
    for old, new in zip(before.tensors, after.tensors, strict=True):
        data = values_of(path, old)
        expected = widened(kind, data) if old.type.name == kind else data
        assert values_of(made, new) == expected, old.name
    kept = {**before.metadata.values, "general.file_type": 0}
    assert after.metadata.values == kept
    assert after.metadata.tokens == before.metadata.tokens
    found = inspect_model(made, "made")
    assert str(found.recipe) == "fp32"
    assert found.decoder == inspect_model(path, "m").decoder


def test_equal_files_come_out_equal(tmp_path: Path) -> None:
    path = filled("f16").write(tmp_path / "m.gguf")
    for name in ("one", "other"):
        put_in_order(path, "m", tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("kind", ["f32", "q8_0"])
def test_what_is_no_half_stays(kind: str, tmp_path: Path) -> None:
    assert out_of_order(tiny(kind).write(tmp_path / "m.gguf"), "m") == ()
