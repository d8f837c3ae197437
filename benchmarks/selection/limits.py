"""Limits on measured quantities as chance constraints: each must hold in most draws.

Each limit looks at one metric of one row and at nothing else, so that a further limit can only
add objections (measurement.md F-2). All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..stats.draws import holds
from ..vocabulary.metric import Direction
from ..vocabulary.metrics import METRICS, THROUGHPUT_RATIO
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .objections import Objection, Settle, Why, is_baseline, settled_by


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit of a query: its field of `SelectQuery`, and the metric that it limits."""

    field: str
    key: str

    @property
    def at_least(self) -> bool:
        """Whether values below it break it; else those above."""
        return METRICS[self.key].direction is Direction.HIGHER

    @property
    def exact(self) -> bool:
        """Whether the metric has no noise, so that it needs no interval."""
        return METRICS[self.key].counted

    @property
    def settle(self) -> Settle:
        """What would decide an open one."""
        if self.exact:
            return Settle.MEASURE
        return Settle.SAMPLES if METRICS[self.key].on_data else Settle.TIME

    def value(self, query: SelectQuery) -> float | None:
        """The limit that a query sets, None when it sets none."""
        found = getattr(query, self.field)
        return None if found is None else float(found)


LIMITS: tuple[Limit, ...] = (
    Limit("max_latency_ns", "latency_p50_ns"),
    Limit("max_latency_p90_ns", "latency_p90_ns"),
    Limit("max_latency_p99_ns", "latency_p99_ns"),
    Limit("min_throughput_per_s", "throughput_per_s"),
    Limit("max_peak_memory_bytes", "peak_memory_bytes"),
    Limit("max_energy_mj", "energy_mj"),
    Limit("max_size_bytes", "size_bytes"),
    Limit("max_size_ratio", "size_ratio"),
    Limit("max_ttft_ns", "ttft_ns"),
    Limit("min_tokens_per_s", "decode_tokens_per_s"),
    Limit("max_perplexity_ratio", "perplexity_ratio"),
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


def limit_objections(query: SelectQuery, row: TableRow, shares: Chances) -> Iterator[Objection]:
    """What the limits say of one row: broken, open, or unknown because the metric is null."""
    for limit in LIMITS:
        if limit.value(query) is None:
            continue
        metric = metric_of(limit.key, row)
        share = shares[limit.field]
        if metric.value is None or math.isnan(share):
            yield Objection(
                Why.UNKNOWN, row, limit=limit.field, settle=settled_by(metric, limit.settle)
            )
        elif share <= 1 - query.confidence:
            yield Objection(Why.BREAKS, row, limit=limit.field)
        elif share < query.confidence:
            yield Objection(Why.UNSURE, row, limit=limit.field, share=share, settle=limit.settle)
        elif not limit.exact and (metric.low is None or metric.high is None):
            yield Objection(Why.NO_INTERVAL, row, limit=limit.field, settle=limit.settle)


def metric_of(key: str, row: TableRow) -> MetricValue:
    """A metric of a row; the baseline's own ratios are 1 by definition."""
    return of_baseline(key) if is_baseline(row) and key in RATIOS else row.metric(key)


def of_baseline(key: str) -> MetricValue:
    """A ratio to the baseline, of the baseline itself."""
    return MetricValue(key=key, value=1.0, low=1.0, high=1.0)
