"""One row against the limits of a query: what it breaks, and what is not known.

A finding either rejects a recipe or leaves it open. Each check looks at one limit of the query
and at nothing else, so that a further limit can only add findings. All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..stats.draws import holds
from ..table.staleness import aged
from ..vocabulary import shown as text
from ..vocabulary.enums import CellState, Objective
from ..vocabulary.metrics import METRICS, OBJECTIVES, THROUGHPUT_RATIO
from ..vocabulary.reasons import SATURATING, SUSPECT
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .findings import Finding, is_baseline, unknown
from .limits import LIMITS, Chances, limit_findings, metric_of

OBJECTIVE_METRIC = {objective: metric.key for objective, metric in OBJECTIVES.items()}
"""What each objective minimises; that of throughput `with_throughput_ratio` makes of both rows."""

_TIMED_LIMITS = tuple(limit.field for limit in LIMITS if METRICS[limit.key].timed)

BOUNDS_CONFIDENCE = 0.95
"""Of the one-sided bounds that decide non-inferiority."""

MOST_SAMPLES = 1_000_000
"""Beyond so many samples no evaluation set is suggested."""


def findings(
    query: SelectQuery, row: TableRow, shares: Chances, now_ns: int
) -> tuple[Finding, ...]:
    """Everything that keeps a row from meeting the query; empty when it is eligible.

    Args:
        query: the question.
        row: what was measured.
        shares: how surely it keeps each limit, from `selection_limits.chances`.
        now_ns: UTC nanoseconds, for a limit on age.
    """
    blocked = _state(row)
    if blocked is not None:
        return (blocked,)
    found = [finding for check in _CHECKS for finding in check(query, row)]
    found += limit_findings(query, row, shares)
    found += _freshness(query, row, now_ns)
    return tuple(found)


def objective_value(objective: Objective, row: TableRow) -> MetricValue:
    """The ratio that `objective` minimises; exactly 1 for the baseline."""
    return metric_of(OBJECTIVE_METRIC[objective], row)


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
    if not row.state.has_numbers:
        return Finding(False, "it was not measured here", "measure")
    return None


def _accuracy(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    limit = query.max_accuracy_loss_pp
    if limit is None or is_baseline(row):
        return
    metric = row.metric("accuracy_delta_pp")
    if metric.value is None:
        yield unknown("the accuracy loss", metric, "samples")
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
    elif query.confidence > BOUNDS_CONFIDENCE:
        # The bounds say 95 %; who asks for more is answered from the draws.
        share = holds(metric, -limit, at_least=True)
        if share < query.confidence:
            yield Finding(
                False,
                f"loses no more than {limit:g} points of accuracy in {100 * share:.1f} % of draws,"
                f" {100 * query.confidence:g} % needed",
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


def _rankable(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    metric = objective_value(query.objective, row)
    if metric.value is None:
        name = f"the {OBJECTIVE_METRIC[query.objective].replace('_', ' ')}"
        yield unknown(name, metric, "time")


def _saturating(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    if SATURATING in row.flags and not query.allow_saturating:
        share = row.metric("saturated_pct").value
        how = f" in {text.number(share)} % of their sums" if share else ""
        yield Finding(True, f"its integer kernels saturate on that device{how}")


def _suspect(query: SelectQuery, row: TableRow) -> Iterator[Finding]:
    """Numbers of time from a job around which the device drifted decide nothing (DESIGN 10.13)."""
    timed = OBJECTIVES[query.objective].timed and not is_baseline(row)
    limited = any(getattr(query, name) is not None for name in _TIMED_LIMITS)
    if SUSPECT in row.flags and (timed or limited):
        yield Finding(False, "the device drifted while it was measured", "measure")


def _freshness(query: SelectQuery, row: TableRow, now_ns: int) -> Iterator[Finding]:
    """Under a limit on age nothing counts that is too old or was measured on another stack."""
    if query.max_age_s is None:
        return
    if row.changes:
        changed = ", ".join(f"{c.name} {c.before} -> {c.after}" for c in row.changes[:3])
        yield Finding(False, f"its figures are stale: {changed}", "measure")
    if row.measured_unix_ns is None:
        yield Finding(False, "nobody knows when it was measured", "measure")
    for change in aged(row, now_ns, query.max_age_s):
        yield Finding(
            False,
            f"its figures are {change.after} old, more than the {change.before} allowed",
            "measure",
        )


def with_throughput_ratio(row: TableRow, baseline: TableRow | None) -> TableRow:
    """The row with baseline throughput / its own, bounded by the worst of both intervals."""
    own = row.metric("throughput_per_s")
    its = None if baseline is None else baseline.metric("throughput_per_s")
    ratio = MetricValue(THROUGHPUT_RATIO.key, reason=own.reason or "not_measured")
    if its is not None and its.value is None:
        ratio = replace(ratio, reason=its.reason or "not_measured")
    elif its is not None and its.value is not None and own.value:
        low = high = None
        if None not in (own.low, own.high, its.low, its.high) and own.low:
            low = (its.low or 0.0) / (own.high or math.inf)
            high = (its.high or 0.0) / own.low
        ratio = MetricValue(THROUGHPUT_RATIO.key, its.value / own.value, low, high)
    return replace(row, metrics=(*row.metrics, ratio))


Check = Callable[[SelectQuery, TableRow], Iterator[Finding]]
_CHECKS: tuple[Check, ...] = (
    _accuracy,
    _nonfinite,
    _rankable,
    _saturating,
    _suspect,
)
