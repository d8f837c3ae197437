"""fp8-static: weights and activations as 8-bit floats, scales fixed by calibration, as Q/DQ pairs.

Symmetric, because the quantizer takes a Relu away that stands before a zero point, as it may for
integers whose lowest code is zero; an 8-bit float has negative codes. Only inputs of products are
quantized: the way in which the quantizer scales floats has no range for the output of a Softmax.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Granularity, Recipe, Scheme

from ._calibration import Reader, quantize_calibrated
from ._kept import nodes_left
from ._tools import require_operators
from .base import BuildRequest

VERSION = 1
MAKES = "onnx"
KEEPS = True
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "sympy")
_PRODUCTS = ["Conv", "Gemm", "MatMul"]


def accepts(recipe: Recipe) -> bool:
    """Every `fp8-static-e4m3...`: the one 8-bit float that onnxruntime's quantizer has."""
    return (
        recipe.family is FormatFamily.FP8
        and recipe.scheme is Scheme.STATIC
        and recipe.weight == "e4m3"
    )


def build(request: BuildRequest) -> None:
    """Calibrate on the whole set in its own order, then insert Q/DQ pairs around products.

    Raises:
        Unsupported: there is no calibration set, or nothing in the model to quantize.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    quantize_calibrated(request, lambda source, reader: _quantize(request, source, reader))
    require_operators(
        request,
        frozenset({"QuantizeLinear"}),
        "The model has no Conv, Gemm or MatMul for the static quantizer.",
    )


def _quantize(request: BuildRequest, source: Path, reader: Reader) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantType, quantize_static

    quantize_static(
        source,
        request.output,
        reader,
        op_types_to_quantize=_PRODUCTS,
        nodes_to_exclude=nodes_left(request, source),
        per_channel=request.recipe.granularity is Granularity.PER_CHANNEL,
        use_external_data_format=is_large(request.baseline),
        activation_type=QuantType.QFLOAT8E4M3FN,
        weight_type=QuantType.QFLOAT8E4M3FN,
        calibrate_method=CalibrationMethod.Distribution,
        calibration_providers=["CPUExecutionProvider"],
        extra_options={"ActivationSymmetric": True, "QuantizeBias": False},
    )
