"""int8-static: integer weights and activations, scales fixed by calibration, as Q/DQ pairs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.quality.sets import EvaluationSet, check_inputs, read_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Granularity, RangeMethod, Recipe, Scheme

from ..models.recognise import inspect_model
from ._tools import preprocessed, quiet_tools, require_operators
from .base import BuildRequest, Unsupported

VERSION = 2
MAKES = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy", "sympy")
CALIBRATION_BATCH = 32
TYPES = (("u8", "s8"), ("s8", "s8"), ("u8", "u8"))


def accepts(recipe: Recipe) -> bool:
    """Every `int8-static...` in a pair of types that onnxruntime's quantizer offers."""
    return (
        recipe.family is FormatFamily.INT8
        and recipe.scheme is Scheme.STATIC
        and (recipe.activation, recipe.weight) in TYPES
    )


def build(request: BuildRequest) -> None:
    """Calibrate on the whole set in its own order, then insert Q/DQ pairs.

    Activations are quantized asymmetrically, so that after a Relu the zero point sits at the
    lowest code and the Relu itself can go.

    Raises:
        Unsupported: there is no calibration set, or nothing in the model to quantize.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    if request.calibration is None:
        raise Unsupported(f"{request.recipe} needs a calibration set, and the job has none.")
    calibration = read_evaluation_set(request.calibration, Code.BAD_CALIBRATION_SET)
    with quiet_tools(), preprocessed(request.baseline) as source:
        _quantize(request, source, calibration)
    require_operators(
        request,
        frozenset({"QuantizeLinear"}),
        "The model has no operator that the static quantizer takes.",
    )


def _quantize(request: BuildRequest, source: Path, calibration: EvaluationSet) -> None:
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    recipe = request.recipe
    types = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
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
        _Reader(_batches(source, calibration)),
        quant_format=QuantFormat.QDQ,
        per_channel=recipe.granularity is Granularity.PER_CHANNEL,
        reduce_range=recipe.reduced_range,
        use_external_data_format=is_large(request.baseline),
        activation_type=types[recipe.activation],
        weight_type=types[recipe.weight],
        calibrate_method=methods[recipe.ranges],
        calibration_providers=["CPUExecutionProvider"],
        extra_options={"ActivationSymmetric": False},
    )


def _batches(source: Path, calibration: EvaluationSet) -> Iterator[dict[str, Any]]:
    """The samples in their own order, as many at a time as the model takes.

    A model with a fixed batch gets full batches only; the samples that do not fill one are left
    out.

    Raises:
        BadInput: BAD_CALIBRATION_SET.
    """
    specs = inspect_model(source, "the baseline").inputs
    check_inputs(calibration, specs, Code.BAD_CALIBRATION_SET)
    fixed = {spec.shape[0] for spec in specs} - {None}
    size = fixed.pop() if fixed else None
    if size is not None and len(calibration) < size:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The set holds {len(calibration)} samples, the model takes {size} at once.",
        )
    step = size or CALIBRATION_BATCH
    stop = len(calibration) - len(calibration) % step if size else len(calibration)
    for start in range(0, stop, step):
        yield {name: array[start : start + step] for name, array in calibration.inputs.items()}


class _Reader:
    """Hands batches to onnxruntime's calibrators, which ask for them one by one."""

    def __init__(self, batches: Iterator[dict[str, Any]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, Any] | None:
        """The next batch by input name, or None at the end."""
        return next(self._batches, None)
