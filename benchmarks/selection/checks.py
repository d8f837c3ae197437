"""One row against the limits of a query: what it breaks, and what is not known.

An objection either rejects a recipe or leaves it open. Each check looks at one limit of the query
and at nothing else, so that a further limit can only add objections. All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..stats.draws import holds
from ..table.staleness import aged
from ..vocabulary.enums import CellState, Objective
from ..vocabulary.metrics import METRICS, OBJECTIVES, THROUGHPUT_RATIO
from ..vocabulary.reasons import SATURATING, SUSPECT, WRONG_KERNEL
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .limits import LIMITS, Chances, limit_objections, metric_of
from .objections import Objection, Settle, Why, is_baseline, settled_by

OBJECTIVE_METRIC = {objective: metric.key for objective, metric in OBJECTIVES.items()}
"""What each objective minimises; that of throughput `with_throughput_ratio` makes of both rows."""

ACCURACY_LIMIT = "max_accuracy_loss_pp"
"""The field of `SelectQuery` that limits the loss of accuracy."""

_TIMED_LIMITS = tuple(limit.field for limit in LIMITS if METRICS[limit.key].timed)

BOUNDS_CONFIDENCE = 0.95
"""Of the one-sided bounds that decide non-inferiority."""

MOST_SAMPLES = 1_000_000
"""Beyond so many samples no evaluation set is suggested."""


def objections(
    query: SelectQuery, row: TableRow, shares: Chances, now_ns: int
) -> tuple[Objection, ...]:
    """Everything that keeps a row from meeting the query; empty when it is eligible.

    `shares` says how surely it keeps each limit; they are from `limits.chances`.
    """
    if row.state in (CellState.UNSUPPORTED, CellState.FAILED):
        return (Objection(Why.CANNOT_RUN, row),)
    if not row.state.has_numbers:
        return (Objection(Why.UNMEASURED, row, settle=Settle.MEASURE),)
    found = [objection for check in _CHECKS for objection in check(query, row)]
    found += limit_objections(query, row, shares)
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


def _accuracy(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    limit = query.max_accuracy_loss_pp
    if row.unsound and not is_baseline(row):
        # Measured when the baseline was not sound; what is newer of its unit says that it is.
        yield Objection(Why.UNSOUND, row, settle=Settle.MEASURE)
        return
    if limit is None or is_baseline(row):
        return

    def told(why: Why, settle: Settle = Settle.SAMPLES, share: float | None = None) -> Objection:
        return Objection(why, row, limit=ACCURACY_LIMIT, share=share, settle=settle)

    metric = row.metric("accuracy_delta_pp")
    if metric.value is None:
        yield told(Why.UNKNOWN, settled_by(metric, Settle.SAMPLES))
        return
    low, high = accuracy_bounds(metric)
    if low is None or high is None:
        yield told(Why.NO_INTERVAL)
    elif high < -limit:
        yield told(Why.LOSES_ACCURACY, Settle.NOTHING)
    elif low < -limit:
        yield told(Why.MAY_LOSE_ACCURACY)
    elif query.confidence > BOUNDS_CONFIDENCE:
        # The bounds say 95 %; who asks for more is answered from the draws.
        share = holds(metric, -limit, at_least=True)
        if share < query.confidence:
            yield told(Why.UNSURE_OF_ACCURACY, share=share)


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


def samples_needed(metric: MetricValue, low: float, limit: float) -> float | None:
    """How many samples would settle a loss that may be above the limit.

    Returns:
        None where the measured loss is not below the limit, infinity where no practical number
        would do.
    """
    value, n = metric.value, metric.n
    if value is None or n is None or value <= -limit:
        return None
    # The half-width shrinks with the root of n and must come down to the distance to the limit.
    shrink = (value - low) / (value + limit)
    if shrink > math.sqrt(MOST_SAMPLES / max(n, 1)):
        return math.inf
    return math.ceil(n * shrink**2)


def _nonfinite(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    del query  # Outputs that are no numbers are never acceptable.
    if row.metric("nonfinite_count").value and not is_baseline(row):
        yield Objection(Why.NONFINITE, row)


def _rankable(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    metric = objective_value(query.objective, row)
    if metric.value is None:
        yield Objection(Why.UNRANKED, row, settle=settled_by(metric, Settle.TIME))


def _saturating(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    if SATURATING in row.flags and not query.allow_saturating:
        yield Objection(Why.SATURATES, row)


def _wrong_kernel(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    del query  # No limit makes a wrong answer worth its time.
    if WRONG_KERNEL in row.flags:
        yield Objection(Why.WRONG_KERNEL, row)


def _suspect(query: SelectQuery, row: TableRow) -> Iterator[Objection]:
    """Numbers of time from a job around which the device drifted decide nothing (DESIGN 10.13)."""
    timed = OBJECTIVES[query.objective].timed and not is_baseline(row)
    limited = any(getattr(query, name) is not None for name in _TIMED_LIMITS)
    if SUSPECT in row.flags and (timed or limited):
        yield Objection(Why.DRIFTED, row, settle=Settle.MEASURE)


def _freshness(query: SelectQuery, row: TableRow, now_ns: int) -> Iterator[Objection]:
    """Under a limit on age nothing counts that is too old or was measured on another stack."""
    if query.max_age_s is None:
        return
    if row.changes:
        yield Objection(Why.STALE, row, settle=Settle.MEASURE, changes=row.changes)
    if row.measured_unix_ns is None:
        yield Objection(Why.UNDATED, row, settle=Settle.MEASURE)
    for change in aged(row, now_ns, query.max_age_s):
        yield Objection(Why.OLD, row, settle=Settle.MEASURE, changes=(change,))


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


Check = Callable[[SelectQuery, TableRow], Iterator[Objection]]
_CHECKS: tuple[Check, ...] = (
    _accuracy,
    _nonfinite,
    _rankable,
    _saturating,
    _wrong_kernel,
    _suspect,
)
