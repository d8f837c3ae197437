"""What a submitted job must be before it is taken: pure checks and completions of a `JobSpec`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.asked import EVERY
from bitgauge.benchmarks.vocabulary.enums import Capability, FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.profiles import overrides_problem
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.session_options import (
    idle_problem,
    option_problem,
    options_for,
    order_problem,
)
from bitgauge.benchmarks.vocabulary.typed import unknown
from bitgauge.benchmarks.vocabulary.values.campaigns import SuiteModel
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, DeviceView, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, ModelSource, Workload

from .scheduler import refusals

BASELINE_RECIPE = "fp32"
REFERENCE_RECIPE = "reference"
"""What is built of a baseline and an evaluation set: the baseline's predictions off the device."""
ORDER_RECIPE = "order"
"""What is made of a baseline, and an evaluation set to run both on: the baseline in order."""
ANSWERS_RECIPE = "answers"
"""What is made of a form that an environment runs, and a set: what it answers to samples."""
MAX_ENTRIES = 256
MAX_SOURCES = 8
"""Further FP32 forms of one model."""
MAX_PERPLEXITY_MARGIN_PCT = 100.0
MAX_PROMPT_TOKENS = 1 << 20
MAX_GENERATED_TOKENS = 1 << 16
MAX_LABEL = 40
"""Characters of a label; what is longer loses its middle, so that it can stand in a table."""
MAX_BATCH = 1 << 16
MAX_DIM = 1 << 24
MAX_THREADS = 1 << 10
MAX_MARGIN_PP = 100.0
LONGEST_DEADLINE_S = 30 * 86_400


def completed(spec: JobSpec) -> JobSpec:
    """`spec` with the baseline as entry 0, and as the artifact of every bare ``fp32`` entry.

    What executes an entry that does not say so is seen when the files are looked into: the runtime
    of the job is that of its baseline, which `runtime_for` finds by what kind of file that is.

    Raises:
        BadInput: `BAD_ARGUMENT` when a number is out of range or the name is empty.
    """
    _require_sane(spec)
    entries = tuple(
        replace(entry, artifact=spec.baseline)
        if entry.artifact is None and entry.recipe == BASELINE_RECIPE and not entry.runtime
        else entry
        for entry in spec.entries
    )
    if not entries or not _is_baseline(entries[0], spec):
        entries = (Entry(BASELINE_RECIPE, spec.baseline), *entries)
    runtime = spec.runtime_of(entries[0])
    first = replace(entries[0], recipe=entries[0].recipe or BASELINE_RECIPE, runtime=runtime)
    sources = tuple(ModelSource(one.artifact, one.name) for one in spec.sources)
    return replace(
        spec,
        entries=(first, *entries[1:]),
        runtime=runtime,
        original=None,
        order=(),
        sources=sources,
    )


def _is_baseline(entry: Entry, spec: JobSpec) -> bool:
    """Whether a first entry stands for the baseline: it names its file, and no other format."""
    return entry.artifact == spec.baseline and entry.recipe in ("", BASELINE_RECIPE)


def order_recipe(spec: JobSpec | SuiteModel) -> str:
    """What is asked of the baseline, as the recipe under which its ordered form is kept."""
    asked = [f"{one.name}={one.value}" for one in spec.dims]
    return " ".join((ORDER_RECIPE, *(["float32"] if spec.float32 else []), *asked))


def is_order(recipe: str) -> bool:
    """Whether it is one of `order_recipe`."""
    return recipe.partition(" ")[0] == ORDER_RECIPE


def asked_of_baseline(recipe: str) -> tuple[bool, tuple[tuple[str, int], ...]]:
    """What one of `order_recipe` holds: whether float32 is wanted, and sizes of named axes."""
    words = recipe.split(" ")[1:]
    pairs = (word.rpartition("=") for word in words if word != "float32")
    return "float32" in words, tuple((name, int(size)) for name, _, size in pairs)


def ordered(
    spec: JobSpec, baseline: Digest, notes: tuple[str, ...], *, reformatted: bool = False
) -> JobSpec:
    """`spec` with its baseline in order, wherever it stood; what was sent is its original.

    Args:
        spec: with the baseline as it was sent.
        baseline: the same in order.
        notes: what was done to it.
        reformatted: whether it was sent in another format; then a further entry that names its
            file, and not FP32, is to be measured in that.
    """

    def stands(at: int, entry: Entry) -> bool:
        return at == 0 or not reformatted or entry.recipe == BASELINE_RECIPE

    entries = tuple(
        replace(entry, artifact=baseline)
        if entry.artifact == spec.baseline and stands(at, entry)
        else entry
        for at, entry in enumerate(spec.entries)
    )
    return replace(spec, baseline=baseline, entries=entries, original=spec.baseline, order=notes)


def as_sent(spec: JobSpec) -> JobSpec:
    """`spec` as its user sent it: tools that look into it may change between two submissions."""
    sources = tuple(replace(one, agreement="") for one in spec.sources)
    spec = replace(spec, sources=sources)
    return (
        spec if spec.original is None else replace(ordered(spec, spec.original, ()), original=None)
    )


def _require_sane(spec: JobSpec) -> None:
    workload = spec.workload
    problems = [
        (not spec.model_name.strip(), "the model name is empty"),
        (len(spec.entries) > MAX_ENTRIES, f"more than {MAX_ENTRIES} entries"),
        (len(spec.sources) > MAX_SOURCES, f"more than {MAX_SOURCES} sources"),
        (not 1 <= workload.batch <= MAX_BATCH, f"batch {workload.batch} is not 1 to {MAX_BATCH}"),
        (
            not 1 <= workload.threads <= MAX_THREADS,
            f"threads {workload.threads} is not 1 to {MAX_THREADS}",
        ),
        (
            not 1 <= spec.deadline_s <= LONGEST_DEADLINE_S,
            f"deadline {spec.deadline_s} s is not 1 s to {LONGEST_DEADLINE_S} s",
        ),
        (
            not 0 < spec.accuracy_margin_pp <= MAX_MARGIN_PP,
            f"the accuracy margin is not above 0 and at most {MAX_MARGIN_PP:g} points",
        ),
        (
            not 0 < spec.perplexity_margin <= MAX_PERPLEXITY_MARGIN_PCT,
            "the margin of perplexity is not above 0 and at most"
            f" {MAX_PERPLEXITY_MARGIN_PCT:g} percent",
        ),
        (
            any(not entry.recipe and entry.artifact is None for entry in spec.entries),
            "an entry has neither a recipe nor an artifact",
        ),
    ]
    found = [text for wrong, text in (*problems, *_request_problems(workload)) if wrong]
    overridden = overrides_problem(spec.overrides, spec.profile)
    found += [f"the {overridden}"] if overridden else []
    found += [text for text in map(_dim_problem, spec.dims) if text]
    if list(spec.dims) != sorted({one.name: one for one in spec.dims}.values(), key=_name):
        found.append("dims are not sorted by name, or name one twice")
    unsorted = order_problem(spec.overrides.session_options)
    found += [unsorted] if unsorted else []
    if found:
        raise BadInput(Code.BAD_ARGUMENT, f"The job can not be taken: {'; '.join(found)}.")


def _request_problems(workload: Workload) -> tuple[tuple[bool, str], ...]:
    """What is wrong with the request of a decoder, or with a workload that has one and may not."""
    prompt, generated = workload.prompt_tokens, workload.generated_tokens
    if not workload.is_llm:
        none = "a prompt and generated tokens belong to scenario llm"
        return ((bool(prompt or generated), none),)
    return (
        (workload.batch != 1, f"batch {workload.batch} is not 1, as scenario llm measures"),
        (
            not 1 <= prompt <= MAX_PROMPT_TOKENS,
            f"a prompt of {prompt} tokens is not 1 to {MAX_PROMPT_TOKENS}",
        ),
        (
            not 1 <= generated <= MAX_GENERATED_TOKENS,
            f"{generated} generated tokens are not 1 to {MAX_GENERATED_TOKENS}",
        ),
    )


def _name(item: StackItem) -> str:
    return item.name


def _dim_problem(dim: StackItem) -> str:
    sane = len(dim.name.split()) == 1 and dim.value.isascii() and dim.value.isdigit()
    sane = sane and len(dim.value) < 10
    if sane and 1 <= int(dim.value) <= MAX_DIM:
        return ""
    return f"dim {dim.name!r} = {dim.value!r} is no name and size from 1 to {MAX_DIM}"


def named_digests(spec: JobSpec) -> dict[Digest, str]:
    """Every blob a job needs, with what it is to its user."""
    names = {spec.baseline: "the baseline", spec.evaluation: "the evaluation set"}
    if spec.calibration is not None:
        names.setdefault(spec.calibration, "the calibration set")
    for source in spec.sources:
        names.setdefault(source.artifact, f"the source {source.name}".rstrip())
    for entry in spec.entries:
        if entry.artifact is not None:
            names.setdefault(entry.artifact, f"the artifact {entry.name or entry.recipe}".rstrip())
    return names


def require_blobs(spec: JobSpec, missing: Collection[Digest]) -> None:
    """Refuse a job whose files were not uploaded, naming each.

    Raises:
        Refused: `BLOB_MISSING`.
    """
    if missing:
        names = named_digests(spec)
        listed = "; ".join(f"{names[digest]}, {digest}" for digest in missing)
        raise Refused(Code.BLOB_MISSING, f"Not uploaded: {listed}.")


def described(spec: JobSpec, inspection: Inspection) -> JobSpec:
    """`spec` with recipes and kinds as they were found, and the model class unless it was given."""
    asked = inspection.entries or spec.entries
    runtimes = inspection.runtimes or tuple(map(spec.runtime_of, asked))
    seen = (inspection.recipes, inspection.kinds, inspection.families, runtimes)
    forms = {spec.baseline, *(one.artifact for one in spec.sources)}
    entries = tuple(
        replace(
            entry,
            recipe=recipe,
            artifact_kind=kind,
            name=entry.name if entry.artifact in forms else label_of(entry),
            family=family if recipe == CUSTOM else None,
            runtime=runtime,
        )
        for entry, recipe, kind, family, runtime in zip(asked, *seen, strict=True)
    )
    return replace(
        spec,
        entries=entries,
        runtime=entries[0].runtime,
        model_class=spec.model_class or inspection.model_class,
        sources=inspection.sources or spec.sources,
    )


def label_of(entry: Entry) -> str:
    """What an artifact is called: as its owner says, printable and short; else its digest.

    What is built here is called by its recipe alone.
    """
    if entry.artifact is None:
        return ""
    words = " ".join("".join(one if one.isprintable() else " " for one in entry.name).split())
    if len(words) > MAX_LABEL:
        half = MAX_LABEL // 2 - 1
        words = f"{words[:half]}..{words[-half:]}"
    return words or entry.artifact.short


Answers = Mapping[Digest, Digest | str]
"""By the artifact of a form, what it answers to samples, or why nobody knows."""

Takes = Mapping[str, tuple[str, ...]]
"""Which artifact kinds each runtime takes; one that is not there has not said so."""


def takes(devices: Sequence[DeviceDescription]) -> Takes:
    """What the runtimes of these devices take, each on any of them."""
    found: dict[str, dict[str, None]] = {}
    silent = set()
    for runtime in (one for device in devices for one in device.runtimes):
        found.setdefault(runtime.name, {}).update(dict.fromkeys(runtime.artifact_kinds))
        if not runtime.artifact_kinds:
            silent.add(runtime.name)
    return {name: tuple(kinds) for name, kinds in found.items() if name not in silent}


def require_runtimes(spec: JobSpec, devices: Sequence[DeviceDescription]) -> None:
    """Refuse a job that names a runtime beside that of its baseline which no device has.

    Where no device is there at all, `require_device` says so.

    Raises:
        BadInput: `BAD_ARGUMENT`; the sentence names those there are.
    """
    there = sorted({one.name for device in devices for one in device.runtimes})
    if spec.wait_for_device or not there:
        return
    named = dict.fromkeys(spec.runtime_of(entry) for entry in spec.entries)
    for name in named:
        if name not in (*there, spec.runtime, EVERY):
            raise unknown("runtime", name, there)


def alone_runtimes(
    specs: Sequence[JobSpec], devices: Callable[[], Sequence[DeviceView]]
) -> set[str]:
    """Runtimes that some device does not time beside another; asked where a job has several."""
    if all(len(spec.runtimes) < 2 for spec in specs):
        return set()
    offered = [one for view in devices() for one in view.description.runtimes]
    return {one.name for one in offered if Capability.ALONE in one.capabilities}


def require_options(spec: JobSpec, devices: Sequence[DeviceDescription]) -> None:
    """Refuse what no version of a runtime of it, on any registered device, can be given.

    Where no device has that runtime there is nothing to judge by; `require_device` says so.

    Raises:
        BadInput: `BAD_ARGUMENT`, a session option that the runtime does not have.
    """
    options = spec.overrides.session_options
    for name in spec.runtimes:
        offered = [one for device in devices for one in device.runtimes if one.name == name]
        own = options_for(options, name)
        problems = [option_problem(own, runtime) for runtime in offered]
        if problems and all(problems):
            more = f"; {name}:NAME=VALUE is for {name} alone" if len(spec.runtimes) > 1 else ""
            raise BadInput(Code.BAD_ARGUMENT, f"The job can not be taken: {problems[0]}{more}.")


def require_named_runtimes(spec: JobSpec) -> None:
    """Refuse a session option of a runtime that executes nothing of a job.

    Raises:
        BadInput: `BAD_ARGUMENT`, there is one.
    """
    problem = idle_problem(spec.overrides.session_options, spec.runtimes)
    if problem:
        raise BadInput(Code.BAD_ARGUMENT, f"The job can not be taken: {problem}.")


def require_device(spec: JobSpec, devices: Sequence[DeviceDescription]) -> None:
    """Refuse a job that no registered device, online or not, can ever run.

    Raises:
        Refused: `NO_MATCHING_DEVICE`, with every reason of every device.
    """
    if spec.wait_for_device:
        return
    if not devices:
        raise Refused(
            Code.NO_MATCHING_DEVICE, "No device has ever registered, so nothing can run this job."
        )
    reasons = refusals(spec, devices)
    if len(reasons) == len(devices):
        listed = "; ".join(f"{name} {' and '.join(why)}" for name, why in reasons.items())
        raise Refused(Code.NO_MATCHING_DEVICE, f"No registered device can run this job: {listed}.")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a look at a job's files found.

    Attributes:
        model_class: recognised from the baseline's graph.
        recipes: canonical recipe of each entry, in order.
        kinds: artifact kind of each entry, in order.
        families: what the file of each custom entry is, in order; None for the others.
        runtimes: what executes each entry, in order.
        entries: those of the job, where `all` stood for some, or a source is one.
        sources: with their kinds, and how they agree with the baseline.
        disorder: what of the baseline is to be put in order first; nothing else was looked at.
        reformatted: whether that puts it into another format than it was sent in.
        unanswered: forms of the model, with their kinds, that are to answer samples first.
    """

    model_class: ModelClass
    recipes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    families: tuple[FormatFamily | None, ...] = ()
    runtimes: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    sources: tuple[ModelSource, ...] = ()
    disorder: tuple[str, ...] = ()
    reformatted: bool = False
    unanswered: tuple[tuple[Digest, str], ...] = ()
