"""How a static quantizer is given the calibration set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    InputSpec,
    check_inputs,
    read_evaluation_set,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from ..models.formats.onnx import inputs_of
from ._taken import first_taken
from ._tools import on_preprocessed, quiet_tools
from .base import BuildRequest, Unsupported

CALIBRATION_BATCH = 32


def quantize_calibrated(request: BuildRequest, quantize: Callable[[Path, Reader], None]) -> None:
    """Have `quantize` work on the preprocessed baseline, with the whole set in its own order.

    Raises:
        Unsupported: there is no calibration set, or the model takes none of its batches.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    specs = model_inputs(request.baseline)
    calibration = calibration_set(request, specs)
    with quiet_tools():
        calls = calibration_calls(request, specs, calibration, CALIBRATION_BATCH, request.batch)
        on_preprocessed(
            request, lambda source: quantize(source, Reader(_feeds(calibration, calls)))
        )


def calibration_set(request: BuildRequest, specs: Sequence[InputSpec]) -> EvaluationSet:
    """The calibration set of a request, for a model with these inputs.

    Raises:
        Unsupported: there is none.
        BadInput: BAD_CALIBRATION_SET, it is not what the model takes.
    """
    if request.calibration is None:
        raise Unsupported(f"{request.recipe} needs a calibration set, and the job has none.")
    found = read_evaluation_set(request.calibration, Code.BAD_CALIBRATION_SET)
    check_inputs(found, specs, Code.BAD_CALIBRATION_SET)
    return found


def model_inputs(baseline: Path) -> tuple[InputSpec, ...]:
    """The inputs of the model in an ONNX file."""
    import onnx

    return inputs_of(onnx.load(str(baseline), load_external_data=False))


def calibration_calls(
    request: BuildRequest, specs: Sequence[InputSpec], calibration: EvaluationSet, *wanted: int
) -> tuple[int, ...]:
    """Samples of each call, in their own order: of a size that the model takes.

    Where only full batches are taken, the samples that fill none are left out.

    Args:
        request: whose log says what was done otherwise.
        specs: inputs of the model.
        calibration: the set.
        wanted: sizes to try, the best first, before 1. One that is the same for every job lets
            jobs of every batch share one artifact.

    Raises:
        BadInput: BAD_CALIBRATION_SET, the model takes more samples at once than there are.
        Unsupported: it takes no size that was tried.
    """
    sizes = batch_sizes(specs, *wanted)
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


class Reader:
    """Hands batches to onnxruntime's calibrators, which ask for them one by one."""

    def __init__(self, batches: Iterator[dict[str, Any]]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, Any] | None:
        """The next batch by input name, or None at the end."""
        return next(self._batches, None)
