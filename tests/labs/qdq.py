"""Small QDQ models on full-range codes: one MatMul or Conv between quantized tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.sets import EvaluationSet
from onnx import TensorProto, helper, numpy_helper

from .integer import TYPES

SAMPLES = 64


@dataclass(frozen=True)
class Qdq:
    """What to build.

    Attributes:
        op_type: `MatMul` or `Conv`.
        activation: `u8` or `s8`.
        weight: `u8` or `s8`.
        per_channel: scales of the weights.
        relu: between the operator and its quantized output.
        symmetric: put the output's zero point in the middle of its range.
        seven_bits: keep weights within -64 and 63.
        quantize_output: whether the output is quantized at all.
    """

    op_type: str = "MatMul"
    activation: str = "u8"
    weight: str = "s8"
    per_channel: bool = False
    relu: bool = False
    symmetric: bool = False
    seven_bits: bool = False
    quantize_output: bool = True


def build(what: Qdq, path: Path, seed: int = 1) -> EvaluationSet:
    """Write the model to `path`; returns inputs that use the whole range of codes."""
    rng = np.random.default_rng(seed)
    conv = what.op_type == "Conv"
    channels, width = 64, 64
    shape = (width, channels, 3, 3) if conv else (channels * 4, width)
    depth = channels * 9 if conv else channels * 4
    signed = what.weight == "s8"
    kind = TYPES[what.weight][0]
    low, high = (-128, 128) if signed else (0, 256)
    if what.seven_bits:
        low, high = -64, 64
    weights = rng.integers(low, high, shape).astype(kind)
    scales = np.full(width if what.per_channel else (), 0.01, np.float32)
    zeros = np.full(scales.shape, 0 if signed else 128, kind)
    codes = TYPES[what.activation][0]
    info = np.iinfo(codes)
    middle = int(info.max + info.min + 1) // 2
    zero = info.min if what.relu and not what.symmetric else middle
    y_scale = 0.01 * 0.01 * np.sqrt(depth) * (25 if what.seven_bits else 50)
    constants: dict[str, npt.NDArray[Any]] = {
        "x_scale": np.array(0.01, np.float32),
        "x_zero": np.array(info.min, codes),
        "w": weights,
        "w_scale": scales,
        "w_zero": zeros,
        "y_scale": np.array(y_scale, np.float32),
        "y_zero": np.array(zero, codes),
    }
    axis: dict[str, Any] = {"axis": 0 if conv else 1} if what.per_channel else {}
    attributes: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]} if conv else {}
    made = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_QuantizeLinear_Output"]),
        helper.make_node(
            "DequantizeLinear", ["x_QuantizeLinear_Output", "x_scale", "x_zero"], ["x_d"]
        ),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["w_d"], **axis),
        helper.make_node(what.op_type, ["x_d", "w_d"], ["product"], name="layer", **attributes),
    ]
    last = "product"
    if what.relu:
        made.append(helper.make_node("Relu", [last], ["relu"]))
        last = "relu"
    if what.quantize_output:
        made += [
            helper.make_node(
                "QuantizeLinear", [last, "y_scale", "y_zero"], ["y_QuantizeLinear_Output"]
            ),
            helper.make_node(
                "DequantizeLinear", ["y_QuantizeLinear_Output", "y_scale", "y_zero"], ["y"]
            ),
        ]
    else:
        made.append(helper.make_node("Identity", [last], ["y"]))
    inner = (channels, 8, 8) if conv else (channels * 4,)
    graph = helper.make_graph(
        made,
        "qdq",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *inner])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width, *inner[1:]])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13)]
    path.write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    )
    size = (SAMPLES // 8 if conv else SAMPLES, *inner)
    x: npt.NDArray[np.float32] = (rng.integers(0, 256, size) * 0.01).astype(np.float32)
    return EvaluationSet({"x": x}, None, np.array([str(index) for index in range(len(x))]))
