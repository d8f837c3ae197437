"""A model as onnx's own checker can judge it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_STANDARD = ("", "ai.onnx")
_OWN = "com.microsoft"
_BORROWED = frozenset({"SimplifiedLayerNormalization"})
"""Operators that ONNX Runtime has under the name of the standard, which lacks them
(onnxruntime/core/graph/contrib_ops/contrib_defs.cc); its builder of decoders writes them."""


def checkable(model: Any, nodes: Iterable[Any]) -> Any:
    """The model, or a copy with such operators in a domain that the checker passes over.

    Args:
        model: with all its graphs.
        nodes: every node of it.
    """
    if not any(map(_borrowed, nodes)):
        return model
    from bitgauge.benchmarks.numerics.onnx_operators import messages

    copy = type(model)()
    copy.CopyFrom(model)
    for node in filter(_borrowed, messages(copy, "NodeProto")):
        node.domain = _OWN
    if all(one.domain != _OWN for one in copy.opset_import):
        copy.opset_import.add(domain=_OWN, version=1)
    return copy


def _borrowed(node: Any) -> bool:
    return node.op_type in _BORROWED and node.domain in _STANDARD
