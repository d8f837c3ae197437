"""From what was typed after `bitgauge run` to the jobs that are submitted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.asked import (
    ALL,
    canonical,
    needs_calibration,
    split_runtime,
)
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Profile, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.profiles import MILLISECOND_NS, require_overrides
from bitgauge.benchmarks.vocabulary.recipes import (
    DEFAULT_RECIPES,
    Recipe,
    kept_names,
    with_kept,
)
from bitgauge.benchmarks.vocabulary.typed import (
    parse_size_bytes,
    parse_time_ns,
    parse_word,
    unknown,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import (
    Entry,
    JobSpec,
    ModelSource,
    Overrides,
    Selector,
    Workload,
    usual_request,
)

if TYPE_CHECKING:
    from ..client.artifacts import LocalArtifact
    from ..client.upload import LocalFile

BASELINE_RECIPE = "fp32"
_NARROWING: dict[str, tuple[str, Callable[[str], object]]] = {
    "class": ("hardware_class", lambda text: parse_word(HardwareClass, text, "hardware class")),
    "runtime": ("runtime", str),
    "memory": ("min_memory_bytes", parse_size_bytes),
    "name": ("device", str),
}
"""The field of a selector that each word sets, and how its value is read; tags add up."""


def parse_artifacts(words: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """Label and path of each file to measure: `FILE`, called by its name, or `LABEL=FILE`.

    Of several files of one name as much of the path is said as tells them apart.
    """
    given = [_labelled(word) for word in words]
    paths = [path for _, path in given]
    return tuple((label or _told_apart(path, paths), path) for label, path in given)


def _labelled(word: str) -> tuple[str, Path]:
    label, equals, path = word.partition("=")
    if not (equals and label.strip() and path) or Path(word).exists():
        return "", Path(word)
    return label.strip(), Path(path)


def _told_apart(path: Path, paths: Sequence[Path]) -> str:
    for count in range(1, len(path.parts)):
        end = path.parts[-count:]
        if sum(other.parts[-count:] == end for other in {*paths}) == 1:
            return "/".join(end)
    return str(path)


def sources_of(artifacts: Sequence[LocalFile | LocalArtifact]) -> tuple[ModelSource, ...]:
    """Further FP32 forms of the model."""
    return tuple(ModelSource(one.digest, one.path.name) for one in artifacts)


def entries_of(
    baseline: LocalFile | LocalArtifact,
    artifacts: Sequence[tuple[str, LocalFile | LocalArtifact]],
    recipes: Sequence[str],
) -> tuple[Entry, ...]:
    """The baseline itself, the files to measure beside it, and the recipes to build from it."""
    return (
        Entry(BASELINE_RECIPE, baseline.digest, baseline.path.name),
        *(Entry("", artifact.digest, label) for label, artifact in artifacts),
        *(Entry(*_apart(recipe)) for recipe in recipes if recipe != BASELINE_RECIPE),
    )


def _apart(text: str) -> tuple[str, None, str, str]:
    """Recipe, artifact, name and runtime of an entry that is built."""
    recipe, runtime = split_runtime(text)
    return recipe, None, "", runtime


@contextmanager
def named_sets(evaluation: Path | None, calibration: Path | None) -> Iterator[None]:
    """Say which file is meant: the coordinator knows a set by its content alone."""
    paths = {Code.BAD_EVALUATION_SET: evaluation, Code.BAD_CALIBRATION_SET: calibration}
    try:
        yield
    except BadInput as error:
        path = paths.get(error.code)
        if path is None:
            raise
        raise BadInput(error.code, f"{path}: {error.sentence}") from error


def jobs_of(spec: JobSpec, batches: Sequence[int]) -> tuple[JobSpec, ...]:
    """One job per batch; with several, each gets its own idempotency key."""
    key = spec.idempotency_key
    return tuple(
        replace(
            spec,
            workload=replace(spec.workload, batch=batch),
            idempotency_key=f"{key}/batch={batch}" if key and len(batches) > 1 else key,
        )
        for batch in batches
    )


def parse_recipes(
    text: str,
    kept: Sequence[str] | None = None,
    baseline: Path | None = None,
    *,
    calibrated: bool,
) -> tuple[str, ...]:
    """The recipes of ``--recipes``: canonical spellings with commas, each with ``@RUNTIME`` or not.

    `all` is the usual recipes of the baseline's runtime; ``all@RUNTIME`` those of another, and
    ``all@*`` those of every runtime for which something can be made, found by the coordinator. So
    are those of a `baseline` that is no ONNX file.

    With `kept`, the nodes of ``--keep-float``, each that quantizes leaves those in float.

    Raises:
        BadInput: a recipe is unknown, or a static one that was named has no calibration set.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    from ..builders.base import USUAL_SOURCE
    from ..builders.registry import parse  # knows what builders have names of their own for
    from ..models.recognise import kind_of

    own = baseline is None or ALL not in words or kind_of(baseline, str(baseline)) == USUAL_SOURCE

    def keeping(recipe: Recipe | str) -> Recipe:
        found = parse(recipe) if isinstance(recipe, str) else recipe
        return with_kept(found, (*kept_names(found), *(kept or ()))) if found.scheme else found

    if kept and (unnamed := [one for one in words if one.startswith(f"{ALL}@" if own else ALL)]):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"--keep-float names layers of one model file, and {unnamed[0]} asks for what another"
            " may be made of; name the recipes.",
        )
    recipes: list[str] = []
    usual = [str(keeping(one)) for one in DEFAULT_RECIPES] if own else [ALL]
    for word in words:  # of all of them, each that cannot be built says why in its row
        recipes += usual if word == ALL else [canonical(word, keeping)]
    named = {canonical(word, keeping) for word in words if word != ALL}
    static = [recipe for recipe in recipes if recipe in named and needs_calibration(recipe)]
    if static and not calibrated:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Recipe {static[0]} needs a calibration set; give --calibration FILE.npz.",
        )
    return tuple(dict.fromkeys(recipes))


def parse_overrides(
    warm_up: str | None, launches: int | None, budget: str | None, profile: Profile
) -> Overrides:
    """What ``--warm-up``, ``--launches`` and ``--budget`` put in place of the profile's.

    Raises:
        BadInput: one cannot be measured.
    """
    given = Overrides(
        None if warm_up is None else round(parse_time_ns(warm_up) / MILLISECOND_NS),
        launches,
        None if budget is None else round(parse_time_ns(budget) / MILLISECOND_NS),
    )
    return require_overrides(given, profile)


def request_of(
    scenario: Scenario, threads: int, prompt_tokens: int | None, generated: int | None
) -> Workload:
    """The workload of a scenario; of a decoder with the usual request where none was asked for.

    Raises:
        BadInput: tokens were asked for outside scenario llm.
    """
    if scenario is Scenario.LLM:
        return usual_request(threads, prompt_tokens, generated)
    if prompt_tokens is not None or generated is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            "--prompt-tokens and --generate are about language models; give --scenario llm too.",
        )
    return Workload(scenario, threads=threads)


def parse_batches(texts: Sequence[str]) -> tuple[int, ...]:
    """Batch sizes, each a number or several with commas, in order and once.

    Raises:
        BadInput: one is no whole number above 0.
    """
    batches: dict[int, None] = {}
    for word in ",".join(texts).split(","):
        if not (word.strip().isascii() and word.strip().isdigit() and int(word) > 0):
            raise BadInput(Code.BAD_ARGUMENT, f"Batch {word!r} is not a whole number above 0.")
        batches[int(word)] = None
    return tuple(batches)


def parse_dims(texts: Sequence[str]) -> tuple[StackItem, ...]:
    """Sizes of named axes, each ``NAME=N`` or several with commas, sorted by name.

    Raises:
        BadInput: one is no name and whole number above 0, or an axis is named twice.
    """
    sizes: dict[str, int] = {}
    for word in ",".join(texts).split(",") if texts else ():
        name, _, size = (part.strip() for part in word.rpartition("="))
        fits = name and len(name.split()) == 1 and size.isascii() and size.isdigit() and int(size)
        if not fits:
            raise BadInput(Code.BAD_ARGUMENT, f"--dim {word!r} is not NAME=N, a size above 0.")
        if name in sizes:
            raise BadInput(Code.BAD_ARGUMENT, f"--dim gives {name} twice.")
        sizes[name] = int(size)
    return tuple(StackItem(name, str(sizes[name])) for name in sorted(sizes))


def parse_selector(words: Sequence[str]) -> Selector:
    """Which devices may run the job; every word narrows.

    A word is a device name, or ``class:cpu_only``, ``tag:KEY=VALUE``, ``runtime:NAME``,
    ``memory:2GiB`` (at least), ``name:DEVICE``.

    Raises:
        BadInput: a word is not understood, or two words contradict each other.
    """
    selector = Selector()
    for word in words:
        key, colon, value = word.partition(":")
        selector = _narrowed(selector, key if colon else "name", value if colon else word)
    return selector


def _narrowed(selector: Selector, key: str, value: str) -> Selector:
    if not value:
        raise BadInput(Code.BAD_ARGUMENT, f"--on {key}: names nothing.")
    if key == "tag":
        name, equals, wanted = value.partition("=")
        if not (equals and name):
            raise BadInput(Code.BAD_ARGUMENT, f"--on tag:{value} is not tag:KEY=VALUE.")
        return replace(selector, tags=(*selector.tags, StackItem(name, wanted)))
    if key not in _NARROWING:
        raise unknown("selector", key, (*_NARROWING, "tag"))
    field, parse_value = _NARROWING[key]
    narrowed: dict[str, Any] = {field: parse_value(value)}
    if getattr(selector, field) is not None:
        raise BadInput(Code.BAD_ARGUMENT, f"--on gives {key} twice; a job runs on one device.")
    return replace(selector, **narrowed)


def made_set(
    baseline: Path, dims: tuple[StackItem, ...], say: Callable[[str], None], *, float32: bool
) -> LocalFile:
    """A set of inputs made from the signature of the baseline, for who has none."""
    from bitgauge.benchmarks.common.digests import Hasher
    from bitgauge.benchmarks.quality.made import made_inputs
    from bitgauge.benchmarks.quality.sets import encoded_set

    from ..client.upload import LocalFile
    from ..models.recognise import inspect_model

    specs = inspect_model(baseline, baseline.name).inputs
    if float32:
        specs = tuple(
            replace(one, dtype="float32") if one.dtype == "float64" else one for one in specs
        )
    content = encoded_set(made_inputs(specs, {one.name: int(one.value) for one in dims}))
    hasher = Hasher()
    hasher.update(content)
    say(
        "note: no evaluation set (--eval): time and memory are measured on inputs made from the"
        " model's signature; accuracy and numerics are not judged."
    )
    return LocalFile(baseline, hasher.digest, content)
