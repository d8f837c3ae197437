"""What the files of one job must be to each other. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.quality.outputs import (
    SEQUENCE,
    Output,
    choose,
    facts_of_labels,
    matched,
)
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, check_inputs
from bitgauge.benchmarks.quality.tasks.base import Asked
from bitgauge.benchmarks.quality.tasks.registry import kind_named, require_task
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
        asked = require_task(evaluation)
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
    if asked is None:
        _check_labels(facts, evaluation, batch, label, output)
    else:
        _check_task(facts, asked, batch, label, output)


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


def _check_task(facts: ModelFacts, asked: Asked, batch: int, label: str, output: str) -> None:
    """Refuse a model none of whose outputs the task is about, as far as it declares them."""
    declared = [_declared(one, batch) for one in facts.outputs]
    outputs = [one for one in declared if one is not None]
    if len(outputs) == len(declared) and not kind_named(asked.name).outputs(outputs, output):
        raise BadInput(
            Code.BAD_EVALUATION_SET,
            f"{label}: it is about {asked.name}, and which output of the model that is about is"
            f" not clear among {', '.join(one.words for one in outputs)[:400]}; name it with"
            " --output.",
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


def check_stands_in(
    baseline: ModelFacts,
    artifact: ModelFacts,
    evaluation: EvaluationSet,
    batch: int,
    label: str,
    *,
    output: str = "",
) -> None:
    """Refuse an artifact that cannot stand in for its baseline, before a device is used.

    Only what would fail there, or would be a wrong number: another order of inputs or outputs,
    further outputs, and other float types of outputs are fine.

    Raises:
        BadInput: BAD_MODEL naming `label`, the first thing that differs and what would match.
    """
    wanted = {spec.name: spec for spec in baseline.inputs}
    given = {spec.name: spec for spec in artifact.inputs}
    if wanted.keys() != given.keys():
        raise _differs(
            f"{label} takes inputs {_list(sorted(given))},"
            f" its baseline takes {_list(sorted(wanted))}."
        )
    for name, spec in given.items():
        _check_input(spec, wanted[name], evaluation.inputs[name].shape[1:], batch, label)
    labels = facts_of_labels(evaluation.labels)
    declared = [one for spec in baseline.outputs if (one := _declared(spec, batch)) is not None]
    judged = [one.name for one in choose(declared, labels, output).candidates]
    _check_outputs(baseline, artifact, judged or [one.name for one in baseline.outputs], label)


def _differs(sentence: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, sentence if len(sentence) <= _LONGEST else _cut(sentence))


def _cut(sentence: str) -> str:
    return f"{sentence[: _LONGEST - 4].rsplit(' ', 1)[0]} ..."


_LONGEST = 400


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _check_input(
    given: InputSpec, wanted: InputSpec, sample: tuple[int, ...], batch: int, label: str
) -> None:
    """Type, axes, batch and the size of one sample, as the evaluation set has them."""
    name = given.name
    if (given.dtype, len(given.shape)) != (wanted.dtype, len(wanted.shape)):
        raise _differs(
            f"{label} takes {name!r} as {given.dtype} with {len(given.shape)} axes,"
            f" its baseline as {wanted.dtype} with {len(wanted.shape)}; keep type and axes of the"
            " inputs when it is quantized."
        )
    fixed = given.shape[0] if given.shape else None
    if fixed is not None and fixed not in (batch, wanted.shape[0]):
        raise _differs(
            f"{label} takes batches of {fixed} only in {name!r}, the job asks for {batch}; export"
            f" it with batch {batch} or a free one, or measure with --batch {fixed}."
        )
    sizes = zip(given.shape[1:], sample, strict=False)
    if any(own is not None and own != there for own, there in sizes):
        raise _differs(
            f"One sample of {name!r} is {_shape(given.shape[1:])} in {label} and"
            f" {_shape(sample)} in the evaluation set and the baseline; export it for that size."
        )


def _shape(sizes: Sequence[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in sizes)})"


def _check_outputs(
    baseline: ModelFacts, artifact: ModelFacts, names: Sequence[str], label: str
) -> None:
    """At least one output that may be judged is there, and is a number of the same kind."""
    own = {spec.name: spec for spec in artifact.outputs}
    theirs = {spec.name: spec for spec in baseline.outputs}
    found = [(theirs[name], own[at]) for name in names if (at := matched(name, [*theirs], [*own]))]
    if names and not found:
        raise _differs(
            f"{label} returns {_list([*own])} and its baseline {_list([*theirs])}; outputs are"
            " held against each other by name, so keep the names."
        )
    problems = [one for pair in found if (one := _output_problem(*pair, label))]
    if found and len(problems) == len(found):
        raise _differs(problems[0])


def _output_problem(wanted: OutputSpec, given: OutputSpec, label: str) -> str | None:
    """What keeps an output from being held against its baseline's; None where nothing does."""
    kinds = [_kind(spec.dtype) for spec in (wanted, given)]
    if kinds[0] != kinds[1]:
        return (
            f"{label} returns {given.name!r} as {given.dtype}, its baseline {wanted.name!r} as"
            f" {wanted.dtype}; keep the outputs in floats when it is quantized."
        )
    sizes = zip(given.shape[1:], wanted.shape[1:], strict=False)
    clash = any(None not in (own, their) and own != their for own, their in sizes)
    if given.shape and wanted.shape and (clash or len(given.shape) != len(wanted.shape)):
        return (
            f"{label} returns {given.name!r} as {_shape(given.shape)}, its baseline"
            f" {wanted.name!r} as {_shape(wanted.shape)}; it has to return the same."
        )
    return None


def _kind(dtype: str) -> str:
    """Float types are one kind: a half or a bfloat is compared with a float as it is."""
    return "float" if "float" in dtype else "int" if "int" in dtype else dtype
