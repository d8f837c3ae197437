"""Weights that Constant nodes hold become initializers, where quantizers look for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from bitgauge.benchmarks.numerics.onnx_operators import graphs

from .base import OrderTerms, copy_of

_SMALLEST = 16
"""Elements of a tensor from which on it counts as a weight; smaller ones are shapes and factors."""


def finds(model: Any, _wanted: OrderTerms) -> str:
    """How many Constant nodes hold weights."""
    count = sum(_weights(graph) for graph in graphs(model.graph))
    return f"weights in Constant nodes: {count}" if count else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """With onnx_ir's pass; once there is one, every constant goes the same way."""
    import onnx_ir as ir
    from onnx_ir.passes.common import LiftConstantsToInitializersPass

    lift = LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=1)
    return ir.serde.serialize_model(lift(ir.serde.deserialize_model(copy_of(model))).model)


def _weights(graph: Any) -> int:
    outputs = {value.name for value in graph.output}
    return sum(
        _is_weight(node)
        for node in graph.node
        if node.op_type == "Constant" and not node.domain and node.output[0] not in outputs
    )


def _is_weight(node: Any) -> bool:
    import onnx

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    return any(
        item.name == "value"
        and item.t.data_type in floats
        and np.prod(item.t.dims, dtype=np.float64) >= _SMALLEST
        for item in node.attribute
    )
