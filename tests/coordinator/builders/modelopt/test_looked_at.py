"""What ModelOpt made is looked at, and computes what its graph says.

The files lie in `built/`: ModelOpt has made them (`tests/labs/graphs/built_modelopt.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import modelopt, registry
from bitgauge.coordinator.builders._checks import onnx as check_of_onnx
from bitgauge.coordinator.builders._checks.onnx.widened import widened
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from onnx import helper, numpy_helper

from tests.labs.graphs import built_modelopt
from tests.labs.graphs.built_modelopt import BATCH, BUILT

Array = npt.NDArray[Any]
OFF = {"int8": 0.02, "fp8-": 0.05, "int4": 0.2, "fp16": 0.001, "bf16": 0.01}
"""How far outputs may be from the source's, root mean square over root mean square."""
STATIC = ("int8-modelopt_max-cal", "int8-modelopt_entropy-cal", "fp8-modelopt_max-cal")


def request(recipe: str, output: Path | None = None, batch: int = BATCH) -> BuildRequest:
    made = output or BUILT / f"dense-{recipe}.onnx"
    source, calibration = BUILT / "dense.onnx", BUILT / "calibration.npz"
    return BuildRequest(parse(recipe), source, made, calibration, batch, log=BuildLog())


def answered(path: Path, x: Array) -> Array:
    session = ort.load(path, SessionOptions(batch=len(x), further=(ort.EXACT_MODE,)))
    try:
        return session.run({"x": x})[0]
    finally:
        session.close()


def as_floats(model: Any, x: Array) -> Array:
    """The graph in float64, its codes as the numbers that they stand for."""
    known = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    known["x"] = x
    for node in model.graph.node:
        given = [known[name] for name in node.input]
        known[node.output[0]] = _computed(node, given)
    return np.asarray(known["y"])


def _computed(node: Any, given: list[Array]) -> Array:
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
        value, scale = np.asarray(given[0], np.float64), np.asarray(given[1], np.float64)
        scale = scale.reshape(-1, *(1,) * (value.ndim - 1 - axis)) if scale.ndim == 1 else scale
        if node.op_type == "DequantizeLinear":
            return value * scale
        if given[2].dtype == np.int8:
            return np.clip(np.rint(value / scale), -128, 127)
        return (value / scale).astype(np.float32).astype(ml_dtypes.float8_e4m3fn)
    if node.op_type == "MatMul":
        return np.asarray(given[0], np.float64) @ np.asarray(given[1], np.float64)
    return np.maximum(given[0], 0) if node.op_type == "Relu" else np.asarray(sum(given))


def test_the_source_and_the_packages_are_those_that_made_the_files() -> None:
    assert (BUILT / "dense.onnx").read_bytes() == built_modelopt.source()
    assert json.loads((BUILT / "made.json").read_text()) == {"lock": built_modelopt.lock_digest()}


@pytest.mark.parametrize("recipe", modelopt.RECIPES)
def test_a_sound_one_passes(recipe: str) -> None:
    words = check_of_onnx.check(request(recipe)).words
    assert words[0].startswith("2 of 2 products of matrices are quantized (100 %")
    assert any("widened" in one for one in words) == (recipe[:4] == "bf16")
    if recipe[:4] == "int8":
        assert "scales held against 64 calibration samples" in words


@pytest.mark.parametrize("recipe", modelopt.RECIPES)
def test_it_answers_as_its_source_does(recipe: str, tmp_path: Path) -> None:
    path = BUILT / f"dense-{recipe}.onnx"
    if recipe[:4] == "bf16":
        made = widened(onnx.load(str(path)))
        assert made is not None
        path = tmp_path / "wide.onnx"
        path.write_bytes(made.SerializeToString())
    x = built_modelopt.samples(BATCH).inputs["x"]
    expected, found = answered(BUILT / "dense.onnx", x), answered(path, x)
    off = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
    assert 0 < off <= OFF[recipe[:4]]


@pytest.mark.parametrize("recipe", STATIC)
def test_codes_are_computed_with_as_the_numbers_that_they_stand_for(recipe: str) -> None:
    """To the last bit but for sums in float32: products of codes are whole numbers."""
    path = BUILT / f"dense-{recipe}.onnx"
    model = onnx.load(str(path))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DequantizeLinear") == 4
    assert kinds.count("QuantizeLinear") == 2, "weights are stored as codes"
    x = built_modelopt.samples(BATCH).inputs["x"]
    assert np.allclose(answered(path, x), as_floats(model, x), rtol=0, atol=2e-5)


@pytest.mark.parametrize("recipe", STATIC)
def test_it_is_symmetric_and_has_float_biases_as_tensorrt_takes_it(recipe: str) -> None:
    model = onnx.load(str(BUILT / f"dense-{recipe}.onnx"))
    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type.endswith("QuantizeLinear"):
            assert not np.asarray(stored[node.input[2]], np.float32).any()
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            assert stored[node.input[1]].shape == (stored[node.input[0]].shape[1],)
        if node.op_type == "Add":
            assert stored[node.input[1]].dtype == np.float32


def test_what_is_not_the_source_s_is_refused(tmp_path: Path) -> None:
    model = onnx.load(str(BUILT / "dense-bf16-modelopt_autocast-cal.onnx"))
    for one in model.graph.initializer:
        if len(one.dims) == 2:
            values = numpy_helper.to_array(one)
            one.CopyFrom(numpy_helper.from_array(-values, one.name))
    spoilt = tmp_path / "spoilt.onnx"
    spoilt.write_bytes(model.SerializeToString())
    with pytest.raises(Unsupported, match="cannot be used"):
        check_of_onnx.check(request("bf16-modelopt_autocast-cal", spoilt))


def test_there_is_nothing_to_widen_without_bfloat16() -> None:
    assert widened(onnx.load(str(BUILT / "dense.onnx"))) is None
    kind = onnx.TensorProto.BFLOAT16
    ends = [helper.make_tensor_value_info(name, kind, [1]) for name in "xy"]
    node = helper.make_node("Identity", ["x"], ["y"])
    assert widened(helper.make_model(helper.make_graph([node], "g", ends[:1], ends[1:]))) is None


@pytest.mark.parametrize(
    ("recipe", "left", "words"),
    [
        ("int8-modelopt_max-cal", {"MatMul": 3}, "products of one row or column"),
        ("fp8-modelopt_max-cal", {"Conv": 2, "Gemm": 1}, "is all that there is: 2 Conv and 1 Gemm"),
        ("int4-modelopt_rtn", {"Conv": 5}, "constant weights alone. That is all"),
    ],
)
def test_nothing_quantized_is_no_artifact_and_the_sentence_says_why(
    recipe: str, left: dict[str, int], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MatMul of one row are taken by no tensor core: ModelOpt leaves them, and logs it at INFO."""
    told = {"quantized": 0, "left": left, "maker": "ModelOpt 0"}
    given: list[dict[str, Any]] = []

    def answer(_request: BuildRequest, _script: str, spec: dict[str, Any]) -> dict[str, Any]:
        given.append(spec)
        return told

    monkeypatch.setattr(modelopt, "run", answer)
    asked = request(recipe, tmp_path / "made", batch=1)
    with pytest.raises(Unsupported) as caught:
        modelopt.build(asked)
    assert words in caught.value.reason
    static = recipe != "int4-modelopt_rtn"
    assert given[0]["calls"] == ((1,) * 64 if static else ())
    assert asked.log.batch == (1 if static else 0), "another batch may take them"


def test_it_is_built_where_it_is_asked_for_and_never_by_all() -> None:
    usual = {str(one) for one in registry.usual_recipes(("onnx",), ("onnx",))}
    assert not usual & {*modelopt.RECIPES}
    for recipe in modelopt.RECIPES:
        assert registry.builder_for(parse(recipe), ("onnx",))[0] == "modelopt"
    assert "modelopt@" in registry.toolchain(parse(modelopt.RECIPES[0]))
