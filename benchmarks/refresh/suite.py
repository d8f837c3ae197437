"""A suite file: what to keep measured. From parsed TOML to plain values, or one clear sentence.

Pure: reading the file, and the files that it names, is the caller's.

    name = "edge"                     # label; else the file's
    profile = "standard"              # quick, standard, certified, sustained
    recipes = ["fp16", "int8-dynamic"]  # or "all"; of another runtime: "fp16@litert", "all@litert"
    accuracy_margin_pp = 1.0          # accuracy loss that counts as none, points
    use_case = "default"              # the gate
    budget = "90 min"                 # device time of one refresh
    max_age = "30 d"                  # older results are stale
    volume_file = "volumes.csv"       # see `volumes_of_csv`

    [[model]]                         # of the zoo, or by its files
    zoo = "digits-cnn"
    [[model]]
    baseline = "model.onnx"
    evaluation = "eval.npz"
    calibration = "calibration.npz"   # static recipes need one
    sources = ["model.tflite"]        # the same model for other runtimes
    class = "cnn"                     # else recognised from the graph
    name = "mine"                     # else the file's
    output = "logits"                 # the one that is judged; else the one that the labels fit
    float32 = true                    # a baseline in double precision is converted
    dims = {sequence = 128}           # sizes of axes that the graph leaves open

    [[selector]]                      # any device that meets one of them; none: every device
    hardware_class = "cpu_only"       # also: device, runtime, memory = "2 GiB", tags = {room = "a"}

    [[workload]]                      # none: batch 1
    batch = 64                        # also: threads, scenario
    [[workload]]
    scenario = "llm"                  # of language models; 128 and 32 tokens unless given:
    prompt_tokens = 128
    generated_tokens = 32

    [overrides]                       # of the profile
    launches = 1                      # also: warm_up = "100 ms", budget = "1 s"

    [[volume]]                        # how much is used
    per_day = 1e6                     # also: model_class, hardware_class, batch, threads, scenario
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from ..common.typed_toml import Count, Document, Positive, Size, Text, Time, Word
from ..vocabulary.asked import canonical, needs_calibration
from ..vocabulary.enums import HardwareClass, ModelClass, Profile, Scenario
from ..vocabulary.errors import Code
from ..vocabulary.profiles import require_overrides
from ..vocabulary.recipes import DEFAULT_RECIPES
from ..vocabulary.typed import hint_of
from ..vocabulary.values.campaigns import Suite, Volume
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.jobs import NO_OVERRIDES, Overrides, Selector, Workload, usual_request


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """One model of a suite, by its files as they are written; of the zoo when `zoo` is set."""

    name: str
    zoo: str = ""
    baseline: str = ""
    evaluation: str = ""
    calibration: str = ""
    model_class: ModelClass | None = None
    output: str = ""
    float32: bool = False
    dims: tuple[StackItem, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """What a suite file says; paths are as written.

    Attributes:
        suite: without its models and what `volume_file` holds.
        models: by their files.
        volume_file: more of how much is used.
    """

    suite: Suite
    models: tuple[ModelFiles, ...]
    volume_file: str | None


# -- what may stand in a suite ------------------------------------------------------------
class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a suite: a key that it does not know is a mistake."""


class _Model(_Table, frozen=True):
    zoo: Text = ""
    name: Text = ""
    baseline: Text = ""
    evaluation: Text = ""
    calibration: Text = ""
    kind: Word[ModelClass] | None = field(name="class", default=None)
    output: Text = ""
    float32: bool = False
    sources: Annotated[tuple[Text, ...], Meta(description="a list of files")] = ()
    dims: Annotated[dict[str, Count], Meta(description="a table of sizes, such as {n = 8}")] = {}


class _Selector(_Table, frozen=True):
    device: Text | None = None
    hardware_class: Word[HardwareClass] | None = None
    runtime: Text | None = None
    memory: Size | None = None
    tags: Annotated[dict[str, str], Meta(description='a table of texts, such as {room = "a"}')] = {}


class _Workload(_Table, frozen=True):
    batch: Count = 1
    threads: Count = 1
    scenario: Word[Scenario] = Word(Scenario.SINGLE_STREAM)
    prompt_tokens: Count | None = None
    generated_tokens: Count | None = None


class _Overrides(_Table, frozen=True):
    warm_up: Time | None = None
    launches: Count | None = None
    budget: Time | None = None


class _Volume(_Table, frozen=True):
    per_day: Positive
    model_class: Word[ModelClass] | None = None
    hardware_class: Word[HardwareClass] | None = None
    batch: Count | None = None
    threads: Count | None = None
    scenario: Word[Scenario] | None = None


class _Suite(_Table, frozen=True):
    name: Text = ""
    profile: Word[Profile] = Word(Profile.QUICK)
    recipes: Annotated[
        Literal["all"] | tuple[str, ...], Meta(description='"all" or a list of recipes')
    ] = "all"
    accuracy_margin_pp: Positive = 1.0
    use_case: Literal["default"] = "default"
    budget: Time | None = None
    max_age: Time | None = None
    volume_file: Text | None = None
    model: tuple[_Model, ...] = ()
    selector: tuple[_Selector, ...] = ()
    workload: tuple[_Workload, ...] = ()
    overrides: _Overrides = _Overrides()
    volume: tuple[_Volume, ...] = ()


def parse_suite(text: str, file: str, zoo: Iterable[str], default_name: str) -> SuiteFile:
    """What a suite says.

    Args:
        text: the file.
        file: its name, for sentences.
        zoo: names of the reference models.
        default_name: label of the suite when it has none.

    Raises:
        BadInput: `BAD_SUITE`; the sentence has file, line and key, and the nearest known word.
    """
    document = Document("Suite", file, Code.BAD_SUITE, text)
    said = document.read(_Suite)
    known = tuple(zoo)
    models = tuple(_model(document, i, one, known) for i, one in enumerate(said.model))
    if not models:
        raise document.wrong((), "there is no [[model]]")
    names = [model.name for model in models]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise document.wrong(("model", index), f"there are two models named {name!r}")
    suite = Suite(
        name=said.name or default_name,
        models=(),
        recipes=_recipes(document, said.recipes, models),
        selectors=tuple(map(_selector, said.selector)) or (Selector(),),
        workloads=_workloads(document, said.workload),
        profile=said.profile.member,
        overrides=_overrides(document, said.overrides, said.profile.member),
        accuracy_margin_pp=said.accuracy_margin_pp,
        use_case=said.use_case,
        budget_s=said.budget.seconds if said.budget else None,
        max_age_s=said.max_age.seconds if said.max_age else None,
        volumes=tuple(map(_volume, said.volume)),
    )
    return SuiteFile(suite, models, said.volume_file)


def volumes_of_csv(text: str, file: str) -> tuple[Volume, ...]:
    """How much is used, of a CSV file with the columns of a [[volume]]; empty fields match all.

    Raises:
        BadInput: `BAD_SUITE`; the sentence has file, line and column.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    found = []
    try:
        for column in reader.fieldnames or ():
            if column not in _Volume.__struct_fields__:
                hint = hint_of(column, _Volume.__struct_fields__)
                raise _row(file, 1).wrong((column,), f"is no column{hint}")
        for row in reader:
            given = {key: _typed(key, value) for key, value in row.items() if key and value}
            found.append(_volume(_row(file, reader.line_num).fitted(given, _Volume)))
    except csv.Error as error:
        raise _row(file, reader.line_num + 1).wrong((), f"not valid CSV: {error}") from error
    return tuple(found)


def _row(file: str, line: int) -> Document:
    return Document("Suite", file, Code.BAD_SUITE, line=line)


def _typed(key: str, value: str) -> Any:
    if key not in ("batch", "threads", "per_day"):
        return value.strip()
    try:
        return float(value) if key == "per_day" else int(value)
    except ValueError:
        return value


# -- its values ---------------------------------------------------------------------------
def _model(document: Document, index: int, one: _Model, zoo: Sequence[str]) -> ModelFiles:
    at, kind = ("model", index), one.kind.member if one.kind else None
    if one.zoo:
        if one.zoo not in zoo:
            raise document.wrong((*at, "zoo"), f"{one.zoo!r} is not known{hint_of(one.zoo, zoo)}")
        for key in ("baseline", "evaluation", "calibration"):
            if getattr(one, key):
                raise document.wrong((*at, key), "a model of the zoo has files of its own")
        for key in ("output", "float32", "dims", "sources"):
            if getattr(one, key):
                raise document.wrong((*at, key), "a model of the zoo needs none")
        return ModelFiles(one.name or one.zoo, zoo=one.zoo, model_class=kind)
    for key in ("baseline", "evaluation"):
        if not getattr(one, key):
            raise document.wrong(at, f"{key} is missing; a model needs it, or zoo = NAME")
    stem = re.split(r"[/\\]", one.baseline)[-1].rsplit(".", 1)[0]
    return ModelFiles(
        name=one.name or stem,
        baseline=one.baseline,
        evaluation=one.evaluation,
        calibration=one.calibration,
        model_class=kind,
        output=one.output,
        float32=one.float32,
        dims=tuple(StackItem(name, str(one.dims[name])) for name in sorted(one.dims)),
        sources=one.sources,
    )


def _recipes(
    document: Document, given: Literal["all"] | tuple[str, ...], models: Sequence[ModelFiles]
) -> tuple[str, ...]:
    if given == "all":
        return tuple(str(recipe) for recipe in DEFAULT_RECIPES)
    recipes = document.made(("recipes",), lambda: [canonical(text) for text in given])
    if not recipes:
        raise document.wrong(("recipes",), "it names no recipe")
    static = [recipe for recipe in recipes if needs_calibration(recipe)]
    for index, model in enumerate(models):
        if static and not (model.zoo or model.calibration):
            raise document.wrong(
                ("model", index, "calibration"),
                f"is missing: {static[0]} of {model.name} needs a calibration set",
            )
    return tuple(dict.fromkeys(recipes))


def _selector(one: _Selector) -> Selector:
    return Selector(
        device=one.device,
        hardware_class=one.hardware_class.member if one.hardware_class else None,
        runtime=one.runtime,
        min_memory_bytes=one.memory,
        tags=tuple(StackItem(name, one.tags[name]) for name in sorted(one.tags)),
    )


def _workloads(document: Document, said: Iterable[_Workload]) -> tuple[Workload, ...]:
    found = (_workload(document, index, one) for index, one in enumerate(said))
    return tuple(dict.fromkeys(found)) or (Workload(),)


def _workload(document: Document, index: int, one: _Workload) -> Workload:
    if one.scenario.member is not Scenario.LLM:
        for key in ("prompt_tokens", "generated_tokens"):
            if getattr(one, key) is not None:
                raise document.wrong(("workload", index, key), 'it belongs to scenario = "llm"')
        return Workload(one.scenario.member, one.batch, one.threads)
    if one.batch != 1:
        raise document.wrong(("workload", index, "batch"), "scenario llm measures batch 1 alone")
    return usual_request(one.threads, one.prompt_tokens, one.generated_tokens)


def _overrides(document: Document, one: _Overrides, profile: Profile) -> Overrides:
    if one == _Overrides():
        return NO_OVERRIDES
    given = Overrides(
        one.warm_up.milliseconds if one.warm_up else None,
        one.launches,
        one.budget.milliseconds if one.budget else None,
    )
    return document.made(("overrides",), lambda: require_overrides(given, profile))


def _volume(one: _Volume) -> Volume:
    named = (one.batch, one.threads, one.scenario) != (None, None, None)
    scenario = one.scenario.member if one.scenario else Scenario.SINGLE_STREAM
    return Volume(
        per_day=one.per_day,
        model_class=one.model_class.member if one.model_class else None,
        hardware_class=one.hardware_class.member if one.hardware_class else None,
        workload=_used(scenario, one) if named else None,
    )


def _used(scenario: Scenario, one: _Volume) -> Workload:
    if scenario is Scenario.LLM:
        return usual_request(one.threads or 1)
    return Workload(scenario, one.batch or 1, one.threads or 1)
