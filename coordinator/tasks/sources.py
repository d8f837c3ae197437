"""The further FP32 forms of a model: what each is, and whether it stands for the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, ModelSource

from ..builders._forms import environment_of
from ..decisions.submission import Answers
from ..models.base import ModelFacts
from ..models.decoders import NOT_RUN_HERE
from ..models.recognise import inspect_model, kind_of
from .agreement import FormFile, agree
from .sets import JobSets, require_stands_in


def looked_at(
    spec: JobSpec,
    baseline: ModelFacts,
    sets: JobSets,
    path_of: Callable[[Digest], Path],
    *,
    answers: Answers,
) -> tuple[ModelSource, ...]:
    """The sources of a job with their kinds, each run beside the baseline on a few samples.

    What is run in an environment of its own was run before; `unanswered` says which that is.

    Raises:
        BadInput: one is no FP32 form of the model or computes something else, or two are of one
            kind.
    """

    def form(artifact: Digest, kind: str, facts: ModelFacts) -> FormFile:
        given = answers.get(artifact)
        answered = path_of(given) if isinstance(given, Digest) else given
        return FormFile(path_of(artifact), kind, facts.inputs, answered)

    own = form(spec.baseline, kind_of(path_of(spec.baseline)), baseline)
    found: dict[str, ModelSource] = {}
    for one in spec.sources:
        label = f"The source {one.name}".rstrip()
        path = path_of(one.artifact)
        kind = kind_of(path, label)
        if kind in found:
            raise BadInput(
                Code.BAD_MODEL,
                f"{label} is of kind {kind}, as {found[kind].name or 'another'} is; give one of"
                " each.",
            )
        facts = inspect_model(path, label)
        if facts.recipe is None or facts.recipe.family not in _taken(facts):
            what = str(facts.recipe or "of mixed formats")
            raise BadInput(Code.BAD_MODEL, f"{label} is {what}; a source is fp32.")
        require_stands_in(spec, baseline, facts, sets, label)
        if sets.samples is None:
            found[kind] = replace(one, kind=kind, agreement=NOT_RUN_HERE)
            continue
        seen = agree(own, form(one.artifact, kind, facts), *sets.samples)
        if seen.differs:
            raise BadInput(
                Code.BAD_MODEL, f"{label} does not compute what the baseline does: {seen.words}."
            )
        found[kind] = replace(one, kind=kind, agreement=seen.words)
    return tuple(found.values())


def _taken(facts: ModelFacts) -> tuple[FormatFamily, ...]:
    """What a further form may be: of a language model also the halves that it was trained in."""
    halves = (FormatFamily.FP16, FormatFamily.BF16) if facts.decoder is not None else ()
    return (FormatFamily.FP32, *halves)


def unanswered(
    spec: JobSpec, path_of: Callable[[Digest], Path], answers: Answers
) -> tuple[tuple[Digest, str], ...]:
    """The forms of a job that must be run in an environment first, each with its artifact kind."""
    forms = (spec.baseline, *(one.artifact for one in spec.sources)) if spec.sources else ()
    kinds = {one: kind_of(path_of(one)) for one in forms if one not in answers}
    return tuple((one, kind) for one, kind in kinds.items() if environment_of(kind))
