"""int8-dynamic: integer weights; the scale of each activation is computed while running."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Granularity, Recipe, Scheme

from ..models.recognise import inspect_model
from ._kept import nodes_left
from ._tools import on_preprocessed, quiet_tools, require_operators
from .base import BuildRequest, Unsupported

VERSION = 2
MAKES = "onnx"
KEEPS = True
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "sympy")
_RESULT = frozenset(
    {
        "MatMulInteger",
        "ConvInteger",
        "DynamicQuantizeMatMul",
        "DynamicQuantizeLSTM",
        "QAttention",
        "QEmbedLayerNormalization",
    }
)


def accepts(recipe: Recipe) -> bool:
    """Every `int8-dynamic...` with unsigned activations, as the operators have them."""
    return (
        recipe.family is FormatFamily.INT8
        and recipe.scheme is Scheme.DYNAMIC
        and recipe.activation == "u8"
    )


def build(request: BuildRequest) -> None:
    """Quantize the weights of MatMul, Gemm, Conv and LSTM.

    Raises:
        Unsupported: the model has none of them with constant weights, or none for which the
            quantizer knows a per-channel form when that was asked for.
    """
    recipe = request.recipe
    with quiet_tools():
        from onnxruntime.quantization import QuantType, quantize_dynamic

        def quantize(source: Path) -> None:
            quantize_dynamic(
                source,
                request.output,
                weight_type=QuantType.QInt8 if recipe.weight == "s8" else QuantType.QUInt8,
                nodes_to_exclude=nodes_left(request, source),
                per_channel=recipe.granularity is Granularity.PER_CHANNEL,
                reduce_range=recipe.reduced_range,
                use_external_data_format=is_large(request.baseline),
            )

        on_preprocessed(request, quantize)
    require_operators(
        request,
        _RESULT,
        "The model has no MatMul, Gemm, Conv or LSTM with constant weights to quantize.",
    )
    if recipe.granularity is Granularity.PER_CHANNEL:
        _require_per_channel(request)


def _require_per_channel(request: BuildRequest) -> None:
    """Onnxruntime ignores the wish for Conv, which would give two recipes one artifact."""
    made = inspect_model(request.output, "the artifact").recipe
    if made is not None and made.granularity is not Granularity.PER_CHANNEL:
        raise Unsupported("The dynamic quantizer has no per-channel form of this model's layers.")
