"""int4-wo, int8-wo: MatMul weights of 4 or 8 bits, activations stay float32.

In blocks they become one operator, MatMulNBits. A scale per channel is what the quantizer knows of
4 bits alone, and writes as DequantizeLinear before the MatMul; for 8 bits the same is written here,
for Conv too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.external_data import save_model
from bitgauge.benchmarks.numerics.onnx_operators import graphs
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme

from ._kept import nodes_left
from ._tools import quiet_tools, require_float32, require_operators
from .base import BuildRequest, Unsupported

VERSION = 2
MAKES = "onnx"
KEEPS = True
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "onnx-ir")
_OPSET_WITH_INT4 = 21
_UNUSED = 128  # what the quantizer's constructor has for a block size
_BITS = {FormatFamily.INT4: 4, FormatFamily.INT8: 8}


_OPSET_WITH_AXIS = 13
"""The first in which DequantizeLinear has an axis."""
_MOST = 127
_AXES = {"Conv": 0, "ConvTranspose": 1, "MatMul": -1, "Gemm": -1}
"""Of the weight, along which the channels of the output lie."""


def accepts(recipe: Recipe) -> bool:
    """Every `int4-wo...` and `int8-wo...`."""
    return recipe.scheme is Scheme.WEIGHT_ONLY and recipe.family in _BITS


def _with_int4(model: Any) -> Any:
    """The model in an opset that has 4-bit tensors; the quantizer alone would change its number."""
    from onnx import version_converter

    opsets = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    if max(opsets, default=1) >= _OPSET_WITH_INT4:
        return model
    try:
        return version_converter.convert_version(model, _OPSET_WITH_INT4)
    except Exception as error:  # the converter has no class of its own
        raise Unsupported(
            f"4-bit weights per channel need opset {_OPSET_WITH_INT4}, and the model cannot be"
            f" brought there: {said(error, model)}."
        ) from error


def build(request: BuildRequest) -> None:
    """Quantize the weights of MatMuls that are constant, symmetric, by block or by channel.

    A Gemm is first taken apart into MatMul and Add by onnxruntime's own rewriter, which leaves
    a Gemm with a scaled or transposed activation as it is.

    Raises:
        Unsupported: the model has no such MatMul or Gemm.
    """
    recipe = request.recipe
    require_float32(request.baseline)
    if recipe.family is FormatFamily.INT8 and recipe.block is None:
        _in_bytes(request)
        return
    with quiet_tools():
        import onnx
        from onnxruntime.quantization import QuantFormat
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        by_channel = recipe.block is None
        model = onnx.load(str(request.baseline))
        quantizer = MatMulNBitsQuantizer(
            _with_int4(model) if by_channel else model,
            bits=_BITS[recipe.family],
            block_size=recipe.block or _UNUSED,
            is_symmetric=True,
            quant_format=QuantFormat.QDQ if by_channel else QuantFormat.QOperator,
            channel_wised_quantize=by_channel,
        )
        quantizer.model.replace_gemm_with_matmul()
        quantizer.nodes_to_exclude = set(nodes_left(request, quantizer.model.model))
        quantizer.process()
    model = quantizer.model.model
    save_model(model, request.output)
    require_operators(
        request,
        frozenset({"DequantizeLinear" if by_channel else "MatMulNBits"}),
        "The model has no MatMul or Gemm with a constant weight matrix to put into blocks.",
    )


def _in_bytes(request: BuildRequest) -> None:
    """Quantize each constant weight of a product, symmetric, by the largest of its channel.

    Raises:
        Unsupported: the model has no such weight, or its operators are too old.
    """
    import onnx

    model = onnx.load(str(request.baseline))
    opset = max((one.version for one in model.opset_import if not one.domain), default=1)
    if opset < _OPSET_WITH_AXIS:
        raise Unsupported(
            f"A scale per channel needs opset {_OPSET_WITH_AXIS}, and the model has {opset}."
        )
    left = {*nodes_left(request, model)}
    if not sum(_quantized(graph, left) for graph in graphs(model.graph)):
        raise Unsupported("The model has no product with a constant float32 weight.")
    save_model(model, request.output)


def _quantized(graph: Any, left: set[str]) -> int:
    """Put codes and a DequantizeLinear in the place of each weight; how many there were."""
    from onnx import helper, numpy_helper

    stored = {one.name: one for one in graph.initializer}
    added = []
    for name, at_axis in dict(_weights(graph, stored, left)).items():
        tensor = stored[name]
        values = numpy_helper.to_array(tensor)
        axis = at_axis % values.ndim
        others = tuple(at for at in range(values.ndim) if at != axis)
        largest = np.abs(values).max(axis=others)
        scales = np.where(largest > 0, largest / _MOST, 1).astype(np.float32)
        shape = [-1 if at == axis else 1 for at in range(values.ndim)]
        codes = np.rint(values / scales.reshape(shape)).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(codes, f"{name}_quantized"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scale"))
        # Without it the mode of exact kernels adds one of its own, of one element.
        zeros = numpy_helper.from_array(np.zeros_like(scales, np.int8), f"{name}_zero_point")
        graph.initializer.append(zeros)
        inputs = [f"{name}_quantized", f"{name}_scale", f"{name}_zero_point"]
        node = helper.make_node(
            "DequantizeLinear", inputs, [name], f"{name}_dequantized", axis=axis
        )
        added.append(node)
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return len(added)


def _weights(graph: Any, stored: dict[str, Any], left: set[str]) -> Iterator[tuple[str, int]]:
    """Weights that products alone read, all along one axis, and none that stays in float."""
    import onnx

    wanted: dict[str, set[int | None]] = {}
    for node in graph.node:
        for at, name in enumerate(node.input):
            fits = at == 1 and node.op_type in _AXES and node.name not in left
            wanted.setdefault(name, set()).add(_axis(node) if fits else None)
    for name, axes in wanted.items():
        tensor = stored.get(name)
        if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        (axis, *more) = axes
        if axis is not None and not more:
            yield name, axis


def _axis(node: Any) -> int:
    """The axis of a product's weight that its output has, too."""
    turned = any(one.name == "transB" and one.i for one in node.attribute)
    return 0 if turned else _AXES[node.op_type]
