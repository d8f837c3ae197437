"""OpenVINO on the zoo: it computes in what was asked for, and tells which kernels it took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.zoo import calibration_path
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

pytest.importorskip("openvino", reason="NOT RUN: openvino is not installed here")

from bitgauge.agents.runtimes import openvino

ZOO = calibration_path().parent
MODELS = ("digits-mlp", "digits-cnn", "digits-transformer")
ROUNDING = 2e-5
"""Largest difference of logits of up to 20 that sums of float32 in another order make."""

Array = npt.NDArray[Any]


def pixels(count: int) -> dict[str, Array]:
    with np.load(ZOO / "evaluation.npz") as file:
        return {"pixels": file["inputs/pixels"][:count]}


def options(**further: str) -> SessionOptions:
    return SessionOptions(further=tuple(StackItem(*one) for one in sorted(further.items())))


def off(model: str | Path, feeds: dict[str, Array], **further: str) -> float:
    """The largest difference from ONNX Runtime's float answer."""
    path = ZOO / f"{model}.onnx" if isinstance(model, str) else model
    own = openvino.load(path, options(**further))
    wanted = ort.load(path, SessionOptions())
    pairs = zip(own.run(feeds), wanted.run(feeds), strict=True)
    assert own.output_names == wanted.output_names
    if not further:
        assert own.input_specs == wanted.input_specs
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def built(recipe: str, model: str, folder: Path) -> Path:
    path = folder / f"{model}.{recipe}.onnx"
    request = BuildRequest(parse(recipe), ZOO / f"{model}.onnx", path, calibration_path())
    registry.builder_for(request.recipe, ("onnx",))[1].build(request)
    return path


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("further", [{}, {"shapes": "static"}])
def test_its_float_row_computes_in_float(model: str, further: dict[str, str]) -> None:
    assert off(model, pixels(1), **further) < ROUNDING


def test_bfloat16_is_what_is_asked_for_alone() -> None:
    """It is the library's own default where the processor has it."""
    if all(one.name != "precision" for one in openvino.TRAITS.options):
        pytest.skip("this processor has no bfloat16")
    assert off("digits-cnn", pixels(8), precision="bf16") > 100 * ROUNDING
    told = openvino.load(ZOO / "digits-cnn.onnx", options(precision="bf16")).options_set()
    assert (told["precision"], told["INFERENCE_PRECISION_HINT"]) == ("bf16", "bf16")


def test_weights_alone_in_integers_leave_activations_in_float(tmp_path: Path) -> None:
    path = built("int4-wo-b32", "digits-transformer", tmp_path)
    assert off(path, pixels(8)) < ROUNDING
    assert off(path, pixels(8), dynamic_quantization="32") > 100 * ROUNDING


@pytest.mark.parametrize("further", [{"precision": "f16"}, {"shape": "static"}, {"x": "1"}])
def test_an_option_that_it_has_not_is_refused_by_name(further: dict[str, str]) -> None:
    with pytest.raises(BitgaugeError, match="no option") as caught:
        openvino.load(ZOO / "digits-mlp.onnx", options(**further))
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((1, 1, 8, 8), np.float64),
        np.zeros((1, 1, 8, 8), np.int8),
        np.zeros((1, 1, 8, 9), np.float32),
        np.zeros((1, 64), np.float32),
    ],
)
def test_an_input_of_another_type_or_size_is_one_sentence(given: Array) -> None:
    session = openvino.load(ZOO / "digits-cnn.onnx", SessionOptions())
    for call in (session.run, session.bind):
        with pytest.raises(BitgaugeError, match="'pixels' takes float32") as caught:
            call({"pixels": given})
        assert caught.value.code is Code.RUN_FAILED


@pytest.mark.parametrize("what", ["nothing", "a part", "another kind"])
def test_a_file_that_it_cannot_take_is_one_sentence(what: str, tmp_path: Path) -> None:
    whole = (ZOO / "digits-cnn.onnx").read_bytes()
    other = (ZOO / "digits-cnn.tflite").read_bytes()
    path = tmp_path / "artifact"
    path.write_bytes({"nothing": b"", "a part": whole[:300_000], "another kind": other}[what])
    with pytest.raises(BitgaugeError) as caught:
        openvino.load(path, SessionOptions())
    assert caught.value.code is Code.BAD_MODEL
    assert "\n" not in caught.value.sentence
    assert str(tmp_path) not in caught.value.sentence


def test_integers_are_told_by_the_kernels_that_compute_them(tmp_path: Path) -> None:
    """All products of a quantized network are counted, and none of the float one."""
    path = built("int8-static-u8s8-pc", "digits-cnn", tmp_path)
    coverage = {}
    for one in (path, ZOO / "digits-cnn.onnx"):
        shown = openvino.open_graph(one, SessionOptions(), tmp_path).look(pixels(4))
        builder = LedgerBuilder(shown.facts, 1)
        builder.add(shown.observe(pixels(4)), 4, 4)
        ledger = builder.ledger(shown.exposure)
        coverage[one] = ledger.int_coverage
        assert ledger.claims_integer == (one == path)
        assert [row.macs for row in ledger.operators] == [18432, 1179648, 1179648, 2359296, 1280]
        kinds = {"Convolution.u8s8.const"} if one == path else set()
        assert set(ledger.executed) == kinds
    assert coverage == {path: 1.0, ZOO / "digits-cnn.onnx": 0.0}


def test_its_profile_names_the_kernel_of_each_operator(tmp_path: Path) -> None:
    path = built("int8-static-u8s8-pc", "digits-cnn", tmp_path)
    session = openvino.open_profiled(path, SessionOptions(), tmp_path)
    found = session.profile([pixels(1)], warm=3, most=30, budget_ns=10**9)
    products = [one for one in found.operators if one.op_type == "Convolution.i8"]
    assert len(products) == 5
    assert all("i8" in one.provider.lower() for one in products)
    assert all(one.role == "integer" for one in products)
    assert all(one.inputs.startswith("u8[") for one in products)
    assert found.total_ns > 0
