"""Percentiles of single latencies, each only where its samples allow it (A-7)."""

from __future__ import annotations

from .facts import invalid, items, null
from .model import MetricValue
from .percentiles import needed_size, percentile, pooled_size
from .reasons import IMPOSSIBLE, INSUFFICIENT_SAMPLES, NO_RAW_DATA
from .sanity import impossible_median
from .timed import AbsoluteLaunches

PERCENTILES = {
    "latency_p90_ns": 0.90,
    "latency_p95_ns": 0.95,
    "latency_p99_ns": 0.99,
    "latency_p999_ns": 0.999,
}


def percentiles(launches: AbsoluteLaunches, median_ns: float | None) -> list[MetricValue]:
    """Every percentile with its order-statistic interval, or what it would have needed.

    Args:
        launches: of the run.
        median_ns: the run's median, which no percentile above it may fall short of.
    """
    if not launches.discarded.of:
        return [null(key, NO_RAW_DATA) for key in PERCENTILES]
    if launches.discarded.invalid:
        return [invalid(key, launches.detail) for key in PERCENTILES]
    found = []
    floor_ns = median_ns or 0.0
    for key, p in PERCENTILES.items():
        one = _percentile(key, p, launches, floor_ns)
        floor_ns = one.value or floor_ns
        found.append(one)
    return found


def _percentile(key: str, p: float, launches: AbsoluteLaunches, floor_ns: float) -> MetricValue:
    sizes = launches.sizes
    count = sum(launch.count for launch in launches.samples)
    n_eff = pooled_size(sizes)
    worth = {"n_eff": n_eff, "tau": count / n_eff, "needed": needed_size(p)}
    found = percentile([launch.latency_ns for launch in launches.samples], sizes, p)
    if found is None:
        return null(key, INSUFFICIENT_SAMPLES, n=count, launches=len(sizes), **worth)
    flags = list(launches.flags)
    if found.value < floor_ns or impossible_median(found.value, launches.resolution_ns):
        flags.append(IMPOSSIBLE)
    return MetricValue(
        key=key,
        value=found.value,
        low=found.low,
        high=found.high,
        n=count,
        flags=tuple(flags),
        detail=(
            *items(loadgen_upper_ns=found.loadgen_upper, launches=len(sizes), **worth),
            *launches.detail,
        ),
    )
