"""The layers of an ONNX file that multiply matrices, by their names."""

from __future__ import annotations

from pathlib import Path

import onnx

from .graph import Graph

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def product_names(path: Path) -> tuple[str, ...]:
    """Names of the file's products of matrices, in its order; those without a name are left out."""
    graph = Graph(onnx.load(path, load_external_data=False))
    return tuple(node.name for node in graph.nodes if node.op_type in _PRODUCTS and node.name)
