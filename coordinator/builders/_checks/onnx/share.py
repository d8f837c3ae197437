"""How much of a model a build has quantized: products of matrices, by operator and by work.

Of a built graph as it stands, inner graphs and functions included; a runtime may do more or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.multiplications import multiplications
from bitgauge.benchmarks.numerics.onnx_operators import form_of

from .._share import MatrixProduct, Share
from .graph import all_nodes, constants

_INTEGER = {
    "MatMulInteger": 1,
    "ConvInteger": 1,
    "QLinearConv": 3,
    "QLinearMatMul": 3,
    "QGemm": 3,
    "MatMulIntegerToFloat": 1,
    "DynamicQuantizeMatMul": 1,
    "DynamicQuantizeLSTM": 1,
    "MatMulNBits": 1,
    "QAttention": 1,
}
_FLOAT = {
    "Conv": 1,
    "FusedConv": 1,
    "ConvTranspose": 1,
    "MatMul": 1,
    "FusedMatMul": 1,
    "Gemm": 1,
    "FusedGemm": 1,
    "LSTM": 1,
    "GRU": 1,
    "RNN": 1,
    "Attention": 1,
}
"""Which input is the weight."""
_SAME = frozenset({"DequantizeLinear", "Transpose", "Reshape", "Identity", "Cast", "Squeeze"})
LEFT = "left by the quantizer"
"""Why a product with constant weights is float that could have been quantized."""
_SMALL = ("float16", "bfloat16")


def tensors_needed(model: Any) -> tuple[str, ...]:
    """Tensors of the main graph whose shapes say how much work a product is."""
    wanted = dict.fromkeys(
        name
        for node in model.graph.node
        if node.op_type in _FLOAT or node.op_type in _INTEGER
        for name in (node.input[0], next((one for one in node.output if one), ""))
        if name
    )
    stored = constants(model).keys() | {value.name for value in model.graph.input}
    return tuple(name for name in wanted if name not in stored)


def share(model: Any, values: Mapping[str, npt.NDArray[Any]]) -> Share:
    """The products of a built model.

    Args:
        model: the decoded artifact.
        values: of `tensors_needed` and of the inputs, in one call; of those that are known.
    """
    fixed = constants(model)
    makers = {name: node for node, _ in all_nodes(model) for name in node.output}
    return Share(tuple(_products(model, fixed, makers, values)))


def _products(
    model: Any,
    fixed: Mapping[str, Any],
    makers: Mapping[str, Any],
    values: Mapping[str, npt.NDArray[Any]],
) -> Iterator[MatrixProduct]:
    shapes = {name: tuple(tensor.dims) for name, tensor in fixed.items()}
    shapes |= {name: value.shape for name, value in values.items()}
    for node, inner in all_nodes(model):
        at = _INTEGER.get(node.op_type, _FLOAT.get(node.op_type))
        if at is None or len(node.input) <= at:
            continue
        weight = _weight(node.input[at], fixed, makers)
        given = values.get(node.input[0])
        both = [makers[name].op_type for name in node.input[:2] if name in makers]
        half = given is not None and given.dtype == np.float16
        done = node.op_type in _INTEGER or both == ["DequantizeLinear"] * 2
        why = "" if done or (weight is None and half) else _skipped(weight, inner)
        yield MatrixProduct(str(node.op_type), _work(node, weight, shapes), why, str(node.name))


def _weight(name: str, fixed: Mapping[str, Any], makers: Mapping[str, Any]) -> Any:
    """The stored tensor behind an input, or None."""
    for _ in range(8):
        if name in fixed:
            return fixed[name]
        node = makers.get(name)
        if node is None or not node.input:
            return _constant(node)
        if node.op_type not in _SAME:
            return None
        name = node.input[0]
    return None


def _constant(node: Any) -> Any:
    if node is None or node.op_type != "Constant":
        return None
    return next((item.t for item in node.attribute if item.name == "value"), None)


def _skipped(weight: Any, inner: str) -> str:
    """Why a product that no integer operator makes is not quantized; "" where it is."""
    if weight is None:
        return "no constant weight"
    dtype = _dtype(weight)
    if dtype in _SMALL or dtype not in ("float32", "float64"):
        return ""
    if inner:
        return f"inside {inner}"
    return "float64 weights" if dtype == "float64" else LEFT


def _dtype(tensor: Any) -> str:
    from onnx import helper

    return str(np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).name)


def _work(node: Any, weight: Any, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Multiplications of one call; None where shapes are not known."""
    names = [str(name) for name in node.input]
    at = _INTEGER.get(node.op_type, _FLOAT.get(node.op_type, 1))
    known = dict(shapes)
    if weight is not None:
        known[names[at]] = tuple(weight.dims)
    output = str(next((name for name in node.output if name), ""))
    op_type = str(node.op_type)
    return multiplications(form_of(op_type), names, output, (names[0], names[at]), known) or None
