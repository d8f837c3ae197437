"""Latency from raw data: the paired ratio, the median over launches, cold starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stats.paired import quad_log_ratios
from ..stats.percentiles import needed_size, percentile, pooled_size
from ..stats.resample import bootstrap_median
from ..stats.sanity import impossible_median, outliers
from ..vocabulary.metrics import METRICS, keys
from ..vocabulary.reasons import (
    FEW_LAUNCHES,
    IMPOSSIBLE,
    INSUFFICIENT_SAMPLES,
    ITERATION_OVER_BUDGET,
    NO_RAW_DATA,
)
from ..vocabulary.values.runs import MetricValue
from .apart import apart_ratio, is_apart
from .facts import Groups, RunFacts, invalid, items, null, seed_of
from .paired import paired_ratio
from .timed import AbsoluteLaunches, pair_launches


def latency_ratio(groups: Groups, facts: RunFacts) -> MetricValue:
    """Candidate / baseline from the quads of every pair launch (A-8)."""
    if is_apart(groups):
        return apart_ratio(groups, facts)
    key = "latency_ratio"
    launches = pair_launches(groups, facts)
    if not launches.discarded.of:
        return null(key, NO_RAW_DATA)
    if launches.discarded.invalid:
        return invalid(key, launches.detail)
    ratios = [quad_log_ratios(launch) for launch in launches.samples]
    found = paired_ratio(
        *(key, ratios, facts),
        flags=launches.flags,
        detail=launches.detail,
        stopped=(one.stopped for one in launches.samples),
    )
    if found is not None:
        return found
    quads = sum(ratio.size for ratio in ratios)
    slowest = [max(one.warm.iteration_ns) for one in launches.samples]
    reason = too_few(slowest, facts.plan.pair_budget_ns)
    return null(key, reason, quads=quads, launches=len(ratios), iteration_ns=max(slowest))


def latency_p50(launches: AbsoluteLaunches, facts: RunFacts) -> MetricValue:
    """Median latency over fresh processes with a hierarchical bootstrap interval (A-6, A-7)."""
    key = "latency_p50_ns"
    if not launches.discarded.of:
        return null(key, NO_RAW_DATA)
    if launches.discarded.invalid:
        return invalid(key, launches.detail)
    samples = launches.samples
    n_eff = sum(launches.sizes)
    count, needed = sum(launch.count for launch in samples), needed_size(0.5)
    if n_eff < needed:
        reason = too_few(
            [one.warm.iteration_ns[0] for one in samples], facts.plan.absolute_timed_ns
        )
        return null(key, reason, n=count, n_eff=n_eff, needed=needed, launches=len(samples))
    interval = bootstrap_median(samples, seed_of(facts.run_id, key), launches.sizes)
    medians = [float(np.median(launch.latency_ns)) for launch in samples]
    beyond = [outliers(launch.latency_ns) for launch in samples]
    flags = list(launches.flags)
    if impossible_median(interval.point, launches.resolution_ns):
        flags.append(IMPOSSIBLE)
    return MetricValue(
        key=key,
        value=interval.point,
        low=interval.low,
        high=interval.high,
        n=count,
        flags=tuple(flags),
        detail=(
            *items(
                launches=len(samples),
                n_eff=n_eff,
                tau=count / n_eff,
                lowest_launch_p50_ns=min(medians),
                highest_launch_p50_ns=max(medians),
                outliers_mild=sum(mild for mild, _ in beyond),
                outliers_severe=sum(severe for _, severe in beyond),
                outliers_of=sum(launch.latency_ns.size for launch in samples),
            ),
            *launches.detail,
        ),
    )


def cold_start(launches: AbsoluteLaunches, facts: RunFacts) -> tuple[MetricValue, MetricValue]:
    """`load_ns` and `first_inference_ns`: medians of launches, bounded by their extremes."""
    cold = launches.cold
    if not cold:
        return null("load_ns", NO_RAW_DATA), null("first_inference_ns", NO_RAW_DATA)
    few = (FEW_LAUNCHES,) if FEW_LAUNCHES in launches.flags else ()
    flags = (*facts.profile_flags, *few)
    return (
        over_launches("load_ns", [start.load_ns for start in cold], flags),
        over_launches("first_inference_ns", [start.first_inference_ns for start in cold], flags),
    )


def too_few(iteration_ns: Sequence[int], budget_ns: int) -> str:
    """Why there are too few samples: one call may have been longer than the whole budget."""
    return ITERATION_OVER_BUDGET if max(iteration_ns) > budget_ns else INSUFFICIENT_SAMPLES


def over_launches(key: str, values: Sequence[float], flags: Sequence[str]) -> MetricValue:
    """The median of one value per launch, bounded by the extremes."""
    return MetricValue(
        key=key,
        value=float(np.median(values)),
        low=float(min(values)),
        high=float(max(values)),
        n=len(values),
        flags=tuple(flags),
        detail=items(launches=len(values), bounds="lowest and highest launch"),
    )


MEDIAN = 0.5
PERCENTILES = {key: METRICS[key].quantile for key in keys(lambda one: one.quantile > MEDIAN)}


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
