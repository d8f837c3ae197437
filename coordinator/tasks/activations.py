"""What a model computes on a calibration set and on a reference, and whether its ranges hold.

The model is a stranger's program, so this is a step of a nursery; nothing is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.numerics.external_data import whole_model
from bitgauge.benchmarks.numerics.instrument import FloatModel
from bitgauge.benchmarks.numerics.integer_operator import spread
from bitgauge.benchmarks.numerics.shown import Arrays, Run
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.sets import EvaluationSet, check_inputs, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code

from ..builders import _sessions
from ..builders._taken import first_taken
from ..client.artifacts import local_artifact
from ..decisions.steps import Ending, StepLimit, error_of, wants_memory
from ..models.recognise import inspect_model, kind_of
from ..sets.calibration.coverage import ActivationCheck, Tensors, coverage
from .nursery.nursery import Nursery
from .nursery.order import Order, Site

SAMPLES = 1000
"""Of each set, the most that are run, evenly spread."""


LONGEST_LOOK_S = 900.0
"""Seconds that a model may take for both sets."""


def seen_in_sandbox(
    model: Path, calibration: Path, reference: Path, method: str, seed: int
) -> ActivationCheck:
    """`look`, in a process that can reach nothing but these files.

    Raises:
        BitgaugeError: as `look`; `STEP_LIMIT`, `STEP_CRASHED`; `SANDBOX_UNAVAILABLE`.
    """
    model, calibration, reference = (one.resolve() for one in (model, calibration, reference))
    files = tuple(file.path for file in local_artifact(model).files)
    order = Order(
        look,
        (model, calibration, reference, method, seed),
        StepLimit(LONGEST_LOOK_S),
        (model, *files, calibration, reference),
    )
    with (
        tempfile.TemporaryDirectory(prefix="bitgauge-look-") as folder,
        Nursery(Site(Path(folder))) as nursery,
    ):
        found = nursery.raised(order, ActivationCheck)
    if isinstance(found, Ending):
        raise error_of(found, f"looking at the tensors of {model.name}")
    if isinstance(found, BitgaugeError):
        raise found
    assert isinstance(found, ActivationCheck)
    return found


def look(
    model: Path, calibration: Path, reference: Path, method: str, seed: int
) -> ActivationCheck:
    """Hold the ranges that a calibration set gives against what the model sees.

    Args:
        model: an ONNX file at full precision.
        calibration: the set that ranges are frozen on.
        reference: samples of production, or the evaluation set.
        method: as `coverage`.
        seed: likewise.

    Raises:
        BadInput: the model or a set is at fault.
        Refused: ONNX Runtime is not installed.
    """
    if (kind := kind_of(model, model.name)) != "onnx":
        raise BadInput(
            Code.WRONG_ARTIFACT_KIND,
            f"{model.name} is {kind}; the tensors inside a model are seen in ONNX files alone.",
        )
    inputs = inspect_model(model, model.name).inputs
    mine = read_evaluation_set(calibration, Code.BAD_CALIBRATION_SET)
    theirs = read_evaluation_set(reference)
    check_inputs(mine, inputs, Code.BAD_CALIBRATION_SET)
    check_inputs(theirs, inputs)
    mine, theirs = (one.taken(spread(len(one), SAMPLES)) for one in (mine, theirs))
    try:
        found = first_taken(str(model), mine, batch_sizes(inputs, 1))
        if found.size is None:
            raise BadInput(Code.BAD_MODEL, f"{model.name} cannot be run: {found.reason}.")
        seen = FloatModel(whole_model(model, model.parent), _plain)
    except ValueError as error:
        raise BadInput(
            Code.BAD_MODEL, f"{model.name} is too large to look into: {error}."
        ) from error
    sides = [_Seen(seen, one, found.size) for one in (mine, theirs)]
    try:
        tensors = coverage(sides[0].calls, sides[1].calls, method, seed=seed)
    except BitgaugeError:
        raise
    except Exception as error:  # onnxruntime's own classes, none public
        if wants_memory(error):
            raise
        raise BadInput(
            Code.BAD_MODEL, f"{model.name} cannot be run: {said(error, decoded(model))}."
        ) from error
    return ActivationCheck(method, (len(mine), len(theirs)), tensors)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A model on one set, `size` samples a call; what fills no call is left out."""

    model: FloatModel
    samples: EvaluationSet
    size: int

    def calls(self) -> Iterator[Tensors]:
        last = max(len(self.samples) - self.size + 1, 1)
        for start in range(0, last, self.size):
            rows = slice(start, start + self.size)
            yield self.model.observe({n: a[rows] for n, a in self.samples.inputs.items()})


def _plain(graph: bytes) -> Run:
    session = _sessions.open_session(graph, as_it_stands=True)

    def run(feeds: Arrays) -> list[Any]:
        answers: list[Any] = session.run(None, dict(feeds))
        return answers

    return run
