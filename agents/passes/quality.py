"""Pass `quality`: outputs of the whole evaluation set, one artifact after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.quality import accuracy as quality
from bitgauge.benchmarks.quality.baseline import AGAIN, observe
from bitgauge.benchmarks.quality.figures import task_samples
from bitgauge.benchmarks.quality.heads import Head, Rows, matrix_of
from bitgauge.benchmarks.quality.observed import Observed, judged_output
from bitgauge.benchmarks.quality.outputs import (
    Judged,
    Output,
    axis_problem,
    choose,
    facts_of_labels,
    matched,
    names_of,
)
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.quality.tasks.registry import asked_of, kind_named
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.quality import TaskFacts, quality_raw, with_baseline, with_task
from bitgauge.benchmarks.samples import QualitySamples
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.reasons import (
    AMBIGUOUS_OUTPUT,
    EMPTY_OUTPUT,
    OUTPUT_DIFFERS,
    OUTPUT_MISSING,
    ROWS_DEPEND_ON_DATA,
    SAMPLE_AXIS,
    SEQUENCE_OUTPUT,
)

from ..runtimes.base import Session
from ._batches import Batches
from .base import Child

NAME = PassName.QUALITY

_PROBLEMS = (
    *(OUTPUT_MISSING, OUTPUT_DIFFERS, SAMPLE_AXIS),
    *(ROWS_DEPEND_ON_DATA, EMPTY_OUTPUT, SEQUENCE_OUTPUT),
)
"""Of the artifact: there are no rows of it to be held against the baseline's."""

Wanted = Callable[[Sequence[Output]], Sequence[str]]


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.evaluation()
    if evaluation.task:
        return _of_task(child, evaluation)
    labels, wish = facts_of_labels(evaluation.labels), child.spec.output

    def may_be_judged(outputs: Sequence[Output]) -> list[str]:
        return [one.name for one in choose(outputs, labels, wish).candidates]

    first, again = _observed(child, child.spec.paths[0], evaluation, may_be_judged, probed=True)
    seen = [first]
    judged, head = judged_output(seen[0], evaluation.labels, wish)
    rows = [] if head is None else [seen[0].rows(judged.output)]
    if len(child.spec.paths) > 1:
        names: list[str] = []

        def of_the_same_name(outputs: Sequence[Output]) -> list[str]:
            found = matched(judged.output, seen[0].names, [one.name for one in outputs])
            names.extend([found] if rows and found is not None else [])
            return names

        seen.append(_observed(child, child.spec.paths[1], evaluation, of_the_same_name)[0])
        if head is not None:
            judged = _of_both(judged, head, rows[0], seen[1], names)
            rows = [*rows, seen[1].rows(names[0])] if judged.reason not in _PROBLEMS else []
    samples = _samples(evaluation, seen, rows, head)
    raw = quality_raw(child.origin, samples, judged)
    if head is not None and again.is_whole(judged.output):
        ranked = head in (Head.LOGITS, Head.PROBABILITIES)
        ours = (one.rows(judged.output) for one in (first, again))
        raw = with_baseline(raw, observe(*ours, ranked=ranked))
    # What holds nothing cannot be compared; an output that nobody judges may.
    return RawFile({**raw.meta, "output_values": int(judged.reason != EMPTY_OUTPUT)}, raw.arrays)


def _of_task(child: Child, evaluation: EvaluationSet) -> RawFile:
    """The pass for a task that is not about classes: its figures instead of predictions."""
    folders, wish = child.plugins(), child.spec.output
    asked = asked_of(evaluation.task, folders)
    kind = kind_named(asked.name, folders)
    first, again = _observed(
        child,
        child.spec.paths[0],
        evaluation,
        lambda outputs: kind.outputs(outputs, wish),
        probed=True,
    )
    seen = [first]
    names = kind.outputs(first.outputs, wish)
    chosen = [names]
    judged = _judged_for(asked.name, names, first.outputs)
    if len(child.spec.paths) > 1:
        theirs: list[str] = []

        def of_the_same_names(outputs: Sequence[Output]) -> list[str]:
            there = [one.name for one in outputs]
            found = [matched(name, first.names, there) for name in names]
            theirs.extend(name for name in found if name is not None)
            return theirs

        seen.append(_observed(child, child.spec.paths[1], evaluation, of_the_same_names)[0])
        if not judged.reason and len(theirs) < len(names):
            why = f"it has {names_of(seen[1].outputs)}, and not all of {', '.join(names)}"
            judged = replace(judged, reason=OUTPUT_MISSING, why=why)
        chosen.append(tuple(theirs))
    if not judged.reason:
        judged = _whole(judged, seen, chosen)
    rows = (
        []
        if judged.reason
        else [[one.rows(name) for name in own] for one, own in zip(seen, chosen, strict=True)]
    )
    raw = quality_raw(child.origin, _samples(evaluation, seen, [], None), judged)
    figures = None
    if rows:
        theirs_rows = rows[1] if len(rows) > 1 else None
        figures = task_samples(kind, asked.k, evaluation, rows[0], theirs_rows)
        if again.is_whole(names[0]):
            both = (one.rows(names[0]) for one in (first, again))
            raw = with_baseline(raw, observe(*both, ranked=False))
    width = 0 if figures is None else figures.task_ref.size // len(evaluation)
    return with_task(raw, TaskFacts(asked.name, asked.k, width, kind.VERSION), figures)


def _judged_for(task: str, names: Sequence[str], outputs: Sequence[Output]) -> Judged:
    """What is judged of the baseline, or that no output is clear."""
    others = tuple(one.words for one in outputs if one.name not in names)
    if not names:
        return Judged("", "", f"for {task} among {names_of(outputs)}", others, AMBIGUOUS_OUTPUT)
    return Judged(names[0], "", f"the task is {task}", others)


def _whole(judged: Judged, seen: Sequence[Observed], chosen: Sequence[Sequence[str]]) -> Judged:
    """What is judged, with the reason where rows are not those of samples or differ in form."""
    for one, names in zip(seen, chosen, strict=True):
        for output in one.outputs:
            if output.name not in names:
                continue
            if problem := axis_problem(output):
                return replace(judged, reason=problem)
            if not one.is_whole(output.name):
                return replace(judged, reason=ROWS_DEPEND_ON_DATA)
    for name, other in zip(chosen[0], chosen[-1], strict=True):
        ours, theirs = seen[0].rows(name), seen[-1].rows(other)
        if ours.shape != theirs.shape:
            why = f"{theirs.shape[1:]} per sample, and not {ours.shape[1:]}"
            return replace(judged, reason=OUTPUT_DIFFERS, why=why)
    return judged


def _of_both(
    judged: Judged, head: Head, rows: Rows, artifact: Observed, names: Sequence[str]
) -> Judged:
    """What is judged of baseline and artifact, with the reason where the latter cannot be."""
    if not names:
        why = f"it has {names_of(artifact.outputs)}, and no output {judged.output}"
        return replace(judged, reason=OUTPUT_MISSING, why=why)
    output = next(one for one in artifact.outputs if one.name == names[0])
    if problem := axis_problem(output):
        return replace(judged, reason=problem)
    if not artifact.is_whole(output.name):
        return replace(judged, reason=ROWS_DEPEND_ON_DATA)
    theirs = artifact.rows(output.name)
    if matrix_of(head, rows).shape != matrix_of(head, theirs).shape:
        why = f"{theirs.shape[1:]} per sample, and not {rows.shape[1:]}"
        return replace(judged, reason=OUTPUT_DIFFERS, why=why)
    return judged


def _samples(
    evaluation: EvaluationSet, seen: Sequence[Observed], rows: Sequence[Rows], head: Head | None
) -> QualitySamples:
    strata = None if evaluation.strata is None else evaluation.strata.astype(np.str_)
    if head is not None and rows:
        theirs = rows[1] if len(rows) > 1 else None
        scored = quality.score(rows[0], theirs, evaluation.labels, evaluation.ids, head)
        return replace(scored, strata=strata)
    ours = np.empty((len(evaluation), 0))
    none = ours if len(seen) > 1 else None
    samples = quality.score(ours, none, evaluation.labels, evaluation.ids, Head.VALUES)
    return replace(
        samples,
        strata=strata,
        ref_nonfinite=seen[0].nonfinite(),
        cand_nonfinite=seen[1].nonfinite() if len(seen) > 1 else None,
    )


def _observed(
    child: Child, path: str, evaluation: EvaluationSet, wanted: Wanted, *, probed: bool = False
) -> tuple[Observed, Observed]:
    """What an artifact returns for the whole set; of the outputs that are wanted, the rows too.

    Where it is probed, also what it returns for the first samples once more; else nothing of that.
    """
    session = child.load(path)
    child.channel.phase("measure")
    batches = child.batches(evaluation, session, fit=True)
    seen, again = (Observed(session.output_names, len(evaluation)) for _ in range(2))
    first = session.run(batches.first())
    seen.look(first, batches.batch)
    child.channel.gap()
    if probed and batches.batch > 1:
        turned = {name: array[::-1].copy() for name, array in batches.first().items()}
        seen.look_reordered(first, session.run(batches.first()), session.run(turned))
        child.channel.gap()
    if probed:
        _look_at_another_batch(session, batches, evaluation, seen)
        child.channel.gap()
    names = wanted(seen.outputs)
    for one, at_most in ((seen, len(evaluation)), (again, AGAIN if probed and names else 0)):
        one.keep(names)
        for count, feeds in itertools.islice(batches.all(), -(-at_most // batches.batch)):
            one.add(session.run(feeds), batches.batch, count)
            child.channel.gap()
    session.close()
    return seen, again


def _look_at_another_batch(
    session: Session, batches: Batches, evaluation: EvaluationSet, seen: Observed
) -> None:
    """Find outputs whose first axis is as long as the batch by chance.

    An artifact that takes no other batch, whatever it declares, is not known better by that.
    """
    other = batches.batch // 2 if batches.batch > 1 else 2
    with suppress(BitgaugeError):
        feeds = Batches(evaluation, session.input_specs, other).first()
        seen.look(session.run(feeds), other)
