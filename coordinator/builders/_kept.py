"""Layers that a recipe leaves in float: found in the model, and in what a tool made of it."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import kept_names

from .base import BuildRequest, Unsupported

MOST_FLOAT = 0.5
"""Share of the multiplied weights up to which a build is still one of its recipe."""
_RENAMED = ("", "/MatMulAddFusion", "_MatMul")
"""What onnxruntime's tools append to the name of a node that they rewrite."""


def nodes_left(request: BuildRequest, source: Path | Any) -> list[str]:
    """The nodes of `source`, a file or a model, that the quantizer is to leave in float.

    Raises:
        BadInput: BAD_RECIPE, the model has no node of a name.
        Unsupported: most of the weights would stay in float, or a tool has made another node of
            what was named.
    """
    wanted = kept_names(request.recipe)
    if not wanted:
        return []
    import onnx

    baseline = onnx.load(str(request.baseline), load_external_data=False).graph
    by_name = {str(node.name): node for node in baseline.node if node.name}
    for name in wanted:
        if name not in by_name:
            near = get_close_matches(name, by_name, 1, 0.0) or ["none"]
            raise BadInput(
                Code.BAD_RECIPE,
                f"The model has no node called {name!r} to leave in float; the nearest is"
                f" {near[0]!r}.",
            )
    _require_some_left(baseline, [by_name[name] for name in wanted], request)
    model = onnx.load(str(source), load_external_data=False) if isinstance(source, Path) else source
    found: list[str] = []
    for name in wanted:
        own = _same(by_name[name], baseline, model.graph)
        if not own:
            raise Unsupported(
                f"The node {name!r} is none of its own after preprocessing, and so cannot be left"
                " in float alone."
            )
        found += own
    return found


def _same(node: Any, baseline: Any, graph: Any) -> list[str]:
    """What became of a node: by its name, by its weights, or by what it makes."""
    weights = {str(one.name) for one in baseline.initializer if len(one.dims) > 1} & {*node.input}
    outputs = {str(name) for name in node.output if name}
    names = {f"{node.name}{end}" for end in _RENAMED}
    found = [
        str(one.name)
        for one in graph.node
        if one.name and (one.name in names or weights & {*one.input} or outputs & {*one.output})
    ]
    # The quantizers take a Gemm apart first, and look for what is left out by the new name.
    return [*found, *(f"{name}_MatMul" for name in found)]


def _require_some_left(graph: Any, kept: list[Any], request: BuildRequest) -> None:
    """Refuse where most of the multiplied weights would stay in float."""
    sizes = {
        str(one.name): int(np.prod(one.dims, dtype=np.int64))
        for one in graph.initializer
        if len(one.dims) > 1
    }

    def weights(nodes: Any) -> int:
        return sum(
            sizes[name] for name in {name for one in nodes for name in one.input if name in sizes}
        )

    multiplied = [
        one for one in graph.node if one.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")
    ]
    total, left = weights(multiplied), weights(kept)
    if total and left > MOST_FLOAT * total:
        raise Unsupported(
            f"It would leave {100 * left / total:.0f} % of the multiplied weights in float, which"
            f" is no {request.recipe.family.value}; name fewer layers."
        )
