"""int4-wo, int8-wo: MatMul weights of 4 or 8 bits, activations stay float32.

In blocks they become one operator, MatMulNBits. A scale per channel is what the quantizer knows of
4 bits alone, and writes as DequantizeLinear before the MatMul.
"""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.external_data import save_model
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme

from ._kept import nodes_left
from ._tools import quiet_tools, require_float32, require_operators
from .base import BuildRequest, Unsupported

VERSION = 1
MAKES = "onnx"
KEEPS = True
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "onnx-ir")
_OPSET_WITH_INT4 = 21
_UNUSED = 128  # what the quantizer's constructor has for a block size
_BITS = {FormatFamily.INT4: 4, FormatFamily.INT8: 8}


def accepts(recipe: Recipe) -> bool:
    """Every `int4-wo...` and `int8-wo...` in blocks, and `int4-wo-pc`."""
    by_channel = recipe.family is FormatFamily.INT4 and recipe.granularity is not None
    return recipe.scheme is Scheme.WEIGHT_ONLY and (recipe.block is not None or by_channel)


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
