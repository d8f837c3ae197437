"""Local functions become the nodes that they stand for: no quantizer looks into one."""

from __future__ import annotations

from typing import Any

from .base import OrderTerms


def finds(model: Any, _wanted: OrderTerms) -> str:
    """How many functions the model brings."""
    return f"local functions: {len(model.functions)}" if model.functions else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """With onnx's inliner, which also brings functions of another opset to the model's."""
    from onnx import inliner

    inlined = inliner.inline_local_functions(model, convert_version=True)
    used = {node.domain for node in inlined.graph.node} | {"", "ai.onnx"}
    local = {function.domain for function in model.functions} - used
    kept = [one for one in inlined.opset_import if one.domain not in local]
    del inlined.opset_import[:]
    inlined.opset_import.extend(kept)
    return inlined
