"""What the files of one job must be to each other. Pure."""

from __future__ import annotations

from bitgauge.benchmarks.quality.sets import EvaluationSet, check_inputs
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .base import ModelFacts


def check_evaluation(facts: ModelFacts, evaluation: EvaluationSet, batch: int, label: str) -> None:
    """Refuse an evaluation set or a batch that the model cannot take.

    `evaluation` has been read by `read_evaluation_set`, which checked that it is finite.

    Raises:
        BadInput: BAD_EVALUATION_SET naming `label`, or BAD_ARGUMENT for the batch.
    """
    try:
        check_inputs(evaluation, facts.inputs)
    except BadInput as error:
        raise BadInput(error.code, f"{label}: {error.sentence}") from error
    for spec in facts.inputs:
        if spec.shape[0] not in (None, batch):
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"The model's input {spec.name!r} takes batches of {spec.shape[0]} only,"
                f" the workload asks for {batch}.",
            )
    _check_labels(facts, evaluation, label)


def _check_labels(facts: ModelFacts, evaluation: EvaluationSet, label: str) -> None:
    shape = facts.outputs[0].shape if facts.outputs else ()
    classes = shape[1] if len(shape) == 2 else None
    if evaluation.labels is None or classes is None:
        return
    low, high = int(evaluation.labels.min()), int(evaluation.labels.max())
    if low < 0 or high >= classes:
        raise BadInput(
            Code.BAD_EVALUATION_SET,
            f"{label}: labels run from {low} to {high}, the model has {classes} classes.",
        )


def check_same_inputs(baseline: ModelFacts, artifact: ModelFacts, label: str) -> None:
    """Refuse an artifact that cannot stand in for its baseline.

    Raises:
        BadInput: BAD_MODEL naming `label` and the first input that differs.
    """
    wanted = {spec.name: spec for spec in baseline.inputs}
    given = {spec.name: spec for spec in artifact.inputs}
    if wanted.keys() != given.keys():
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} takes inputs {', '.join(sorted(given)) or 'none'},"
            f" its baseline takes {', '.join(sorted(wanted)) or 'none'}.",
        )
    for name, spec in given.items():
        other = wanted[name]
        if (spec.dtype, len(spec.shape)) != (other.dtype, len(other.shape)):
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} takes {name!r} as {spec.dtype} with {len(spec.shape)} axes,"
                f" its baseline as {other.dtype} with {len(other.shape)}.",
            )
