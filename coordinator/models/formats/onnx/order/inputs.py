"""Initializers that are listed as inputs too, as IR 3 wanted it, are constants alone.

A runtime must expect another value for what is an input, and folds and quantizes nothing of it.
"""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.numerics.onnx_operators import graphs

from .base import OrderTerms, copy_of

_FIRST_IR = 4
"""The first that lets an initializer stand alone."""


def finds(model: Any, _wanted: OrderTerms) -> str:
    """How many initializers are listed."""
    count = sum(len(_listed(graph)) for graph in graphs(model.graph))
    return f"initializers were listed as inputs: {count}" if count else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """Without them in the lists of inputs."""
    copy = copy_of(model)
    copy.ir_version = max(copy.ir_version, _FIRST_IR)
    for graph in graphs(copy.graph):
        listed = set(_listed(graph))
        kept = [value for value in graph.input if value.name not in listed]
        del graph.input[:]
        graph.input.extend(kept)
    return copy


def _listed(graph: Any) -> list[str]:
    own = {tensor.name for tensor in graph.initializer}
    return [value.name for value in graph.input if value.name in own]
