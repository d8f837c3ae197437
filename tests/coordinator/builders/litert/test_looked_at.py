"""A built tflite file is looked at before a device sees it.

The files lie in `built/`: LiteRT's quantizer has made them (`tests/labs/graphs/built_lite.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from bitgauge.benchmarks.quality.sets import write_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders._checks.tflite import check
from bitgauge.coordinator.builders._lite import LiteInterpreter
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

from tests.labs.graphs import built_lite
from tests.labs.graphs.built_lite import BUILT, DENSE
from tests.labs.graphs.lite import Lite, Operator, Tensor

Array = npt.NDArray[Any]
CALIBRATION = BUILT / "calibration.npz"
OFF = {"int4": 0.25, "int8": 0.03, "fp16": 0.002}
"""How far outputs may be from the source's; each steps of its size."""


def request(name: str, recipe: str, calibration: Path | None = CALIBRATION) -> BuildRequest:
    output = BUILT / f"{name}-{recipe}.tflite"
    return BuildRequest(parse(recipe), BUILT / f"{name}.tflite", output, calibration)


def instead(folder: Path, asked: BuildRequest, data: bytes) -> BuildRequest:
    output = folder / "artifact"
    output.write_bytes(data)
    return BuildRequest(asked.recipe, asked.baseline, output, asked.calibration)


def _held(buffer: Any) -> bytes:
    return b"" if buffer.data is None else bytes(buffer.data)


def test_the_sources_and_the_packages_are_those_that_made_the_files() -> None:
    for name in built_lite.MADE:
        assert (BUILT / f"{name}.tflite").read_bytes() == built_lite.source(name)
    assert json.loads((BUILT / "made.json").read_text()) == {"lock": built_lite.lock_digest()}


@pytest.mark.parametrize("recipe", DENSE)
def test_a_sound_one_passes_and_answers_as_its_source_does(recipe: str) -> None:
    asked = request("dense", recipe)
    words = check(asked).words
    assert words[0] == ("2 of 2 products of matrices are quantized (100 % of the multiplications)")
    seen = ("scales held against 64 calibration samples",) if "static" in recipe else ()
    assert words[1:] == seen
    both = [LiteInterpreter(path.read_bytes()) for path in (asked.baseline, asked.output)]
    values = built_lite.samples(16).inputs["x"]
    pairs = [(one.run({"x": row[None]})["y"] for one in both) for row in values]
    expected, found = (np.concatenate(side) for side in zip(*pairs, strict=True))
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) <= OFF[recipe[:4]]


def test_integers_at_the_border_answer_as_floats_do() -> None:
    floats, integers = (
        LiteInterpreter(request("dense", f"int8-static-s8s8-pc{end}").output.read_bytes())
        for end in ("", "-io")
    )
    x = built_lite.samples(1).inputs["x"]
    assert np.array_equal(floats.run({"x": x})["y"], integers.run({"x": x})["y"])


def in_blocks(folder: Path, *, spoilt: bool = False) -> tuple[BuildRequest, Array]:
    """A dense layer whose rows have a scale for each 32 weights, beside its float twin."""
    codes = np.random.default_rng(5).integers(-7, 8, (8, 64)).astype(np.int8)
    scales = np.repeat(np.array([0.02, 0.06], np.float16), 32)
    weights = (codes * scales).astype(np.float32)
    floats = Tensor("w", codes.shape, data=weights)
    held = codes[::-1] if spoilt else codes
    narrow = Tensor("w", codes.shape, "int4", held, (0.02, 0.06), block=32)
    for name, held_as in (("model", floats), ("made", narrow)):
        sides = (Tensor("x", (1, 64)), held_as, Tensor("y", (1, 8)))
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        dense = Operator("FULLY_CONNECTED", ("x", "w"), ("y",), options)
        (folder / name).write_bytes(Lite(sides, (dense,), ("x",), ("y",)).encoded())
    recipe = parse("int4-dynamic-s8s4-b32")
    return BuildRequest(recipe, folder / "model", folder / "made"), weights


def test_a_kernel_that_is_wrong_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    """LiteRT's own kernels forget the Relu of a layer in blocks, and say nothing."""
    asked, weights = in_blocks(tmp_path)
    words = check(asked).words
    x = np.random.default_rng(6).normal(size=(1, 64)).astype(np.float32)
    kinds = [LiteInterpreter(asked.output.read_bytes(), as_it_stands=own) for own in (False, True)]
    exact = np.maximum(x @ weights.T, 0)
    off = [np.abs(one.run({"x": x})["y"] - exact).max() for one in kinds]
    assert off[0] < 0.05
    told = [one for one in words if one.startswith("LiteRT's delegate answers as the model does")]
    assert bool(told) == (off[1] > 0.5)
    with pytest.raises(Unsupported, match="'y' of FULLY_CONNECTED is off by"):
        check(in_blocks(tmp_path, spoilt=True)[0])


def test_four_bits_that_the_quantizer_left_in_float_are_no_build() -> None:
    with pytest.raises(
        Unsupported, match=r"nothing was quantized: 2 BATCH_MATMUL \(left by the quantizer\)"
    ):
        check(request("products", "int4-dynamic-s8s4-pc"))


def test_scales_per_channel_that_a_kernel_does_not_read_are_found_at_the_layer() -> None:
    """LiteRT's kernels take one scale for the matrix, so that its outputs are nonsense."""
    with pytest.raises(Unsupported, match=r"'h' of BATCH_MATMUL is off by \d+ % of its size"):
        check(request("products", "int8-static-s8s8-pc"))


def test_one_that_kept_most_of_its_bytes_is_none_of_integers() -> None:
    with pytest.raises(
        Unsupported, match=r"keeps 9\d % of the model's size, .*: 1 BATCH_MATMUL \(left by"
    ):
        check(request("mixed", "int4-dynamic-s8s4-pc"))


def test_a_scale_that_calibration_did_not_set_is_found(tmp_path: Path) -> None:
    little = built_lite.samples()
    little.inputs["x"] /= 100
    write_evaluation_set(tmp_path / "little.npz", little)
    with pytest.raises(Unsupported, match="did not set the scale of the input 'x': its range"):
        check(request("dense", "int8-static-s8s8-pc", tmp_path / "little.npz"))


def test_a_weight_that_is_not_the_model_s_is_found_at_its_layer(tmp_path: Path) -> None:
    asked = request("dense", "int8-static-s8s8-pc")
    data = asked.output.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    size = built_lite.HIDDEN * built_lite.CLASSES
    (weights,) = (bytes(one.data) for one in model.buffers if len(_held(one)) == size)
    assert data.count(weights) == 1
    other = data.replace(weights, weights[::-1])
    with pytest.raises(Unsupported, match="'y' of FULLY_CONNECTED is off by"):
        check(instead(tmp_path, asked, other))


def test_a_file_that_does_not_load_is_said_so(tmp_path: Path) -> None:
    asked = request("dense", "int8-wo-pc")
    broken = asked.output.read_bytes().replace(b"TFL3", b"TFL9", 1)
    with pytest.raises(Unsupported, match="cannot be used: it does not load"):
        check(instead(tmp_path, asked, broken))


def test_other_outputs_are_found(tmp_path: Path) -> None:
    asked = request("dense", "int8-wo-pc")
    other = asked.output.read_bytes().replace(b"y\0\0\0", b"z\0\0\0")
    with pytest.raises(Unsupported, match="its outputs are z, the model's y"):
        check(instead(tmp_path, asked, other))


def test_without_a_calibration_set_samples_are_made_up() -> None:
    assert check(request("dense", "int8-dynamic-s8s8-pc", None)).calibration_samples is None
