"""int8-static: integer weights and activations, scales fixed by calibration.

As Q/DQ pairs or, in the QOperator form, as integer operators. Activations of 16 bits are Q/DQ pairs
alone: there is no integer operator that takes them.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import (
    Granularity,
    GraphForm,
    RangeMethod,
    Recipe,
    Scheme,
)

from ._calibration import Reader, quantize_calibrated
from ._kept import nodes_left
from ._tools import require_operators
from .base import BuildRequest

VERSION = 2
MAKES = "onnx"
KEEPS = True
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "sympy")
TYPES = (("u8", "s8"), ("s8", "s8"), ("u8", "u8"))
WIDE_TYPES = (("u16", "s8"), ("s16", "s8"))
_MADE = {
    None: frozenset({"QuantizeLinear"}),
    GraphForm.OPERATORS: frozenset({"QLinearConv", "QLinearMatMul", "QGemm"}),
}
"""Operators of which one shows that something was quantized."""


def accepts(recipe: Recipe) -> bool:
    """Every `int8-static...` in a pair of types that onnxruntime's quantizer offers."""
    types = TYPES if recipe.form is GraphForm.OPERATORS else (*TYPES, *WIDE_TYPES)
    return (
        recipe.family is FormatFamily.INT8
        and recipe.scheme is Scheme.STATIC
        and (recipe.activation, recipe.weight) in types
        and recipe.form is not GraphForm.INTEGER_BORDER
    )


def build(request: BuildRequest) -> None:
    """Calibrate on the whole set in its own order, then quantize.

    Activations are quantized asymmetrically, so that after a Relu the zero point sits at the
    lowest code and the Relu itself can go.

    Raises:
        Unsupported: there is no calibration set, or nothing in the model to quantize.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    quantize_calibrated(request, lambda source, reader: _quantize(request, source, reader))
    require_operators(
        request,
        _MADE[request.recipe.form],
        "The model has no operator that the static quantizer takes.",
    )


def _quantize(request: BuildRequest, source: Path, reader: Reader) -> None:
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    recipe = request.recipe
    types = {
        "u8": QuantType.QUInt8,
        "s8": QuantType.QInt8,
        "u16": QuantType.QUInt16,
        "s16": QuantType.QInt16,
    }
    methods = {
        RangeMethod.MIN_MAX: CalibrationMethod.MinMax,
        RangeMethod.PERCENTILE: CalibrationMethod.Percentile,
        RangeMethod.ENTROPY: CalibrationMethod.Entropy,
    }
    assert recipe.ranges is not None
    assert recipe.activation is not None
    assert recipe.weight is not None
    quantize_static(
        source,
        request.output,
        reader,
        quant_format=QuantFormat.QOperator if recipe.form else QuantFormat.QDQ,
        nodes_to_exclude=nodes_left(request, source),
        per_channel=recipe.granularity is Granularity.PER_CHANNEL,
        reduce_range=recipe.reduced_range,
        use_external_data_format=is_large(request.baseline),
        activation_type=types[recipe.activation],
        weight_type=types[recipe.weight],
        calibrate_method=methods[recipe.ranges],
        calibration_providers=["CPUExecutionProvider"],
        extra_options={"ActivationSymmetric": False},
    )
