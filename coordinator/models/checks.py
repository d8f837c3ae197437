"""What the files of one job must be to each other. Pure."""

from __future__ import annotations

from bitgauge.benchmarks.quality.outputs import SEQUENCE, Output, choose, facts_of_labels
from bitgauge.benchmarks.quality.sets import EvaluationSet, check_inputs
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.reasons import LABELS_BEYOND

from .base import ModelFacts, OutputSpec


def check_evaluation(
    facts: ModelFacts, evaluation: EvaluationSet, batch: int, label: str, output: str = ""
) -> None:
    """Refuse an evaluation set or a batch that the model cannot take, or an output that is none.

    `evaluation` has been read by `read_evaluation_set`, which checked that it is finite.

    Raises:
        BadInput: BAD_EVALUATION_SET naming `label`, or BAD_ARGUMENT for batch or output.
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
    _check_output(facts, output)
    _check_labels(facts, evaluation, batch, label, output)


def _check_output(facts: ModelFacts, output: str) -> None:
    """Refuse the name of an output that cannot be judged."""
    found = next((one for one in facts.outputs if one.name == output), None)
    if output and found is None:
        named = ", ".join(one.name for one in facts.outputs) or "none"
        raise BadInput(
            Code.BAD_ARGUMENT, f"The model has no output {output!r}; its outputs are {named}."[:600]
        )
    if found is not None and found.dtype == SEQUENCE:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Output {output!r} is a sequence of maps and not a tensor; export the model with"
            " zipmap=False, or name another output.",
        )


def _check_labels(
    facts: ModelFacts, evaluation: EvaluationSet, batch: int, label: str, output: str
) -> None:
    """Refuse labels that no output can tell, as far as the model declares what they are."""
    labels = facts_of_labels(evaluation.labels)
    asked = [one for one in facts.outputs if output in ("", one.name)]
    declared = [_declared(one, batch) for one in asked]
    outputs = [one for one in declared if one is not None]
    if labels is None or len(outputs) < len(asked):
        return
    if choose(outputs, labels, output).reason != LABELS_BEYOND:
        return
    classes = max((one.classes for one in choose(outputs, None, output).candidates), default=0)
    if labels.columns:
        raise BadInput(
            Code.BAD_EVALUATION_SET,
            f"{label}: the labels are about {labels.columns} classes, no output of the model is.",
        )
    raise BadInput(
        Code.BAD_EVALUATION_SET,
        f"{label}: labels run from {labels.low} to {labels.high}, the model has"
        f" {classes or 2} classes.",
    )


def _declared(spec: OutputSpec, batch: int) -> Output | None:
    """An output as a call of `batch` samples would return it; None where that is not declared."""
    if spec.dtype == SEQUENCE:
        return Output(spec.name, SEQUENCE, ())
    rows, sizes = spec.shape[:1], [size for size in spec.shape[1:] if size is not None]
    if not rows or len(sizes) < len(spec.shape) - 1:
        return None
    return Output(spec.name, spec.dtype, ((batch, (rows[0] or batch, *sizes)),))


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
