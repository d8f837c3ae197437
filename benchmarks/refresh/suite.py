"""A suite file: what to keep measured. From parsed TOML to plain values, or one clear sentence.

Pure: reading the file, and the files that it names, is the caller's.

    name = "edge"                     # label; else the file's
    profile = "standard"              # quick, standard, certified, sustained
    recipes = ["fp16", "int8-dynamic"]  # or "all"
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
    class = "cnn"                     # else recognised from the graph
    name = "mine"                     # else the file's

    [[selector]]                      # any device that meets one of them; none: every device
    hardware_class = "cpu_only"       # also: device, runtime, memory = "2 GiB", tags = {room = "a"}

    [[workload]]                      # none: batch 1
    batch = 64                        # also: threads, scenario

    [overrides]                       # of the profile
    launches = 1                      # also: warm_up = "100 ms", budget = "1 s"

    [[volume]]                        # how much is used
    per_day = 1e6                     # also: model_class, hardware_class, batch, threads, scenario
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..vocabulary.enums import HardwareClass, ModelClass, Profile, Scenario
from ..vocabulary.profiles import require_overrides
from ..vocabulary.recipes import DEFAULT_RECIPES, is_calibrated, parse
from ..vocabulary.typed import parse_size_bytes
from ..vocabulary.values.campaigns import Volume
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.jobs import NO_OVERRIDES, Overrides, Selector, Workload
from .suite_table import SuiteTable, bad_suite, hint_of

USE_CASES = ("default",)
_TOP = (
    *("name", "profile", "recipes", "accuracy_margin_pp", "use_case", "budget", "max_age"),
    *("volume_file", "model", "selector", "workload", "overrides", "volume"),
)
_MODEL = ("zoo", "name", "baseline", "evaluation", "calibration", "class")
_SELECTOR = ("device", "hardware_class", "runtime", "memory", "tags")
_WORKLOAD = ("batch", "threads", "scenario")
_OVERRIDES = ("warm_up", "launches", "budget")
_VOLUME = ("model_class", "hardware_class", "batch", "threads", "scenario", "per_day")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """One model of a suite, by its files as they are written; of the zoo when `zoo` is set."""

    name: str
    zoo: str = ""
    baseline: str = ""
    evaluation: str = ""
    calibration: str = ""
    model_class: ModelClass | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """What a suite file says; paths are as written."""

    name: str
    models: tuple[ModelFiles, ...]
    recipes: tuple[str, ...]
    selectors: tuple[Selector, ...]
    workloads: tuple[Workload, ...]
    profile: Profile
    overrides: Overrides
    accuracy_margin_pp: float
    use_case: str
    budget_s: int | None
    max_age_s: int | None
    volumes: tuple[Volume, ...]
    volume_file: str | None


def parse_suite(
    values: Mapping[str, Any], text: str, file: str, zoo: Iterable[str], default_name: str
) -> SuiteFile:
    """What a suite says.

    Args:
        values: the file as its TOML parser gives it.
        text: the file, to find the lines of keys.
        file: its name, for sentences.
        zoo: names of the reference models.
        default_name: label of the suite when it has none.

    Raises:
        BadInput: `BAD_SUITE`; the sentence has file, line and key, and the nearest known word.
    """
    top = SuiteTable(values, (), text, file)
    top.require_known(_TOP)
    profile = top.word("profile", Profile, Profile.QUICK)
    overrides = _overrides(top.table("overrides"), profile)
    models = tuple(_model(one, tuple(zoo)) for one in top.tables("model"))
    if not models:
        raise top.wrong(None, "there is no [[model]]")
    names = [model.name for model in models]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise top.wrong(("model", index), f"there are two models named {name!r}")
    return SuiteFile(
        name=top.text("name", default_name),
        models=models,
        recipes=_recipes(top, models),
        selectors=tuple(map(_selector, top.tables("selector"))) or (Selector(),),
        workloads=tuple(dict.fromkeys(map(_workload, top.tables("workload")))) or (Workload(),),
        profile=profile,
        overrides=overrides,
        accuracy_margin_pp=top.number("accuracy_margin_pp", 1.0),
        use_case=top.choice("use_case", USE_CASES, "default"),
        budget_s=top.seconds("budget"),
        max_age_s=top.seconds("max_age"),
        volumes=tuple(map(_volume, top.tables("volume"))),
        volume_file=top.text("volume_file", "") or None,
    )


def volumes_of_csv(text: str, file: str) -> tuple[Volume, ...]:
    """How much is used, of a CSV file with the columns of a [[volume]]; empty fields match all.

    Raises:
        BadInput: `BAD_SUITE`; the sentence has file, line and column.
    """
    reader = csv.DictReader(io.StringIO(text))
    columns = reader.fieldnames or ()
    for column in columns:
        if column not in _VOLUME:
            raise bad_suite(file, 1, column, f"is no column{hint_of(column, _VOLUME)}")
    found = []
    for row in reader:
        given = {key: _typed(key, value) for key, value in row.items() if key and value}
        line = "\n" * (reader.line_num - 1) + "\n".join(f"{key} = 0" for key in given)
        table = SuiteTable(given, (), line, file, fixed_line=reader.line_num)
        found.append(_volume(table))
    return tuple(found)


def _typed(key: str, value: str) -> Any:
    if key not in ("batch", "threads", "per_day"):
        return value.strip()
    try:
        return float(value) if key == "per_day" else int(value)
    except ValueError:
        return value


# -- parts --------------------------------------------------------------------------------
def _model(one: SuiteTable, zoo: Sequence[str]) -> ModelFiles:
    one.require_known(_MODEL)
    kind = one.word("class", ModelClass, None)
    if "zoo" in one.values:
        name = one.choice("zoo", zoo, "")
        for key in ("baseline", "evaluation", "calibration"):
            if key in one.values:
                raise one.wrong((key,), "a model of the zoo has files of its own")
        return ModelFiles(one.text("name", name), zoo=name, model_class=kind, line=one.line(None))
    for key in ("baseline", "evaluation"):
        if key not in one.values:
            raise one.wrong(None, f"{key} is missing; a model needs it, or zoo = NAME")
    baseline = one.text("baseline", "")
    stem = re.split(r"[/\\]", baseline)[-1].rsplit(".", 1)[0]
    return ModelFiles(
        name=one.text("name", stem),
        baseline=baseline,
        evaluation=one.text("evaluation", ""),
        calibration=one.text("calibration", ""),
        model_class=kind,
        line=one.line(None),
    )


def _recipes(top: SuiteTable, models: Sequence[ModelFiles]) -> tuple[str, ...]:
    given = top.values.get("recipes", "all")
    if given == "all":
        return tuple(str(recipe) for recipe in DEFAULT_RECIPES)
    if isinstance(given, str) or not isinstance(given, list):
        raise top.wrong(("recipes",), 'it is "all" or a list of recipes')
    recipes = top.made(("recipes",), lambda: [str(parse(str(text))) for text in given])
    if not recipes:
        raise top.wrong(("recipes",), "it names no recipe")
    static = [recipe for recipe in recipes if is_calibrated(recipe)]
    for model in models:
        if static and not (model.zoo or model.calibration):
            raise bad_suite(
                top.file,
                model.line,
                "calibration",
                f"is missing: {static[0]} of {model.name} needs a calibration set",
            )
    return tuple(dict.fromkeys(recipes))


def _selector(one: SuiteTable) -> Selector:
    one.require_known(_SELECTOR)
    tags = one.values.get("tags", {})
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise one.wrong(("tags",), 'it is a table of texts, such as {room = "a"}')
    memory = one.text("memory", "")
    return Selector(
        device=one.text("device", "") or None,
        hardware_class=one.word("hardware_class", HardwareClass, None),
        runtime=one.text("runtime", "") or None,
        min_memory_bytes=one.made(("memory",), lambda: parse_size_bytes(memory))
        if memory
        else None,
        tags=tuple(StackItem(name, tags[name]) for name in sorted(tags)),
    )


def _workload(one: SuiteTable) -> Workload:
    one.require_known(_WORKLOAD)
    return Workload(
        scenario=one.word("scenario", Scenario, Scenario.SINGLE_STREAM),
        batch=one.whole("batch", 1) or 1,
        threads=one.whole("threads", 1) or 1,
    )


def _overrides(one: SuiteTable, profile: Profile) -> Overrides:
    one.require_known(_OVERRIDES)
    if not one.values:
        return NO_OVERRIDES
    given = Overrides(
        one.milliseconds("warm_up"), one.whole("launches", None), one.milliseconds("budget")
    )
    return one.made((), lambda: require_overrides(given, profile))


def _volume(one: SuiteTable) -> Volume:
    one.require_known(_VOLUME)
    if "per_day" not in one.values:
        raise one.wrong(None, "per_day is missing: inferences per day")
    named = any(key in one.values for key in _WORKLOAD)
    return Volume(
        per_day=one.number("per_day", 0.0),
        model_class=one.word("model_class", ModelClass, None),
        hardware_class=one.word("hardware_class", HardwareClass, None),
        workload=Workload(
            one.word("scenario", Scenario, Scenario.SINGLE_STREAM),
            one.whole("batch", 1) or 1,
            one.whole("threads", 1) or 1,
        )
        if named
        else None,
    )
