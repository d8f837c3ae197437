"""Latency from raw data: the paired ratio, the median over launches, cold starts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .facts import Groups, RunFacts, items, null, seed_of
from .model import MetricValue
from .paired import LEVEL, difference_of, pool_launches, quad_log_ratios, verdict_of
from .raw_schema import ColdStart, absolute_samples, pair_samples
from .reasons import (
    FEW_LAUNCHES,
    INSUFFICIENT_SAMPLES,
    NO_RAW_DATA,
    NO_STEADY_STATE,
    SHARED,
    UNSTEADY_RATIO,
    WIDE_INTERVAL,
)
from .resample import bootstrap_median, effective_size
from .samples import AbsoluteSamples, BlockConditions, Ints, PairSamples
from .vocabulary import PassName, RawRole

MIN_EFFECTIVE_SIZE_P50 = 11
"""Independent samples that LoadGen asks for before it reports a median (A-7)."""

MAX_PSI_AVG10 = 1.0
MAX_STEAL_SHARE = 0.005
_TICK_NS = 10_000_000


def latency_ratio(groups: Groups, facts: RunFacts) -> MetricValue:
    """Candidate / baseline from the quads of every pair launch (A-8)."""
    key = "latency_ratio"
    launches = [pair_samples(raw) for raw in groups.get((PassName.PAIR, RawRole.BOTH), ())]
    if not launches:
        return null(key, NO_RAW_DATA)
    ratios = [quad_log_ratios(launch) for launch in launches]
    quads = sum(ratio.size for ratio in ratios)
    verdict_level = 1 - (1 - LEVEL) / facts.comparisons
    shown, judged = pool_launches(ratios), pool_launches(ratios, verdict_level)
    if shown is None or judged is None:
        return null(key, INSUFFICIENT_SAMPLES, quads=quads, launches=len(launches))
    margin = facts.plan.margin
    flags = list(facts.profile_flags) + _pair_flags(launches, facts)
    if shown.interval.half_width > margin / 2:
        flags.append(WIDE_INTERVAL)
    if shown.method == "stretches":
        flags.append(UNSTEADY_RATIO)
    return MetricValue(
        key=key,
        value=math.exp(shown.interval.point),
        low=math.exp(shown.interval.low),
        high=math.exp(shown.interval.high),
        n=quads,
        verdict=verdict_of(judged.interval, margin),
        difference=difference_of(shown.interval),
        flags=tuple(flags),
        detail=items(
            quads=quads,
            launches=len(launches),
            method=shown.method,
            between_variance=shown.between,
            within_variance=shown.within,
            margin=margin,
            verdict_level=verdict_level,
            stopped=",".join(sorted({launch.stopped for launch in launches})),
        ),
    )


def latency_p50(groups: Groups, facts: RunFacts) -> MetricValue:
    """Median latency over fresh processes with a hierarchical bootstrap interval (A-6, A-7)."""
    key = "latency_p50_ns"
    launches = [samples for samples, _ in _absolute(groups)]
    if not launches:
        return null(key, NO_RAW_DATA)
    n_eff = sum(effective_size(launch.latency_ns) for launch in launches)
    count = sum(launch.count for launch in launches)
    if n_eff < MIN_EFFECTIVE_SIZE_P50:
        return null(key, INSUFFICIENT_SAMPLES, n=count, n_eff=n_eff, launches=len(launches))
    interval = bootstrap_median(launches, seed_of(facts.run_id, key))
    medians = [float(np.median(launch.latency_ns)) for launch in launches]
    return MetricValue(
        key=key,
        value=interval.point,
        low=interval.low,
        high=interval.high,
        n=count,
        flags=tuple(list(facts.profile_flags) + _absolute_flags(launches, facts)),
        detail=items(
            launches=len(launches),
            n_eff=n_eff,
            tau=count / n_eff,
            lowest_launch_p50_ns=min(medians),
            highest_launch_p50_ns=max(medians),
        ),
    )


def cold_start(groups: Groups, facts: RunFacts) -> tuple[MetricValue, MetricValue]:
    """`load_ns` and `first_inference_ns`: medians of launches, bounded by their extremes."""
    cold = [start for _, start in _absolute(groups)]
    if not cold:
        return null("load_ns", NO_RAW_DATA), null("first_inference_ns", NO_RAW_DATA)
    flags = list(facts.profile_flags)
    if len(cold) < facts.plan.absolute_launches:
        flags.append(FEW_LAUNCHES)
    return (
        _over_launches("load_ns", [start.load_ns for start in cold], flags),
        _over_launches("first_inference_ns", [start.first_inference_ns for start in cold], flags),
    )


def _over_launches(key: str, values: Sequence[int], flags: Sequence[str]) -> MetricValue:
    return MetricValue(
        key=key,
        value=float(np.median(values)),
        low=float(min(values)),
        high=float(max(values)),
        n=len(values),
        flags=tuple(flags),
        detail=items(launches=len(values), bounds="lowest and highest launch"),
    )


def _absolute(groups: Groups) -> list[tuple[AbsoluteSamples, ColdStart]]:
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    return [absolute_samples(raw) for raw in raws]


def _pair_flags(launches: Sequence[PairSamples], facts: RunFacts) -> list[str]:
    flags = []
    if len(launches) < facts.plan.pair_launches:
        flags.append(FEW_LAUNCHES)
    if not all(launch.warm.steady for launch in launches):
        flags.append(NO_STEADY_STATE)
    if any(_is_shared(launch.conditions, launch.start_ns) for launch in launches):
        flags.append(SHARED)
    return flags


def _absolute_flags(launches: Sequence[AbsoluteSamples], facts: RunFacts) -> list[str]:
    flags = []
    if len(launches) < facts.plan.absolute_launches:
        flags.append(FEW_LAUNCHES)
    if not all(launch.warm.steady for launch in launches):
        flags.append(NO_STEADY_STATE)
    if any(_is_shared(launch.conditions, launch.block_start_ns) for launch in launches):
        flags.append(SHARED)
    return flags


def _is_shared(conditions: BlockConditions, start_ns: Ints) -> bool:
    """Whether others used the device during a launch (A-4); unknown conditions say nothing.

    Stolen time of all cores is held against the time of one, which errs towards the flag.
    """
    pressure = conditions.psi_some_avg10
    if bool(np.any(pressure[np.isfinite(pressure)] > MAX_PSI_AVG10)):
        return True
    stolen = conditions.steal_ticks
    elapsed = int(start_ns[-1] - start_ns[0]) if start_ns.size > 1 else 0
    total = float(stolen[np.isfinite(stolen)].sum()) * _TICK_NS
    return elapsed > 0 and total > MAX_STEAL_SHARE * elapsed
