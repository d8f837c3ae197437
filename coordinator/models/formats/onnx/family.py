"""The format family of most of the weights that a graph multiplies, by elements.

For files that were made by no known recipe. A weight is what a product reads that is the same at
every call, in the type in which the file keeps it; behind a quantizer and its way back, in the
type between the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from onnx import TensorProto

from .graph import Graph, attribute

_TYPES = {
    FormatFamily.FP32: ("FLOAT",),
    FormatFamily.FP16: ("FLOAT16",),
    FormatFamily.BF16: ("BFLOAT16",),
    FormatFamily.FP8: ("FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ"),
    FormatFamily.INT8: ("INT8", "UINT8"),
    FormatFamily.INT4: ("INT4", "UINT4"),
    FormatFamily.INT2: ("INT2", "UINT2"),
}
_FAMILIES = {
    TensorProto.DataType.Value(name): family
    for family, names in _TYPES.items()
    for name in names
    if name in TensorProto.DataType.keys()  # noqa: SIM118 (no mapping; older onnx lacks some)
}
_PRODUCTS = frozenset(
    {
        *("Conv", "ConvTranspose", "ConvInteger", "QLinearConv"),
        *("Gemm", "QGemm", "FusedGemm", "FusedConv"),
        *("MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul"),
        *("MatMulIntegerToFloat", "DynamicQuantizeMatMul"),
        *("RNN", "GRU", "LSTM", "DynamicQuantizeLSTM", "Attention", "QAttention"),
    }
)
_PACKED = "MatMulNBits"
"""Keeps its weights packed into bytes, and says in attributes how many there are of what width."""


def family_of(graph: Graph) -> FormatFamily | None:
    """The family of most of the multiplied weights; None when none has more than half of them."""
    sizes: Counter[FormatFamily | None] = Counter()
    for family, size in _weights(graph):
        sizes[family] += size
    if not sizes:
        return None
    family, size = sizes.most_common(1)[0]
    return family if 2 * size > sizes.total() else None


def _weights(graph: Graph) -> Iterator[tuple[FormatFamily | None, int]]:
    """Family (None: has no name) and elements of each weight, counted once."""
    makers = {name: node for node in graph.nodes for name in node.output}
    seen: set[str] = set()
    for node in graph.nodes:
        if node.op_type == _PACKED:
            sides = [attribute(node, side) or 0 for side in ("K", "N")]
            yield _of_width(attribute(node, "bits") or 4), int(np.prod(sides, dtype=np.float64))
        if node.op_type not in _PRODUCTS:
            continue
        for name in node.input:
            found = _root(graph, makers, name) if graph.is_constant(name) else None
            if found is None or found[0].name in seen or len(found[0].dims) < 2:
                continue
            tensor, kind = found
            seen.add(tensor.name)
            yield _FAMILIES.get(kind), int(np.prod(tensor.dims, dtype=np.float64))


def _root(graph: Graph, makers: dict[str, Any], name: str) -> tuple[Any, int] | None:
    """The constant that a fixed tensor is made of, and the narrowest type it goes through."""
    kind = None
    while name not in graph.constants:
        node = makers.get(name)
        if node is None or not node.input:
            return None
        if node.op_type == "QuantizeLinear" and kind is None:
            zero_point = graph.constants.get(node.input[2]) if len(node.input) > 2 else None
            kind = attribute(node, "output_dtype") or TensorProto.UINT8
            kind = kind if zero_point is None else zero_point.data_type
        name = node.input[0]
    tensor = graph.constants[name]
    return tensor, tensor.data_type if kind is None else kind


def _of_width(bits: int) -> FormatFamily | None:
    known = {family.value: family for family in FormatFamily}
    return known.get(f"int{bits}")
