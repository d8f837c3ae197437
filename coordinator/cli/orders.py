"""From what was typed after `bitgauge run` to the jobs that are submitted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Profile, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.profiles import MILLISECOND_NS, require_overrides
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES, Scheme, parse
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME
from bitgauge.benchmarks.vocabulary.typed import (
    parse_size_bytes,
    parse_time_ns,
    parse_word,
    unknown,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    NO_OVERRIDES,
    Entry,
    JobSpec,
    Overrides,
    Selector,
    Workload,
)

BASELINE_RECIPE = "fp32"
_SELECTOR_KEYS = ("class", "tag", "runtime", "memory", "name")


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """An uploaded file: its name for people, its digest for everything else."""

    name: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants measured, before it is split into one job per batch.

    Attributes:
        artifacts: files to measure beside the baseline.
        recipes: canonical recipes to build and measure.
        batches: samples per call, one job each.
    """

    model_name: str
    baseline: NamedBlob
    artifacts: tuple[NamedBlob, ...]
    recipes: tuple[str, ...]
    evaluation: Digest
    calibration: Digest | None
    selector: Selector
    batches: tuple[int, ...]
    threads: int = 1
    profile: Profile = Profile.QUICK
    model_class: ModelClass | None = None
    margin_pp: float = 1.0
    priority: int = 0
    deadline_s: int = 3600
    wait: bool = False
    idempotency_key: str = ""
    runtime: str = DEFAULT_RUNTIME
    scenario: Scenario = Scenario.SINGLE_STREAM
    overrides: Overrides = NO_OVERRIDES


def jobs_of(order: Order) -> tuple[JobSpec, ...]:
    """One job per batch; with several, each gets its own idempotency key."""
    entries = (
        Entry(BASELINE_RECIPE, order.baseline.digest, order.baseline.name),
        *(Entry("", artifact.digest, artifact.name) for artifact in order.artifacts),
        *(Entry(recipe) for recipe in order.recipes if recipe != BASELINE_RECIPE),
    )
    spec = JobSpec(
        model_name=order.model_name,
        baseline=order.baseline.digest,
        entries=entries,
        evaluation=order.evaluation,
        calibration=order.calibration,
        model_class=order.model_class,
        runtime=order.runtime,
        selector=order.selector,
        profile=order.profile,
        priority=order.priority,
        deadline_s=order.deadline_s,
        accuracy_margin_pp=order.margin_pp,
        wait_for_device=order.wait,
        overrides=order.overrides,
    )
    return tuple(
        replace(
            spec,
            workload=Workload(order.scenario, batch, order.threads),
            idempotency_key=_key(order, batch),
        )
        for batch in order.batches
    )


def _key(order: Order, batch: int) -> str:
    if not order.idempotency_key or len(order.batches) == 1:
        return order.idempotency_key
    return f"{order.idempotency_key}/batch={batch}"


def parse_recipes(text: str, *, calibrated: bool) -> tuple[str, ...]:
    """The recipes of ``--recipes``: `all`, or canonical spellings with commas.

    Args:
        text: what was typed; empty for none.
        calibrated: whether there is a calibration set, which static recipes need.

    Raises:
        BadInput: a recipe is unknown, or a static one has no calibration set.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    recipes = list(DEFAULT_RECIPES) if words == ["all"] else [parse(word) for word in words]
    static = [str(recipe) for recipe in recipes if recipe.scheme is Scheme.STATIC]
    if static and not calibrated:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Recipe {static[0]} needs a calibration set; give --calibration FILE.npz.",
        )
    return tuple(dict.fromkeys(str(recipe) for recipe in recipes))


def parse_overrides(
    warm_up: str | None, launches: int | None, budget: str | None, profile: Profile
) -> Overrides:
    """What ``--warm-up``, ``--launches`` and ``--budget`` put in place of the profile's.

    Args:
        warm_up: a time with its unit.
        launches: fresh processes.
        budget: a time with its unit.
        profile: what they are put into.

    Raises:
        BadInput: one cannot be measured.
    """
    given = Overrides(
        None if warm_up is None else round(parse_time_ns(warm_up) / MILLISECOND_NS),
        launches,
        None if budget is None else round(parse_time_ns(budget) / MILLISECOND_NS),
    )
    return require_overrides(given, profile)


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
    if key == "class":
        hardware = parse_word(HardwareClass, value, "hardware class")
        _require_unset(selector.hardware_class, key)
        return replace(selector, hardware_class=hardware)
    if key == "runtime":
        _require_unset(selector.runtime, key)
        return replace(selector, runtime=value)
    if key == "memory":
        _require_unset(selector.min_memory_bytes, key)
        return replace(selector, min_memory_bytes=parse_size_bytes(value))
    if key == "name":
        _require_unset(selector.device, key)
        return replace(selector, device=value)
    raise unknown("selector", key, _SELECTOR_KEYS)


def _require_unset(value: object, key: str) -> None:
    if value is not None:
        raise BadInput(Code.BAD_ARGUMENT, f"--on gives {key} twice; a job runs on one device.")
