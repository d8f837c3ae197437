"""The table: of everything that was ever settled, the newest knowledge per row key.

Pure: the same candidates in any order give the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..vocabulary.devices import means
from ..vocabulary.enums import FormatFamily, HardwareClass, ModelClass, Profile, Scenario
from ..vocabulary.metric import Decides
from ..vocabulary.metrics import keys
from ..vocabulary.reasons import PRELIMINARY
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.jobs import Overrides, Workload
from ..vocabulary.values.rows import TableQuery, TableRow
from ..vocabulary.values.runs import MetricValue

_CLASSES = list(ModelClass)
_HARDWARE = list(HardwareClass)
_FAMILIES = list(FormatFamily)
_PROFILES = list(Profile)
_SCENARIOS = list(Scenario)

DECIDING_METRICS = frozenset(keys(lambda metric: metric.decides is not Decides.NOTHING))
"""All that cells, gates and selections look at; the other metrics explain."""

_DECIDING_DETAILS = frozenset(keys(lambda metric: metric.decides is Decides.DETAIL))
"""Of these also how they came about: an answer shows them, or asks for bounds or kind of meter."""


@dataclass(frozen=True, slots=True)
class SettledRow:
    """One settled entry, as a row that may be superseded.

    Attributes:
        row: what the table would show.
        settled_unix_ns: when the coordinator settled it; the device's clock may be wrong.
        conclusive: false for failures of the harness or the environment, which say nothing
            about the artifact and so never replace what is known of it.
        key: breaks ties of time, unique per settled entry.
    """

    row: TableRow
    settled_unix_ns: int
    conclusive: bool
    key: str


def row_key(row: TableRow) -> tuple[object, ...]:
    """What must be equal for one row to supersede another."""
    return key_of(
        *(row.model_name, row.baseline, row.recipe, row.workload),
        device_id=row.device_id,
        runtime=row.runtime,
        profile=row.profile,
        overrides=row.overrides,
        output=row.output,
        reference=row.reference,
        artifact=row.artifact,
    )


def key_of(
    model_name: str,
    baseline: Digest | None,
    recipe: str,
    workload: Workload,
    *,
    device_id: str,
    runtime: str,
    profile: Profile,
    overrides: Overrides,
    output: str,
    reference: str,
    artifact: Digest | None,
) -> tuple[object, ...]:
    """The key of the row that a measurement leads to, whoever speaks of it before it is made.

    Args:
        model_name: label of the model.
        baseline: its sanctioned FP32 artifact.
        recipe: of the artifact.
        workload: what one call does.
        device_id: where.
        runtime: what executes the artifact.
        profile: how much measuring.
        overrides: what of the profile was overridden.
        output: the judged one where somebody chose it, else "".
        reference: what executes the baseline where that is another runtime, else "".
        artifact: the file that its owner gave; None: it was built here.
    """
    call = call_of(workload)
    parts = (model_name, baseline, recipe, call, device_id, runtime, profile, overrides)
    return of_artifact((*parts, *chosen(output, reference)), artifact)


@dataclass(frozen=True, slots=True)
class _Call:
    """A workload as it was before there were decoders: keys of rows that were there stay."""

    scenario: Scenario
    batch: int
    threads: int


def call_of(workload: Workload) -> _Call | Workload:
    """The part of a row key that a workload is."""
    if workload.prompt_tokens or workload.generated_tokens:
        return workload
    return _Call(workload.scenario, workload.batch, workload.threads)


def chosen(output: str, reference: str) -> tuple[str, ...]:
    """The parts of a row key that are there only where they are not the usual.

    What nobody chose leaves the keys of rows as they were before there was a choice.
    """
    against = (f"against {reference}",) if reference else ()
    return (*((output,) if output else ()), *against)


def of_artifact(parts: tuple[object, ...], artifact: Digest | None) -> tuple[object, ...]:
    """A row key of these parts and the artifact that an owner gave; None: it was built here.

    Files are told apart by their content, whatever they are called; what is built here follows
    from its recipe, so a newer build takes the place of an older one.
    """
    return parts if artifact is None else (*parts, artifact)


def newest(candidates: Iterable[SettledRow]) -> tuple[SettledRow, ...]:
    """The candidate that shows per row key, in no particular order.

    Emulated and simulated devices never enter. A conclusive candidate outranks any
    inconclusive one; among equals the one settled last wins.
    """
    found: dict[tuple[object, ...], SettledRow] = {}
    for candidate in candidates:
        if not candidate.row.realness.keeps_time:
            continue
        key = row_key(candidate.row)
        known = found.get(key)
        if known is None or rank(candidate) > rank(known):
            found[key] = candidate
    return tuple(found.values())


def newest_rows(candidates: Iterable[SettledRow]) -> tuple[TableRow, ...]:
    """The newest row per key, in the order of the table."""
    return ordered(candidate.row for candidate in newest(candidates))


def ordered(rows: Iterable[TableRow]) -> tuple[TableRow, ...]:
    """Rows in the order of the table."""
    return tuple(sorted(rows, key=_order))


def matches(query: TableQuery, row: TableRow) -> bool:
    """Whether a row is one that a query asks for, its job aside."""
    return (
        query.model_name in (None, row.model_name)
        and query.model_class in (None, row.model_class)
        and query.hardware_class in (None, row.hardware_class)
        and (query.device is None or means(query.device, row.device_id, row.device_name))
        and query.family in (None, row.family)
        and query.batch in (None, row.workload.batch)
        and query.workload in (None, row.workload)
        and (query.artifact is None or is_named(row, query.artifact))
    )


def is_named(row: TableRow, word: str) -> bool:
    """Whether `word` is the label of a row's artifact, or the start of its digest."""
    if row.artifact is None:
        return False
    return word == row.label or (len(word) >= 4 and row.artifact.sha256.startswith(word))


def rank(candidate: SettledRow) -> tuple[bool, int, str]:
    """What decides between candidates of one row key: the highest shows."""
    return (candidate.conclusive, candidate.settled_unix_ns, candidate.key)


def numbered(row: TableRow, metrics: tuple[MetricValue, ...]) -> TableRow:
    """A row with its numbers, and every flag that any of them or its profile sets."""
    if not row.state.has_numbers:
        return row
    flags = {*row.flags, *(flag for metric in metrics for flag in metric.flags)}
    if row.profile is Profile.QUICK:
        flags.add(PRELIMINARY)
    return replace(
        row, metrics=metrics, flags=tuple(sorted(flags)), kernel_mode=_kernel_mode(metrics)
    )


def _kernel_mode(metrics: tuple[MetricValue, ...]) -> str | None:
    """What the integer kernels of a run really did, as its analysis found it."""
    for metric in metrics:
        if metric.key == "saturated_pct":
            return next((one.value for one in metric.detail if one.name == "kernel_mode"), None)
    return None


def deciding_row(row: TableRow) -> TableRow:
    """A row with the metrics that decide and no others, and of their details those that do."""
    kept = tuple(metric for metric in row.metrics if metric.key in DECIDING_METRICS)
    return replace(row, metrics=tuple(map(_without_details, kept)))


def _without_details(metric: MetricValue) -> MetricValue:
    return metric if metric.key in _DECIDING_DETAILS else replace(metric, detail=())


def _overrides_order(overrides: Overrides) -> tuple[object, ...]:
    """A row as its profile says comes before those with something overridden."""
    values = (overrides.warmup_ms, overrides.launches, overrides.budget_ms)
    options = [(option.name, option.value) for option in overrides.session_options]
    return (*(-1 if value is None else value for value in values), options)


def _order(row: TableRow) -> tuple[object, ...]:
    """Rows that are read together stand together: one model on one device at one workload."""
    return (
        _CLASSES.index(row.model_class),
        row.model_name,
        row.baseline.sha256 if row.baseline else "",
        _HARDWARE.index(row.hardware_class),
        row.device_name,
        row.device_id,
        row.runtime,
        _SCENARIOS.index(row.workload.scenario),
        row.workload.batch,
        row.workload.threads,
        row.workload.prompt_tokens,
        row.workload.generated_tokens,
        _PROFILES.index(row.profile),
        _overrides_order(row.overrides),
        row.output,
        row.reference,
        _FAMILIES.index(row.family),
        row.recipe,
        row.label,
        row.artifact.sha256 if row.artifact else "",
    )
