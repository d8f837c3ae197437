"""How much of a tflite file is quantized: its products, each by how it computes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bitgauge.benchmarks.common.tflite.tables import FileOperator, FileTensor
from bitgauge.benchmarks.vocabulary.recipes import Scheme

from ....models.formats.tflite.graph import PRODUCTS, LiteGraph
from .._share import MatrixProduct, Share

_ACTIVATION_AT = {"TRANSPOSE_CONV": 2, "CONV_3D_TRANSPOSE": 2}
_FIRST = 0
_DEPTH_LAST = ("DEPTHWISE_CONV_2D",)
_SMALL = ("FLOAT16", "BFLOAT16")


def share(graph: LiteGraph, scheme: Scheme | None) -> Share:
    """The products of a built file.

    Args:
        graph: its tables.
        scheme: of the recipe: with one that computes in integers, a product that reads its small
            weights back into floats is not what was asked for.
    """
    return Share(tuple(_products(graph, scheme)))


def _products(graph: LiteGraph, scheme: Scheme | None) -> Iterator[MatrixProduct]:
    for one in graph.operators:
        if one.kind not in PRODUCTS:
            continue
        given = graph.tensors[one.inputs[_ACTIVATION_AT.get(one.kind, _FIRST)]]
        weight, widened = weight_of(graph, one)
        yield MatrixProduct(
            one.kind, _work(graph, one, weight), _skipped(given, weight, scheme, widened=widened)
        )


def weight_of(graph: LiteGraph, product: FileOperator) -> tuple[FileTensor | None, bool]:
    """The largest stored tensor behind a product, and whether it is read back into floats first."""
    found = ((graph.tensors[at], widened) for at, widened in graph.stored(product).items())
    return max(found, key=lambda one: one[0].elements, default=(None, False))


def _skipped(
    given: FileTensor, weight: FileTensor | None, scheme: Scheme | None, *, widened: bool
) -> str:
    """Why a product is not quantized as the recipe says; "" where it is."""
    integers = given.quantized
    if weight is None:
        return "" if integers else "no constant weight"
    if weight.kind == "FLOAT32":
        return "left by the quantizer"
    if scheme is None or scheme is Scheme.WEIGHT_ONLY:
        return ""
    if widened:
        return "computes in float: its weights are read back first"
    if scheme is Scheme.STATIC and not integers:
        return "computes the scales of its inputs while running"
    return ""


def _work(graph: LiteGraph, product: FileOperator, weight: FileTensor | None) -> int | None:
    """Multiplications of a call of the batch that the file states; None where that is not told."""
    made = graph.tensors[product.outputs[0]].open_shape
    count = math.prod(size or 1 for size in made)
    if weight is None:
        depth = graph.tensors[product.inputs[0]].open_shape[-1:]
        return count * depth[0] if depth and depth[0] else None
    channels = made[-1]
    if product.kind == "BATCH_MATMUL" or not channels or weight.elements % channels:
        given = graph.tensors[product.inputs[0]].open_shape[-1:]
        return count * given[0] if given and given[0] else None
    return count * (weight.elements // channels)
