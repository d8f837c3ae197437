"""int8-static: integer weights and activations, scales fixed by calibration, as Q/DQ pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    InputSpec,
    check_inputs,
    read_evaluation_set,
)
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Granularity, RangeMethod, Recipe, Scheme

from ..models.formats.onnx import inputs_of
from ._taken import first_taken
from ._tools import on_preprocessed, quiet_tools, require_operators
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
        and recipe.form is None
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
    specs = _inputs(request.baseline)
    check_inputs(calibration, specs, Code.BAD_CALIBRATION_SET)
    with quiet_tools():
        calls = _batches(request, specs, calibration)
        on_preprocessed(
            request, lambda source: _quantize(request, source, _feeds(calibration, calls))
        )
    require_operators(
        request,
        frozenset({"QuantizeLinear"}),
        "The model has no operator that the static quantizer takes.",
    )


def _quantize(request: BuildRequest, source: Path, feeds: Iterator[dict[str, Any]]) -> None:
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
        _Reader(feeds),
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


def _inputs(baseline: Path) -> tuple[InputSpec, ...]:
    import onnx

    return inputs_of(onnx.load(str(baseline), load_external_data=False))


def _batches(
    request: BuildRequest, specs: Sequence[InputSpec], calibration: EvaluationSet
) -> tuple[int, ...]:
    """Samples of each call, in their own order: of a size that the model takes.

    `CALIBRATION_BATCH` comes first, so that jobs of every batch share one artifact; then that of
    the job, and 1. Where only full batches are taken, the samples that fill none are left out.

    Raises:
        BadInput: BAD_CALIBRATION_SET, the model takes more samples at once than there are.
        Unsupported: it takes no size that was tried.
    """
    sizes = batch_sizes(specs, CALIBRATION_BATCH, request.batch)
    if fixed_batches(specs) and len(calibration) < max(sizes, default=0):
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The set holds {len(calibration)} samples, the model takes {sizes[0]} at once.",
        )
    found = first_taken(str(request.baseline), calibration, sizes)
    if found.size != sizes[0]:
        request.log.batch = request.batch
    if found.size is None:
        raise Unsupported(
            f"The model takes no batch of {' or '.join(map(str, sizes))} samples of the"
            f" calibration set: {found.reason}."
        )
    if found.size != sizes[0]:
        request.log.notes.append(
            f"calibrated in batches of {found.size}, not {sizes[0]}: {found.reason}"
        )
    return found.calls


def _feeds(calibration: EvaluationSet, calls: Sequence[int]) -> Iterator[dict[str, Any]]:
    start = 0
    for count in calls:
        yield {name: array[start : start + count] for name, array in calibration.inputs.items()}
        start += count


class _Reader:
    """Hands batches to onnxruntime's calibrators, which ask for them one by one."""

    def __init__(self, batches: Iterator[dict[str, Any]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, Any] | None:
        """The next batch by input name, or None at the end."""
        return next(self._batches, None)
