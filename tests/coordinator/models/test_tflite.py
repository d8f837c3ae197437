"""What a tflite file is, by its schema, and that no bytes make more of it than a sentence."""

from __future__ import annotations

import contextlib
import random
import struct
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.models.base import OutputSpec
from bitgauge.coordinator.models.formats import tflite
from bitgauge.coordinator.models.recognise import inspect_model, kind_of

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from tests.labs.graphs import lite


def written(folder: Path, model: lite.Lite | bytes) -> Path:
    path = folder / "model.tflite"
    path.write_bytes(model if isinstance(model, bytes) else model.encoded())
    return path


def test_a_dense_network_is_recognised(tmp_path: Path) -> None:
    path = written(tmp_path, lite.mlp())
    assert kind_of(path) == "tflite"
    found = inspect_model(path)
    assert found.inputs == (InputSpec("pixels", "float32", (1, 1, 8, 8)),)
    assert found.outputs == (OutputSpec("logits", "float32", (1, 10)),)
    assert found.operator_counts == {"FULLY_CONNECTED": 3, "RESHAPE": 1}
    assert (found.model_class, str(found.recipe)) == (ModelClass.MLP, "fp32")
    assert found.family is FormatFamily.FP32
    assert found.parameter_count == 64 * 512 + 512 * 512 + 512 * 10 + 512 + 512 + 10


def test_codes_that_stand_for_numbers_are_numbers_to_callers(tmp_path: Path) -> None:
    found = inspect_model(written(tmp_path, lite.doubled(scale=0.5)))
    assert found.inputs == (InputSpec("x", "float32", (None, 4)),)
    assert found.recipe is None, "it computes in integers"
    plain = inspect_model(written(tmp_path, lite.doubled()))
    assert str(plain.recipe) == "fp32"


def test_weights_of_8_bits_make_a_file_of_int8(tmp_path: Path) -> None:
    """Also where they are widened before they are multiplied."""
    model = lite.mlp()
    at = next(k for k, one in enumerate(model.tensors) if one.name.endswith(".weight"))
    weight = model.tensors[at]
    assert weight.data is not None
    codes = replace(weight, name="codes", dtype="int8", data=weight.data.astype(np.int8), scale=1.0)
    tensors = [replace(one, data=None) if k == at else one for k, one in enumerate(model.tensors)]
    widened = replace(
        model,
        tensors=(*tensors, codes),
        operators=(lite.Operator("DEQUANTIZE", ("codes",), (weight.name,)), *model.operators),
    )
    found = inspect_model(written(tmp_path, widened))
    assert found.operator_counts["DEQUANTIZE"] == 1
    assert found.recipe is None
    assert found.format_family in (FormatFamily.INT8, FormatFamily.FP32)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lite.doubled(signatures=("encode", "decode")), "2 signatures, encode, decode"),
        (b"\x1c\0\0\0TFL3" + bytes(64), "schema version 0|damaged"),
        (b"\xff\xff\xff\x7fTFL3", "damaged"),
        (lite.mlp().encoded()[:200], "damaged"),
    ],
    ids=["signatures", "zeros", "offset", "cut"],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, model: lite.Lite | bytes, words: str
) -> None:
    with pytest.raises(BitgaugeError, match=words) as caught:
        inspect_model(written(tmp_path, model), "Artifact m.tflite")
    assert caught.value.code is Code.BAD_MODEL
    assert caught.value.sentence.startswith("Artifact m.tflite")


def test_a_count_that_lies_is_refused_before_it_is_believed(tmp_path: Path) -> None:
    """The bytes of a vector's length say two thousand million tensors."""
    data = bytearray(lite.doubled().encoded())
    for at in range(8, len(data) - 4, 4):
        if struct.unpack_from("<I", data, at)[0] == 2:
            struct.pack_into("<I", data, at, 0x7FFFFFFF)
    with pytest.raises(BitgaugeError):
        inspect_model(written(tmp_path, bytes(data)))


def test_flipped_bytes_are_facts_or_a_sentence(tmp_path: Path) -> None:
    seen = random.Random(20261130)
    whole = lite.doubled(scale=0.5).encoded()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(seen.randint(1, 6)):
            data[seen.randrange(len(data))] = seen.randrange(256)
        if not tflite.recognises(bytes(data[:8])):
            continue
        with contextlib.suppress(BitgaugeError):  # anything else fails the test
            assert inspect_model(written(tmp_path, bytes(data))).size_bytes == len(whole)


def test_a_coordinator_without_the_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(BitgaugeError, match=r"pip install 'bitgauge\[litert\]'") as caught:
        inspect_model(written(tmp_path, lite.empty()))
    assert caught.value.code is Code.RUNTIME_MISSING
