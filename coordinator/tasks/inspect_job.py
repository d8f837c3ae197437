"""A look into every file of a job before it is taken. Nothing is run but further FP32 forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from bitgauge.benchmarks.vocabulary.asked import ALL, EVERY
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME, require_taken, runtime_for
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, ModelSource

from ..builders.registry import chain_for, parse, usual_recipes
from ..decisions.submission import Answers, Inspection, Takes
from ..models.base import ModelFacts
from ..models.decoders import require_scenario
from ..models.recognise import inspect_model, kind_of
from .order import out_of_order, reformats, wanted_of
from .sets import JobSets, PathOf, read_sets, require_stands_in
from .sources import looked_at, unanswered

BASELINE_LABEL = "The baseline"


def inspect_job(
    spec: JobSpec, path_of: PathOf, takes: Takes, answers: Answers = MappingProxyType({})
) -> Inspection:
    """Check a job as `completed` returns it; recognise model class, recipes and artifact kinds.

    Raises:
        BadInput: one sentence about the first file or recipe that cannot be used.
    """
    label = _label(spec.entries[0], BASELINE_LABEL)
    path = path_of(spec.baseline)
    kind = kind_of(path, label)
    runtime = runtime_for(kind, spec.runtime, takes)
    require_taken(label, kind, runtime, takes)
    if spec.original is None:
        disorder = out_of_order(path, kind, wanted_of(spec), label)
        if disorder:
            other = reformats(kind)
            return Inspection(ModelClass.OTHER, disorder=disorder, reformatted=other)
    baseline = inspect_model(path, label)
    _require_fp32(baseline, spec, label)
    require_scenario(baseline, spec.workload, label)
    sets = read_sets(spec, baseline, path_of)
    waiting = unanswered(spec, path_of, answers)
    if waiting:
        return Inspection(ModelClass.OTHER, unanswered=waiting)
    sources = looked_at(spec, baseline, sets, path_of, answers=answers)
    look = _Look(spec, baseline, kind, sets, path_of, takes, sources, runtime)
    entries = tuple(each for entry in spec.entries for each in _each(entry, look))
    found = [_entry(entry, look) for entry in entries]
    stand = tuple(
        replace(entry, artifact=one.artifact or entry.artifact)
        for entry, one in zip(entries, found, strict=True)
    )
    return Inspection(
        baseline.model_class,
        tuple(one.recipe for one in found),
        tuple(one.kind for one in found),
        tuple(one.family for one in found),
        tuple(one.runtime for one in found),
        () if stand == spec.entries else stand,
        sources,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What the entries of a job are looked at with; `runtime` is that of the baseline."""

    spec: JobSpec
    baseline: ModelFacts
    baseline_kind: str
    sets: JobSets
    path_of: PathOf
    takes: Takes
    sources: tuple[ModelSource, ...]
    runtime: str

    def runtime_of(self, entry: Entry) -> str:
        """What executes what is built: what was named for it or for the job, else the baseline's.

        Who named none at all is told by the default, which may not take the baseline.
        """
        named = self.spec.runtime
        return entry.runtime or (named if named != DEFAULT_RUNTIME else self.runtime)

    @property
    def there(self) -> dict[str, Digest]:
        """The FP32 forms of the model by artifact kind, the baseline first."""
        forms = [(one.kind, one.artifact) for one in self.sources]
        return dict(((self.baseline_kind, self.spec.baseline), *forms))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Canonical recipe, kind and runtime of an entry; of a custom one the family of its file.

    `artifact` is the source that it turned out to be.
    """

    recipe: str
    kind: str
    runtime: str
    family: FormatFamily | None = None
    artifact: Digest | None = None


def _each(entry: Entry, look: _Look) -> Iterator[Entry]:
    """The entry, or those that `all` stands for: the usual recipes of its runtime, or of every one.

    Of a runtime for which nothing can be made every one has none; one that is named is refused.
    """
    if entry.recipe != ALL or entry.artifact is not None:
        yield entry
        return
    names = sorted(look.takes) if entry.runtime == EVERY else [look.runtime_of(entry)]
    for name in names:
        found = usual_recipes(look.takes.get(name, ()), tuple(look.there))
        if not found and entry.runtime != EVERY:
            raise BadInput(
                Code.BAD_RECIPE,
                f"Nothing can be built for {name}: it takes"
                f" {' and '.join(look.takes.get(name, ())) or 'what nobody knows'}, and the job has"
                f" {' and '.join(look.there)}.",
            )
        for recipe in found:
            if name != look.runtime or recipe.family is not FormatFamily.FP32:
                yield replace(entry, recipe=str(recipe), runtime=name)


def _entry(entry: Entry, look: _Look) -> _Seen:
    """What an entry is: to be built, as given, or as recognised."""
    if entry.artifact == look.spec.baseline:
        label = _label(entry, BASELINE_LABEL)
        if entry.recipe == CUSTOM:
            raise BadInput(Code.BAD_RECIPE, f"{label} is never custom: it is fp32.")
        if entry.recipe and parse(entry.recipe).family is not FormatFamily.FP32:
            raise BadInput(Code.BAD_RECIPE, f"{label} is fp32, not {entry.recipe}.")
        runtime = runtime_for(look.baseline_kind, look.runtime_of(entry), look.takes)
        require_taken(label, look.baseline_kind, runtime, look.takes)
        return _Seen(FormatFamily.FP32.value, look.baseline_kind, runtime)
    if entry.artifact is None:
        asked = parse(entry.recipe)
        runtime = look.runtime_of(entry)
        made = chain_for(asked, look.takes.get(runtime, ()), tuple(look.there), runtime)
        artifact = None if made.links else look.there[made.source]
        return _Seen(str(asked), made.makes, runtime, artifact=artifact)
    label = _label(entry, "Artifact")
    path = look.path_of(entry.artifact)
    kind = kind_of(path, label)
    runtime = entry.runtime or runtime_for(kind, look.spec.runtime, look.takes)
    require_taken(label, kind, runtime, look.takes)
    facts = inspect_model(path, label)
    require_stands_in(look.spec, look.baseline, facts, look.sets, label)
    given = facts.recipe
    if entry.recipe and entry.recipe != CUSTOM:
        given = parse(entry.recipe)
    if given is None or entry.recipe == CUSTOM:
        return _Seen(CUSTOM, kind, runtime, facts.format_family)
    if facts.recipe is not None and facts.recipe.family is not given.family:
        raise BadInput(Code.BAD_RECIPE, f"{label} is {facts.recipe}, not {given}.")
    return _Seen(str(given), kind, runtime)


def _require_fp32(baseline: ModelFacts, spec: JobSpec, label: str) -> None:
    if baseline.float64:
        why = "; ".join(spec.order) if spec.float32 else ""
        raise BadInput(
            Code.DOUBLE_PRECISION,
            f"{label} could not be converted to float32: {why}."
            if why
            else f"{label} holds its weights in double precision, and a baseline is fp32.",
        )
    if baseline.recipe is None or baseline.recipe.family is not FormatFamily.FP32:
        found = str(baseline.recipe or "of mixed formats")
        raise BadInput(Code.BAD_MODEL, f"{label} is {found}; a baseline is fp32.")


def _label(entry: Entry, otherwise: str) -> str:
    return f"{otherwise} {entry.name}" if entry.name else otherwise
