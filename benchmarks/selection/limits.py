"""Limits on measured quantities as chance constraints: each must hold in most draws.

Each limit looks at one metric of one row and at nothing else, so that a further limit can only
add findings (measurement.md F-2). All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ..stats.draws import holds
from ..vocabulary import shown as text
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.metric import Direction
from ..vocabulary.metrics import METRICS, THROUGHPUT_RATIO
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .findings import Finding, is_baseline, unknown


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a query.

    Attributes:
        field: its field of `SelectQuery`.
        key: the metric that it limits.
        name: the metric, for people.
        says: what a row does, such as `takes 120 us`.
        shown: the limit itself.
    """

    field: str
    key: str
    name: str
    says: Callable[[MetricValue], str]
    shown: Callable[[float], str]

    @property
    def at_least(self) -> bool:
        """Whether values below it break it; else those above."""
        return METRICS[self.key].direction is Direction.HIGHER

    @property
    def exact(self) -> bool:
        """Whether the metric has no noise, so that it needs no interval."""
        return METRICS[self.key].counted

    @property
    def settle(self) -> str:
        """What would decide an open one."""
        return "measure" if self.exact else "time"

    def value(self, query: SelectQuery) -> float | None:
        """The limit that a query sets, None when it sets none."""
        found = getattr(query, self.field)
        return None if found is None else float(found)


def _full(metric: MetricValue) -> str:
    return text.full(replace(metric, verdict=None))


def _per_second(value: float) -> str:
    return f"{text.number(value)}/s"


def _millijoules(value: float) -> str:
    return f"{text.number(value)} mJ"


LIMITS: tuple[Limit, ...] = (
    Limit(
        "max_latency_ns",
        "latency_p50_ns",
        "the latency",
        lambda m: f"takes {_full(m)}",
        text.duration,
    ),
    Limit(
        "max_latency_p90_ns",
        "latency_p90_ns",
        "the 90th percentile of the latency",
        lambda m: f"takes {_full(m)} at the 90th percentile",
        text.duration,
    ),
    Limit(
        "max_latency_p99_ns",
        "latency_p99_ns",
        "the 99th percentile of the latency",
        lambda m: f"takes {_full(m)} at the 99th percentile",
        text.duration,
    ),
    Limit(
        "min_throughput_per_s",
        "throughput_per_s",
        "the throughput",
        lambda m: f"does {_full(m)}",
        _per_second,
    ),
    Limit(
        "max_peak_memory_bytes",
        "peak_memory_bytes",
        "the peak memory",
        lambda m: f"needs {_full(m)} of memory at its peak",
        text.size,
    ),
    Limit(
        "max_energy_mj",
        "energy_mj",
        "the energy",
        lambda m: f"uses {_full(m)} per inference",
        _millijoules,
    ),
    Limit(
        "max_size_bytes",
        "size_bytes",
        "the size",
        lambda m: f"is {text.size(m.value or 0.0)} large",
        text.size,
    ),
    Limit(
        "max_size_ratio",
        "size_ratio",
        "the size ratio",
        lambda m: f"has {text.ratio(m.value or 0.0)} of the baseline's size",
        text.ratio,
    ),
)

RATIOS = frozenset(one.key for one in (*METRICS.values(), THROUGHPUT_RATIO) if one.is_ratio)

Chances = Mapping[str, float]
"""The share of draws in which each limit that is set holds for one row, by `Limit.field`."""


def chances(query: SelectQuery, row: TableRow) -> Chances:
    """How surely a row keeps each limit; NaN where the metric is null."""
    found = {}
    for limit in LIMITS:
        bound = limit.value(query)
        if bound is not None:
            metric = metric_of(limit.key, row)
            found[limit.field] = holds(metric, bound, at_least=limit.at_least)
    return found


def draw_key(row: TableRow) -> tuple[str, ...]:
    """What a row's draws follow from: its run, or what it is about when it has none."""
    if row.run_id is not None:
        return (row.run_id,)
    return (row.model_name, row.device_id, row.runtime, row.variant, row.profile.value)


def limit_findings(query: SelectQuery, row: TableRow, shares: Chances) -> Iterator[Finding]:
    """What the limits find in one row: broken, open, or unknown because the metric is null."""
    for limit in LIMITS:
        bound = limit.value(query)
        if bound is None:
            continue
        metric = metric_of(limit.key, row)
        share = shares[limit.field]
        allowed = f"the {limit.shown(bound)} {'wanted' if limit.at_least else 'allowed'}"
        worse = "less" if limit.at_least else "more"
        if metric.value is None or math.isnan(share):
            yield unknown(limit.name, metric, limit.settle)
        elif share <= 1 - query.confidence:
            yield Finding(True, f"{limit.says(metric)}, {worse} than {allowed}")
        elif share < query.confidence:
            yield Finding(
                False,
                f"{limit.says(metric)}: undecided against {allowed}"
                f" (holds in {100 * share:.0f} % of draws, {100 * query.confidence:.0f} % needed)",
                limit.settle,
            )
        elif not limit.exact and (metric.low is None or metric.high is None):
            yield Finding(False, f"{limit.name} has no interval", limit.settle)


def metric_of(key: str, row: TableRow) -> MetricValue:
    """A metric of a row; the baseline's own ratios are 1 by definition."""
    return of_baseline(key) if is_baseline(row) and key in RATIOS else row.metric(key)


def of_baseline(key: str) -> MetricValue:
    """A ratio to the baseline, of the baseline itself."""
    return MetricValue(key=key, value=1.0, low=1.0, high=1.0)


def require_possible(query: SelectQuery) -> None:
    """Refuse a question whose limits nothing could ever keep.

    Raises:
        BadInput: `BAD_ARGUMENT`, naming the limit and what it may be.
    """
    for limit in LIMITS:
        value = limit.value(query)
        if value is not None and not value > 0:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"The limit on {limit.name.removeprefix('the ')} is {value:g}; it must be above 0.",
            )
    rules: tuple[tuple[float | None, str, Callable[[float], bool], str], ...] = (
        (query.max_accuracy_loss_pp, "accuracy loss", lambda v: v >= 0, "at least 0"),
        (query.max_age_s, "age", lambda v: v > 0, "above 0"),
        (query.min_devices, "number of devices", lambda v: v >= 1, "at least 1"),
        (query.confidence, "confidence", lambda v: 0.5 < v < 1, "above 0.5 and below 1"),
        (query.inferences_per_day, "volume", lambda v: v > 0, "above 0"),
        (query.price_per_hour, "price per hour", lambda v: v >= 0, "at least 0"),
        (query.energy_price_per_kwh, "price of energy", lambda v: v >= 0, "at least 0"),
        (query.switch_cost, "cost of switching", lambda v: v >= 0, "at least 0"),
        (query.payback_days, "number of payback days", lambda v: v > 0, "above 0"),
    )
    for value, name, good, words in rules:
        if value is not None and not good(value):
            raise BadInput(Code.BAD_ARGUMENT, f"The {name} is {value:g}; it must be {words}.")
    _require_consistent(query)


def _require_consistent(query: SelectQuery) -> None:
    """Limits that contradict each other by what the words mean."""
    if query.price_per_hour is not None or query.energy_price_per_kwh is not None:
        return
    for value, what in (
        (query.switch_cost, "cost of switching"),
        (query.inferences_per_day, "volume"),
    ):
        if value is not None:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"A {what} can only be weighed against a price of time or of energy.",
            )
