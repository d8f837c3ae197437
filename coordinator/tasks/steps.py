"""The work of a step, done in its own folder by a process that can reach nothing else.

It gets the paths of its inputs and gives back values and the names of files: what it opens is a
stranger's, so it holds no token and no connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from ..builders import _forms, registry
from ..builders.base import BuildLog, BuildRequest, Unsupported
from ..decisions.steps import limit_met
from ..decisions.submission import (
    ANSWERS_RECIPE,
    REFERENCE_RECIPE,
    Answers,
    Inspection,
    Takes,
    is_order,
)
from ..lab.runner import Analysis
from ..store.values import BuildKey
from . import agreement, order, reference
from .nursery.order import RESULTS

ARTIFACT = "artifact"
"""The file among a build's results that a runtime loads."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build says of what it made; its files are among the results.

    Attributes:
        kind: of the artifact; empty when there is none.
        companions: files beside `ARTIFACT` that belong to it.
        unsupported: why there is none.
        notes: as `BuildLog`.
        batch: as `BuildLog`.
    """

    kind: str = ""
    companions: tuple[str, ...] = ()
    unsupported: str | None = None
    notes: tuple[str, ...] = ()
    batch: int = 0


def inspect(spec: JobSpec, paths: Mapping[str, Path], takes: Takes, answers: Answers) -> Inspection:
    """Look into every file of a job, which lie at `paths` by their SHA-256."""
    from .inspect_job import inspect_job

    return inspect_job(spec, lambda digest: paths[digest.sha256], takes, answers)


def build(
    key: BuildKey, baseline: Path, other: Path | None, environment: Path | None = None
) -> Built:
    """Build one artifact, or evaluate one reference.

    Args:
        key: what to make.
        baseline: the model.
        other: the set that is calibrated with, or that a reference is evaluated on.
        environment: in which its builder works; None for ours.
    """
    from ..models.recognise import companions, kind_of

    output = Path.cwd() / RESULTS / ARTIFACT
    log = BuildLog()
    try:
        _make(key, baseline, other, environment, output=output, log=log)
    except Unsupported as error:
        if limit_met(error) is not None:
            raise
        return Built(unsupported=error.reason, notes=tuple(log.notes), batch=log.batch)
    names = companions(output, output.name)
    return Built(kind_of(output, output.name), names, None, tuple(log.notes), log.batch)


def _make(
    key: BuildKey,
    baseline: Path,
    other: Path | None,
    environment: Path | None,
    *,
    output: Path,
    log: BuildLog,
) -> None:
    if is_order(key.recipe):
        assert other is not None, "both forms are run on a set"
        log.notes += order.put_in_order(baseline, other, order.wanted_by(key.recipe), output)
    elif key.recipe == REFERENCE_RECIPE:
        assert other is not None, "a reference is evaluated on a set"
        reference.evaluate(baseline, other, output, key.batch, log)
    elif key.recipe == ANSWERS_RECIPE:
        assert other is not None, "a form answers to samples of a set"
        agreement.answer(baseline, key.source_kind, other, output, environment)
    else:
        recipe = parse(key.recipe)
        batch = max(key.batch, 1)
        request = BuildRequest(recipe, baseline, output, other, batch, environment, log)
        log.notes += registry.build(request, named(key.artifact_kind), key.source_kind)


def environment_of(key: BuildKey) -> str:
    """The name of the environment that a build works in; empty for one that works in ours."""
    if is_order(key.recipe) or key.recipe == REFERENCE_RECIPE:
        return ""
    if key.recipe == ANSWERS_RECIPE:
        return _forms.environment_of(key.source_kind)
    _, builder = registry.builder_for(parse(key.recipe), named(key.artifact_kind), key.source_kind)
    return registry.environment_of(builder)


def named(artifact_kind: str) -> tuple[str, ...]:
    """The one kind that will do; any where none was named."""
    return (artifact_kind,) if artifact_kind else ()


def analyse(
    refs: Sequence[RawRef], raws: Sequence[Path], facts: RunFacts, expected: Path | None
) -> Analysis:
    """Compute the published numbers of one run from its raw files, one for each of `refs`."""
    from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION
    from bitgauge.benchmarks.analysis.analyse import analyse as compute
    from bitgauge.benchmarks.raw.container import RunReader
    from bitgauge.benchmarks.raw.files import in_role

    reader = RunReader()
    found = [in_role(reader.read(path), ref) for path, ref in zip(raws, refs, strict=True)]
    metrics = compute(found, facts)
    if expected is not None:
        metrics = reference.flagged(metrics, found, expected)
    return Analysis(ANALYSIS_VERSION, metrics)
