"""int4-wo, int8-wo: MatMul weights in blocks of 4 or 8 bits, activations stay float32."""

from __future__ import annotations

from bitgauge.benchmarks.numerics.external_data import save_model
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme

from ._tools import quiet_tools, require_float32, require_operators
from .base import BuildRequest

VERSION = 1
MAKES = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "onnx-ir")
_BITS = {FormatFamily.INT4: 4, FormatFamily.INT8: 8}


def accepts(recipe: Recipe) -> bool:
    """Every `int4-wo...` and `int8-wo...` in blocks."""
    return recipe.scheme is Scheme.WEIGHT_ONLY and recipe.block is not None


def build(request: BuildRequest) -> None:
    """Replace MatMuls that have a constant weight by MatMulNBits, symmetric, block by block.

    A Gemm is first taken apart into MatMul and Add by onnxruntime's own rewriter, which leaves
    a Gemm with a scaled or transposed activation as it is.

    Raises:
        Unsupported: the model has no such MatMul or Gemm.
    """
    recipe = request.recipe
    require_float32(request.baseline)
    with quiet_tools():
        import onnx
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(
            onnx.load(str(request.baseline)),
            bits=_BITS[recipe.family],
            block_size=recipe.block,
            is_symmetric=True,
        )
        quantizer.model.replace_gemm_with_matmul()
        quantizer.process()
    model = quantizer.model.model
    save_model(model, request.output)
    require_operators(
        request,
        frozenset({"MatMulNBits"}),
        "The model has no MatMul or Gemm with a constant weight matrix to put into blocks.",
    )
