"""One row against the limits of a query: what it breaks, and what is not known.

A finding either rejects a recipe or leaves it open. Each check looks at one limit of the query
and at nothing else, so that a further limit can only add findings. All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from . import format_text as text
from .answers import SelectQuery, TableRow
from .model import MetricValue
from .reasons import SATURATING, SUSPECT
from .vocabulary import CellState, FormatFamily, Objective

OBJECTIVE_METRIC: dict[Objective, str] = {
    Objective.LATENCY: "latency_ratio",
    Objective.SIZE: "size_ratio",
    Objective.MEMORY: "peak_memory_ratio",
}
"""What each objective minimises: a ratio, so that several models can be looked at together."""

MOST_SAMPLES = 1_000_000
"""Beyond so many samples no evaluation set is suggested."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a recipe is not eligible.

    Attributes:
        rejects: true when the data says no; false when it does not say.
        sentence: the reason, for people.
        settle: what would decide it: `samples`, `time` or `measure`; empty when it is decided.
    """

    rejects: bool
    sentence: str
    settle: str = ""


def is_baseline(row: TableRow) -> bool:
    """Whether the row is the FP32 baseline itself."""
    return row.family is FormatFamily.FP32


def findings(query: SelectQuery, row: TableRow) -> tuple[Finding, ...]:
    """Everything that keeps a row from meeting the query; empty when it is eligible."""
    blocked = _state(row)
    if blocked is not None:
        return (blocked,)
    return tuple(finding for check in _CHECKS for finding in check(query, row))


def objective_value(objective: Objective, row: TableRow) -> MetricValue:
    """The ratio that `objective` minimises; exactly 1 for the baseline."""
    return _ratio(row, OBJECTIVE_METRIC[objective])


def gains(objective: Objective, row: TableRow) -> bool:
    """Whether the data says that the row is better than the baseline in the objective.

    Latency uses the stored verdict, which has a margin; size is exact; memory needs its
    interval to lie below 1.
    """
    metric = objective_value(objective, row)
    if metric.value is None or is_baseline(row):
        return False
    if objective is Objective.LATENCY:
        return metric.verdict == "FASTER"
    return (metric.value if metric.high is None else metric.high) < 1


def may_gain(objective: Objective, row: TableRow) -> bool:
    """Whether more measuring could still show a gain."""
    metric = objective_value(objective, row)
    if metric.value is None:
        return True
    if objective is Objective.LATENCY:
        return metric.verdict not in ("SLOWER", "SAME")
    return (metric.value if metric.low is None else metric.low) < 1


def _state(row: TableRow) -> Finding | None:
    why = f": {row.reason.rstrip('.')}" if row.reason else ""
    if row.state is CellState.UNSUPPORTED:
        return Finding(True, f"unsupported{why}")
    if row.state is CellState.FAILED:
        return Finding(True, f"failed{why}")
    if row.state is CellState.STALE:
        return Finding(False, f"its figures are stale{why}", "measure")
    if not row.state.has_numbers:
        return Finding(False, "it was not measured here", "measure")
    return None


def _accuracy(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    limit = query.max_accuracy_loss_pp
    if limit is None or is_baseline(row):
        return
    metric = row.metric("accuracy_delta_pp")
    if metric.value is None:
        yield _unknown("the accuracy loss", metric, "samples")
        return
    low, high = accuracy_bounds(metric)
    if low is None or high is None:
        yield Finding(False, "the accuracy loss has no interval", "samples")
    elif high < -limit:
        yield Finding(
            True,
            f"loses {-metric.value:.1f} points of accuracy (at least {-high:.1f} with 95 %"
            f" confidence), more than the {limit:g} allowed",
        )
    elif low < -limit:
        yield Finding(
            False,
            f"may lose up to {-low:.1f} points of accuracy and the limit is {limit:g}:"
            f" {_samples_words(metric, low, limit)}",
            "samples",
        )


def accuracy_bounds(metric: MetricValue) -> tuple[float | None, float | None]:
    """The one-sided 95 % bounds of an accuracy delta, in points.

    They are the ones that decide non-inferiority (measurement.md E-2). Without them the bounds
    of the two-sided interval serve: they are wider, so nothing passes that should not.
    """
    details = {item.name: item.value for item in metric.detail}
    return (
        _bound(details.get("one_sided_low_pp"), metric.low),
        _bound(details.get("one_sided_high_pp"), metric.high),
    )


def _bound(detail: str | None, fallback: float | None) -> float | None:
    try:
        return fallback if detail is None else float(detail)
    except ValueError:
        return fallback


def _samples_words(metric: MetricValue, low: float, limit: float) -> str:
    """How many samples would settle a loss that is smaller than the limit."""
    value, n = metric.value, metric.n
    if value is None or n is None or value <= -limit:
        return "undecided, and the measured loss is not below the limit"
    # The half-width shrinks with the root of n and must come down to the distance to the limit.
    shrink = (value - low) / (value + limit)
    if shrink > math.sqrt(MOST_SAMPLES / max(n, 1)):
        return f"undecided with {n} samples, and no practical number would settle it"
    needed = math.ceil(n * shrink**2)
    return f"undecided with {n} samples, about {needed} would settle it"


def _nonfinite(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    del query  # Outputs that are no numbers are never acceptable.
    count = row.metric("nonfinite_count").value
    if count and not is_baseline(row):
        yield Finding(True, f"{count:.0f} of its outputs are NaN or infinite")


def _latency(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    limit = query.max_latency_ns
    if limit is None:
        return
    metric = row.metric("latency_p50_ns")
    taken, allowed = text.full(replace(metric, verdict=None)), text.duration(limit)
    if metric.value is None:
        yield _unknown("the latency", metric, "time")
        return
    low = metric.value if metric.low is None else metric.low
    if low > limit:
        yield Finding(
            True,
            f"takes {taken}, more than the {allowed} allowed",
        )
    elif metric.high is None:
        yield Finding(False, "the latency has no interval", "time")
    elif metric.high > limit:
        yield Finding(
            False,
            f"takes {taken}: undecided against the {allowed} allowed",
            "time",
        )


def _size_bytes(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    limit = query.max_size_bytes
    if limit is None:
        return
    metric = row.metric("size_bytes")
    if metric.value is None:
        yield _unknown("the size", metric, "measure")
    elif metric.value > limit:
        yield Finding(
            True, f"is {text.size(metric.value)} large, more than the {text.size(limit)} allowed"
        )


def _size_ratio(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    limit = query.max_size_ratio
    if limit is None:
        return
    metric = _ratio(row, "size_ratio")
    if metric.value is None:
        yield _unknown("the size ratio", metric, "measure")
    elif metric.value > limit:
        yield Finding(
            True,
            f"has {text.ratio(metric.value)} of the baseline's size,"
            f" more than the {text.ratio(limit)} allowed",
        )


def _rankable(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    metric = objective_value(query.objective, row)
    if metric.value is None:
        name = f"the {OBJECTIVE_METRIC[query.objective].replace('_', ' ')}"
        yield _unknown(name, metric, "time")


def _saturating(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    if SATURATING in row.flags and not query.allow_saturating:
        share = row.metric("saturated_pct").value
        how = f" in {text.number(share)} % of their sums" if share else ""
        yield Finding(True, f"its integer kernels saturate on that device{how}")


def _suspect(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    """Numbers of time from a job around which the device drifted decide nothing (DESIGN 10.13)."""
    timed = query.objective is Objective.LATENCY and not is_baseline(row)
    if SUSPECT in row.flags and (timed or query.max_latency_ns is not None):
        yield Finding(False, "the device drifted while it was measured", "measure")


Check = Callable[[SelectQuery, TableRow], Iterator[Finding]]
_CHECKS: tuple[Check, ...] = (
    *(_accuracy, _nonfinite, _latency, _size_bytes, _size_ratio, _rankable),
    _saturating,
    _suspect,
)


def _ratio(row: TableRow, key: str) -> MetricValue:
    """A ratio of a row; the baseline's own is 1 by definition."""
    if is_baseline(row):
        return MetricValue(key=key, value=1.0, low=1.0, high=1.0)
    return row.metric(key)


def _unknown(what: str, metric: MetricValue, settle: str) -> Finding:
    return Finding(False, f"{what} is unknown ({text.reason(metric)})", settle)
