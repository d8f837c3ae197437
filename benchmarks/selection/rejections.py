"""Why a recipe is rejected or open, in words: all of them stand here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..table.units import Unit, unit_of
from ..vocabulary import shown as text
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed
from .checks import (
    ACCURACY_LIMIT,
    OBJECTIVE_METRIC,
    accuracy_bounds,
    objective_value,
    samples_needed,
)
from .gather import Gathered
from .limits import LIMITS, Limit, metric_of
from .objections import Objection, Why


@dataclass(frozen=True, slots=True)
class _LimitWords:
    """How a limit is spoken of: what it limits, what a row with a figure does, the limit itself."""

    name: str
    does: str
    shown: Callable[[float], str]


_LIMIT = {
    "max_latency_ns": _LimitWords("latency", "takes {}", text.duration),
    "max_latency_p90_ns": _LimitWords(
        "90th percentile of the latency", "takes {} at the 90th percentile", text.duration
    ),
    "max_latency_p99_ns": _LimitWords(
        "99th percentile of the latency", "takes {} at the 99th percentile", text.duration
    ),
    "min_throughput_per_s": _LimitWords("throughput", "does {}", lambda v: f"{text.number(v)}/s"),
    "max_peak_memory_bytes": _LimitWords(
        "peak memory", "needs {} of memory at its peak", text.size
    ),
    "max_energy_mj": _LimitWords(
        "energy", "uses {} per inference", lambda v: f"{text.number(v)} mJ"
    ),
    "max_size_bytes": _LimitWords("size", "is {} large", text.size),
    "max_size_ratio": _LimitWords("size ratio", "has {} of the baseline's size", text.ratio),
    "max_ttft_ns": _LimitWords("time to first token", "takes {} to the first token", text.duration),
    "min_tokens_per_s": _LimitWords(
        "decode rate", "gives {} tokens", lambda v: f"{text.number(v)}/s"
    ),
    "max_perplexity_ratio": _LimitWords(
        "perplexity ratio", "has {} times the baseline's perplexity", lambda v: f"{v:.4g}"
    ),
}


def limit_name(limit: Limit) -> str:
    """What a limit is about, such as `peak memory`."""
    return _LIMIT[limit.field].name


def limit_value(limit: Limit, value: float) -> str:
    """The limit itself, such as `20 MiB`."""
    return _LIMIT[limit.field].shown(value)


def reasons(query: SelectQuery, gathered: Gathered, one: Assessed) -> tuple[str, ...]:
    """Why a recipe is not eligible, each with its unit where there are several."""
    return tuple(_reason(query, gathered, objection) for objection in one.objections)


def _reason(query: SelectQuery, gathered: Gathered, objection: Objection) -> str:
    unit = objection.unit if objection.row is None else unit_of(objection.row)
    name = "" if unit is None else _unit(unit, gathered)
    words = _objection(query, objection)
    return f"{name}: {words}" if name else words


def _unit(unit: Unit, gathered: Gathered) -> str:
    """As much of a unit as is needed to tell it from the others."""
    devices = {row.device_id: row.device_name for row in gathered.rows}
    parts = []
    if len({model for model, _, _ in gathered.units}) > 1:
        parts.append(unit[0])
    if len(devices) > 1:
        parts.append(f"on {devices[unit[1]]}")
    if len({runtime for _, _, runtime in gathered.units}) > 1:
        parts.append(f"with {unit[2]}")
    return " ".join(parts)


def _objection(query: SelectQuery, objection: Objection) -> str:
    """What speaks against a recipe, without where."""
    if objection.row is None:
        return _of_no_row(query, objection)
    if objection.limit == ACCURACY_LIMIT:
        return _of_accuracy(query, objection, objection.row.metric("accuracy_delta_pp"))
    for limit in LIMITS:
        if objection.limit == limit.field:
            return _of_limit(query, objection, limit, metric_of(limit.key, objection.row))
    return _of_row(query, objection, objection.row)


def _of_no_row(query: SelectQuery, objection: Objection) -> str:
    if objection.why is Why.FEW_DEVICES:
        return f"it was measured on {objection.devices} of {query.min_devices} devices"
    if objection.why is Why.MIXED_METERS:
        return f"its energy is of different kinds of meter ({', '.join(objection.meters)})"
    return "it was not measured here"


def _of_row(query: SelectQuery, objection: Objection, row: TableRow) -> str:
    if objection.why is Why.CANNOT_RUN:
        return f"{row.state.value}: {row.reason.rstrip('.')}" if row.reason else row.state.value
    if objection.why is Why.NONFINITE:
        return f"{row.metric('nonfinite_count').value:.0f} of its outputs are NaN or infinite"
    if objection.why in (Why.SATURATES, Why.WRONG_KERNEL):
        return _of_kernels(objection, row)
    if objection.why is Why.UNRANKED:
        name = OBJECTIVE_METRIC[query.objective].replace("_", " ")
        return f"the {name} is unknown ({text.reason(objective_value(query.objective, row))})"
    if objection.why is Why.UNSOUND and row.unsound is not None:
        return text.reason(row.unsound)
    return _of_its_making(objection)


def _of_kernels(objection: Objection, row: TableRow) -> str:
    """What speaks against what computes it on that device."""
    if objection.why is Why.WRONG_KERNEL:
        return "a kernel that it executes on that device answers something else"
    share = row.metric("saturated_pct").value
    how = f" in {text.number(share)} % of their sums" if share else ""
    return f"its integer kernels saturate on that device{how}"


def _of_its_making(objection: Objection) -> str:
    """What speaks against when and how a row was measured."""
    if objection.why is Why.STALE:
        return f"its figures are stale: {text.changes_words(objection.changes)}"
    if objection.why is Why.OLD:
        (change,) = objection.changes
        return f"its figures are {change.after} old, more than the {change.before} allowed"
    if objection.why is Why.UNDATED:
        return "nobody knows when it was measured"
    if objection.why is Why.DRIFTED:
        return "the device drifted while it was measured"
    return "it was not measured here"


def _of_limit(query: SelectQuery, objection: Objection, limit: Limit, metric: MetricValue) -> str:
    words = _LIMIT[limit.field]
    allowed = f"the {words.shown(limit.value(query) or 0.0)}"
    allowed += " wanted" if limit.at_least else " allowed"
    exact = words.shown(metric.value or 0.0)
    does = words.does.format(exact if limit.exact else text.full(replace(metric, verdict=None)))
    match objection.why:
        case Why.UNKNOWN:
            return f"the {words.name} is unknown ({text.reason(metric)})"
        case Why.NO_INTERVAL:
            return f"the {words.name} has no interval"
        case Why.BREAKS:
            return f"{does}, {'less' if limit.at_least else 'more'} than {allowed}"
        case _:
            return (
                f"{does}: undecided against {allowed} (holds in"
                f" {100 * (objection.share or 0.0):.0f} % of draws,"
                f" {100 * query.confidence:.0f} % needed)"
            )


def _of_accuracy(query: SelectQuery, objection: Objection, metric: MetricValue) -> str:
    value, limit = metric.value or 0.0, query.max_accuracy_loss_pp or 0.0
    low, high = (bound or 0.0 for bound in accuracy_bounds(metric))
    match objection.why:
        case Why.UNKNOWN:
            return f"the accuracy loss is unknown ({text.reason(metric)})"
        case Why.NO_INTERVAL:
            return "the accuracy loss has no interval"
        case Why.LOSES_ACCURACY:
            return (
                f"loses {-value:.1f} points of accuracy (at least {-high:.1f} with 95 %"
                f" confidence), more than the {limit:g} allowed"
            )
        case Why.MAY_LOSE_ACCURACY:
            return (
                f"may lose up to {-low:.1f} points of accuracy and the limit is {limit:g}:"
                f" {_samples(metric, samples_needed(metric, low, limit))}"
            )
        case _:
            return (
                f"loses no more than {limit:g} points of accuracy in"
                f" {100 * (objection.share or 0.0):.1f} % of draws,"
                f" {100 * query.confidence:g} % needed"
            )


def _samples(metric: MetricValue, needed: float | None) -> str:
    if needed is None:
        return "undecided, and the measured loss is not below the limit"
    if math.isinf(needed):
        return f"undecided with {metric.n} samples, and no practical number would settle it"
    return f"undecided with {metric.n} samples, about {needed:.0f} would settle it"
