"""Which recipe made an artifact, read from its graph.

How calibration found its ranges leaves no trace; minimum and maximum is assumed. Weights that
stay within 7 bits everywhere were made with reduced range.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import GraphForm, Recipe, parse
from onnx import TensorProto

from .graph import Graph, attribute

_TYPE_WORDS = {
    TensorProto.UINT8: "u8",
    TensorProto.INT8: "s8",
    TensorProto.UINT16: "u16",
    TensorProto.INT16: "s16",
    TensorProto.FLOAT8E4M3FN: "e4m3",
    TensorProto.FLOAT8E5M2: "e5m2",
    TensorProto.INT4: "4",
    TensorProto.UINT4: "4",
}
DOUBLE = "fp64"
"""What is no recipe: nothing of it is built or measured."""
_FLOATS = {
    TensorProto.FLOAT: "fp32",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.DOUBLE: DOUBLE,
}
_FLOAT_8 = ("e4m3", "e5m2")
# Where the integer operators keep a weight and its scale or, without one, its zero point.
_INTEGER_WEIGHTS = {
    "QLinearConv": (3, 4),
    "QLinearMatMul": (3, 4),
    "QGemm": (3, 4),
    "MatMulInteger": (1, 3),
    "ConvInteger": (1, 3),
    "MatMulIntegerToFloat": (1, 3),
    "DynamicQuantizeMatMul": (1, 2),
}
_OPERATORS = frozenset({"QLinearConv", "QLinearMatMul", "QGemm"})
"""Integer operators with the scales of their activations: the QOperator form."""
_WEIGHT_USERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "FusedMatMul", "FusedGemm"})
_DYNAMIC = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"})


@dataclass(frozen=True, slots=True)
class _Weight:
    """A quantized weight: its type word, whether it has many scales, whether 7 bits hold it."""

    word: str
    per_channel: bool
    reduced: bool
    block: int | None


def recognise(graph: Graph) -> Recipe | None:
    """The recipe that `graph` was made with; None when it mixes several or has no name."""
    operators = {node.op_type for node in graph.nodes}
    weights = list(_weights(graph))
    if "MatMulNBits" in operators:
        spelling = _blocks(graph)
    elif operators & _DYNAMIC:
        spelling = _scaled("int8-dynamic", "u8", weights)
    elif operators & {"QuantizeLinear", *_OPERATORS}:
        spelling = _static(graph, operators, weights)
    elif weights:
        spelling = _weights_alone(weights)
    else:
        spelling = widest_float(graph)
    if spelling == "int8-dynamic-u8s8-pt":
        spelling = "int8-dynamic"
    try:
        return parse(spelling.replace("int8-dynamic-u8s8-pt-rr", "int8-dynamic-rr"))
    except BadInput:
        return None


def _only(found: set[Any]) -> Any:
    """The one element, or None when there are several or none."""
    return next(iter(found)) if len(found) == 1 else None


def _static(graph: Graph, operators: set[str], weights: list[_Weight]) -> str:
    activation = _only({_activation_word(node, graph) for node in graph.nodes} - {None})
    start = "fp8-static" if activation in _FLOAT_8 else "int8-static"
    form = f"-{GraphForm.OPERATORS.value}" if operators & _OPERATORS else ""
    return _scaled(start, activation, weights) + form


def _scaled(start: str, activation: str | None, weights: list[_Weight]) -> str:
    word = _only({weight.word for weight in weights})
    types = word if activation in _FLOAT_8 and activation == word else f"{activation}{word}"
    granularity = "pc" if any(weight.per_channel for weight in weights) else "pt"
    reduced = "-rr" if weights and all(weight.reduced for weight in weights) else ""
    return f"{start}-{types}-{granularity}{reduced}"


def _weights_alone(weights: list[_Weight]) -> str:
    block = _only({weight.block for weight in weights})
    word = _only({weight.word for weight in weights}) or "unknown"
    if word in _FLOAT_8:
        return f"fp8-wo-{word}-{'pc' if any(one.per_channel for one in weights) else 'pt'}"
    by_channel = block is None and all(one.per_channel for one in weights)
    return f"int{word.lstrip('us')}-wo-{'pc' if by_channel else f'b{block}'}"


def _blocks(graph: Graph) -> str:
    nodes = [node for node in graph.nodes if node.op_type == "MatMulNBits"]
    bits = _only({attribute(node, "bits") or 4 for node in nodes})
    block = _only({attribute(node, "block_size") for node in nodes})
    return f"int{bits}-wo-b{block}"


def widest_float(graph: Graph) -> str:
    """The float type that holds most weights; a model without weights is fp32."""
    sizes: Counter[str] = Counter()
    for tensor in graph.constants.values():
        if tensor.data_type in _FLOATS:
            sizes[_FLOATS[tensor.data_type]] += int(np.prod(tensor.dims, dtype=np.float64))
    return sizes.most_common(1)[0][0] if sizes else "fp32"


def _activation_word(node: Any, graph: Graph) -> str | None:
    """Type of the codes that a node makes of an activation, or takes; None for every other node."""
    if node.op_type in _OPERATORS:
        return None if graph.is_constant(node.input[0]) else _zero_point_word(graph, node)
    if node.op_type != "QuantizeLinear" or graph.is_constant(node.input[0]):
        return None
    zero_point = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    kind = attribute(node, "output_dtype") if zero_point is None else zero_point.data_type
    return _TYPE_WORDS.get(kind or TensorProto.UINT8, "unknown")


def _weights(graph: Graph) -> Iterator[_Weight]:
    """Quantized weights of dense and convolutional operators."""
    users: dict[str, set[str]] = {}
    makers = {name: node for node in graph.nodes for name in node.output}
    for node in graph.nodes:
        for name in node.input:
            users.setdefault(name, set()).add(node.op_type)
    for node in graph.nodes:
        if node.op_type in _INTEGER_WEIGHTS:
            at, scale_at = _INTEGER_WEIGHTS[node.op_type]
            weight = _weight(graph, node, at, scale_at)
        elif node.op_type == "DequantizeLinear" and _is_weight(graph, node.output[0], users):
            weight = _weight(graph, makers.get(node.input[0], node), 0, 1, node)
        else:
            weight = None
        if weight is not None:
            yield weight


def _is_weight(graph: Graph, name: str, users: Mapping[str, set[str]]) -> bool:
    """Whether a tensor is a factor of a product, also after its axes are exchanged."""
    found = users.get(name, set())
    if found == {"Transpose"}:
        turned = (one for one in graph.nodes if one.op_type == "Transpose" and one.input[0] == name)
        found = {user for one in turned for user in users.get(one.output[0], set())}
    return bool(found & _WEIGHT_USERS)


def _weight(
    graph: Graph, node: Any, at: int, scale_at: int, dequantize: Any = None
) -> _Weight | None:
    """The weight at input `at` of `node`, or None when it is no constant matrix."""
    if len(node.input) <= max(at, 0) or node.input[at] not in graph.constants:
        return None
    tensor = graph.constants[node.input[at]]
    if len(tensor.dims) < 2:
        return None
    scale = graph.constants.get(node.input[scale_at]) if len(node.input) > scale_at else None
    scales = int(np.prod(scale.dims)) if scale is not None else 1
    block = _block(tensor, dequantize) if dequantize is not None else None
    word = _TYPE_WORDS.get(tensor.data_type)
    if word is None and node.op_type == "QuantizeLinear":
        word = _zero_point_word(graph, node)  # a float weight behind its own Q/DQ pair
    return _Weight(word or "unknown", scales > 1, _fits_7_bits(graph, tensor), block)


def _block(tensor: Any, dequantize: Any) -> int | None:
    """Elements that share a scale along the axis; None where they are all of them."""
    block = attribute(dequantize, "block_size") or None
    axis = attribute(dequantize, "axis")
    length = tensor.dims[1 if axis is None else axis]
    return None if block is None or block >= length else int(block)


def _zero_point_word(graph: Graph, node: Any) -> str | None:
    zero_point = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
    return None if zero_point is None else _TYPE_WORDS.get(zero_point.data_type)


def _fits_7_bits(graph: Graph, tensor: Any) -> bool:
    """Whether an 8-bit weight stays within the range that reduced range gives it."""
    limits = {TensorProto.INT8: (-64, 64), TensorProto.UINT8: (0, 127)}
    if tensor.data_type not in limits:
        return False
    low, high = limits[tensor.data_type]
    values = graph.values(tensor)
    return bool(values.size and values.min() >= low and values.max() <= high)
