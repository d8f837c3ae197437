"""Rounding, clipping and kernels told apart on models whose loss is known by how they are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.tasks.loss_split import (
    LossStep,
    loss_steps,
    simulate,
    simulated_in_sandbox,
    without_ends,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

N, CLASSES = 240, 4


def model(scale: float | None, zero: int = 128, kind: str = "uint8") -> Any:
    """The largest of four inputs, through a pair of quantizers where a scale is given."""
    pair = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["codes"], "q"),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["again"], "dq"),
    ]
    shape: list[str | int | None] = ["N", CLASSES]
    graph = helper.make_graph(
        [
            *(pair if scale is not None else []),
            helper.make_node("MatMul", ["again" if scale else "x", "w"], ["logits"], "head"),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape)],
        [
            numpy_helper.from_array(np.eye(CLASSES, dtype=np.float32), "w"),
            *(
                [
                    numpy_helper.from_array(np.array(scale, np.float32), "scale"),
                    numpy_helper.from_array(np.array(zero, kind), "zero"),
                ]
                if scale is not None
                else []
            ),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def run(made: Any, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(made.SerializeToString())
    (found,) = session.run(None, {"x": x.astype(np.float32)})
    return np.asarray(found)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Samples whose two best are close at 0.3, or far beyond at 9 and 10."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, N)
    x = rng.uniform(-0.1, 0.1, (N, CLASSES))
    x[np.arange(N), labels] = np.where(np.arange(N) % 2, 0.32, 10.0)
    x[np.arange(N), (labels + 1) % CLASSES] = np.where(np.arange(N) % 2, 0.28, 9.0)
    ids = np.array([str(at) for at in range(N)])
    evaluation = EvaluationSet({"x": x.astype(np.float32)}, labels, ids)
    write_evaluation_set(tmp_path / "eval.npz", evaluation)
    onnx.save(model(None), str(tmp_path / "base.onnx"))
    return tmp_path


def steps(files: Path, made: Any, *, sandboxed: bool = False) -> dict[str, LossStep]:
    onnx.save(made, str(files / "built.onnx"))
    split = simulated_in_sandbox if sandboxed else simulate
    found = split(files / "base.onnx", files / "built.onnx", files / "eval.npz", "logits")
    device = np.array(list(found.coded)) == "1"
    device[:24] = False  # what a kernel spoiled
    return {one.name: one for one in loss_steps(found, device)}


def test_codes_too_coarse_lose_by_rounding(files: Path) -> None:
    found = steps(files, model(0.1), sandboxed=True)
    assert found["rounding"].delta_pp < -10
    assert found["clipping"].delta_pp == 0
    assert found["kernel"].delta_pp < -3
    whole = sum(one.delta_pp for one in found.values())
    assert whole == pytest.approx(found["kernel"].after_pct - found["rounding"].before_pct)


def test_a_range_too_narrow_loses_by_clipping(files: Path) -> None:
    found = steps(files, model(0.01))
    assert found["rounding"].delta_pp == 0
    assert found["clipping"].delta_pp < -10
    assert found["clipping"].high_pp < 0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-3, 3, width=16), min_size=CLASSES, max_size=CLASSES),
    st.sampled_from([("uint8", 0), ("uint8", 100), ("int8", 0), ("int8", -128), ("int8", 127)]),
)
def test_without_ends_nothing_within_the_codes_changes(
    row: list[float], type_of: tuple[str, int]
) -> None:
    kind, zero = type_of
    x, scale = np.array([row], np.float32), np.float32(0.015)
    made = model(float(scale), zero, kind)
    ends = np.iinfo(kind)
    low, high = (ends.min - zero) * scale, (ends.max - zero) * scale
    inside = (x >= low) & (x <= high)
    coded, free = run(made, x), run(without_ends(made), x)
    np.testing.assert_allclose(free[inside], coded[inside], atol=1e-6)
    beyond = (x > high + scale) & (high > 0)
    assert (free[beyond] > coded[beyond]).all()
    assert (free[x < 0] == 0).all() or low < 0  # an end at 0 stands for a Relu


def test_what_cannot_be_split_is_said(files: Path) -> None:
    with pytest.raises(BadInput, match="quantizes no activations by pairs"):
        steps(files, model(None))
    made = model(0.1)
    made.graph.initializer[1].CopyFrom(
        numpy_helper.from_array(np.full(CLASSES, 0.1, np.float32), "scale")
    )
    with pytest.raises(BadInput, match="not quantized by a pair with one constant scale"):
        steps(files, made)
