"""The provider on the HTP simulator of two chips: how near to exact, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.devices import qualcomm
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.zoo import calibration_path
from onnx import TensorProto, helper, numpy_helper

ZOO = calibration_path().parent
WITH_HALVES, WITHOUT = "sm8550", "qcm6490"
CHIPS = (WITH_HALVES, WITHOUT)
STEPS = {"u8": 1, "s8": 1, "u16": 8}
"""Most that an answer is off, of 255 steps and of 65,535: sums are made narrower than 32 bits."""
TYPES = {"u8": TensorProto.UINT8, "s8": TensorProto.INT8, "u16": TensorProto.UINT16}


def options(chip: str, **further: str) -> SessionOptions:
    """Of a session on the simulated chip, as the agent gives them."""
    items = {"provider": "qnn"} | {f"provider.{name}": value for name, value in further.items()}
    return SessionOptions(
        further=tuple(StackItem(*one) for one in sorted(items.items())),
        device=qualcomm.describe(f"simulator-{chip}").stack,
    )


class Product:
    """One quantized product of matrices, and what integers give for it, step by step."""

    def __init__(self, folder: Path, kind: str, op_type: str = "MatMul") -> None:
        rng = np.random.default_rng(7)
        codes: Any = helper.tensor_dtype_to_np_dtype(TYPES[kind])
        info = np.iinfo(codes)
        self.zero = int(info.max + info.min + 1) // 2
        span = int(info.max) - int(info.min)
        self.x_scale, self.w_scale = np.float32(2.56 / span), np.float32(0.01)
        self.y_scale = np.float32(float(self.x_scale) * 0.01 * 2170)  # 40 of 255 steps a deviation
        self.codes = rng.integers(info.min, int(info.max) + 1, (4, 256)).astype(codes)
        self.weights = rng.integers(-127, 128, (256, 64)).astype(np.int8)
        self.path = folder / f"{kind}.onnx"
        constants: dict[str, npt.NDArray[Any]] = {
            "xs": np.array(self.x_scale),
            "xz": np.array(self.zero, codes),
            "w": self.weights,
            "ws": np.array(self.w_scale),
            "wz": np.array(0, np.int8),
            "ys": np.array(self.y_scale),
            "yz": np.array(self.zero, codes),
        }
        made = [
            helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xd"], name="xd"),
            helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], name="wd"),
            helper.make_node("MatMul", ["xd", "wd"], ["p"], name="product"),
            helper.make_node("QuantizeLinear", ["p", "ys", "yz"], ["y"], name="yq"),
        ]
        outputs = [helper.make_tensor_value_info("y", TYPES[kind], ["n", 64])]
        if op_type != "MatMul":
            made += [
                helper.make_node("DequantizeLinear", ["y", "ys", "yz"], ["yd"], name="yd"),
                helper.make_node("Reshape", ["yd", "square"], ["s"], name="square"),
                helper.make_node(op_type, ["s"], ["d"], name="planted"),
                helper.make_node("QuantizeLinear", ["d", "ys", "yz"], ["dq"], name="dq"),
            ]
            constants["square"] = np.array([-1, 8, 8])
            outputs.append(helper.make_tensor_value_info("dq", TYPES[kind], ["n"]))
        graph = helper.make_graph(
            made,
            "product",
            [helper.make_tensor_value_info("x", TYPES[kind], ["n", 256])],
            outputs,
            [numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        opsets = [helper.make_opsetid("", 21)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), self.path)

    @property
    def exact(self) -> npt.NDArray[np.int64]:
        sums = (self.codes.astype(np.int64) - self.zero) @ self.weights.astype(np.int64)
        real = sums * (float(self.x_scale) * float(self.w_scale) / float(self.y_scale))
        info = np.iinfo(self.codes.dtype)
        codes: npt.NDArray[np.float64] = np.clip(np.rint(real) + self.zero, info.min, info.max)
        return codes.astype(np.int64)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("kind", list(TYPES))
def test_integers_are_within_a_step_of_exact(chip: str, kind: str, tmp_path: Path) -> None:
    made = Product(tmp_path, kind)
    session = ort.load(made.path, replace(options(chip), batch=4))
    assert session.input_specs[0].shape == (4, 256)
    (answer,) = session.run({"x": made.codes})
    wrong = np.abs(answer.astype(np.int64) - made.exact)
    assert wrong.max() <= STEPS[kind]
    assert np.ptp(made.exact) > 100
    told = session.options_set()
    assert "qnn" in told["placed"]
    assert told["QNNExecutionProvider.offload_graph_io_quantization"] == "0"
    assert not any("/" in value for value in told.values()), told


def refused(path: Path, asked: SessionOptions) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        ort.load(path, asked)
    assert "\n" not in caught.value.sentence
    return caught.value


@pytest.mark.parametrize("chip", CHIPS)
def test_a_planted_operator_that_it_has_not_is_named(chip: str, tmp_path: Path) -> None:
    """onnxruntime itself would run it on the processor and name both providers."""
    error = refused(Product(tmp_path, "u8", "Det").path, options(chip))
    assert error.code is Code.FELL_BACK
    assert "Det 'planted'" in error.sentence


def test_half_precision_is_what_is_asked_for_alone_and_where_the_chip_has_it() -> None:
    """Unasked, the provider would compute a float32 model in it."""
    path = ZOO / "digits-mlp.onnx"
    with np.load(ZOO / "evaluation.npz") as file:
        feeds = {"pixels": file["inputs/pixels"][:1]}
    (wanted,) = ort.load(path, SessionOptions()).run(feeds)
    (half,) = ort.load(path, options(WITH_HALVES, precision="fp16")).run(feeds)
    off = float(np.abs(half - wanted).max() / np.abs(wanted).max())
    assert 1e-5 < off < 1e-2
    assert refused(path, options(WITHOUT, precision="fp16")).code is Code.UNSUPPORTED_ARTIFACT
    assert "computes in integers alone" in refused(path, options(WITHOUT)).sentence


def test_what_was_built_is_what_runs_next(tmp_path: Path) -> None:
    made = Product(tmp_path, "u8")
    first = replace(options(WITH_HALVES), batch=4, build_into=tmp_path / "built.onnx")
    answers = []
    for asked, built in (
        (first, "now"),
        (first, "before"),
        (replace(first, built_before=tmp_path / "built.onnx", build_into=None), "before"),
    ):
        session = ort.load(made.path, asked)
        assert session.options_set()["program built"] == built
        answers.append(session.run({"x": made.codes})[0].tobytes())
    assert len(set(answers)) == 1


def test_its_graph_shows_outputs_alone_beside_the_reference_on_the_processor(
    tmp_path: Path,
) -> None:
    made = Product(tmp_path, "u8")
    opened = ort.open_graph(made.path, replace(options(WITHOUT), batch=4), tmp_path)
    shown = opened.look({"x": made.codes})
    assert "no inner tensor" in shown.why_not
    assert set(shown.observe({"x": made.codes})) == {"x", "y"}
    own = opened.reference(made.path).observe({"x": made.codes})
    assert np.abs(own["y"].astype(int) - made.exact).max() <= 1
    with pytest.raises(BitgaugeError, match="profiler"):
        ort.open_profiled(made.path, options(WITHOUT), tmp_path)
