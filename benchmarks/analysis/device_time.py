"""Time of the device itself, from what its events told, and never from a latency of the host.

The two stand side by side under keys of their own (measurement.md A-3): a latency holds transfers
and the host's share, a time of the device neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..samples import AbsoluteSamples, Ints
from ..stats.percentiles import needed_size
from ..stats.resample import bootstrap_median, effective_size
from ..stats.sanity import beyond_latency, is_enqueue_bound
from ..vocabulary.reasons import (
    ENQUEUE_BOUND,
    IMPOSSIBLE,
    INSUFFICIENT_SAMPLES,
    NO_DEVICE_CLOCK,
    NO_RAW_DATA,
)
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, invalid, items, null, seed_of
from .timed import AbsoluteLaunches, is_cold

DEVICE, ENQUEUE = "device_p50_ns", "enqueue_p50_ns"


def device_times(
    launches: AbsoluteLaunches, groups: Groups, facts: RunFacts, latency_ns: float | None
) -> tuple[MetricValue, MetricValue]:
    """`device_p50_ns` and `enqueue_p50_ns`; the first is flagged where the second rules it.

    Args:
        launches: absolute ones of the candidate.
        groups: all raw files.
        facts: of the run.
        latency_ns: the median latency of the same launches; None where there is none.
    """
    if not launches.discarded.of:
        return null(DEVICE, NO_RAW_DATA), null(ENQUEUE, NO_RAW_DATA)
    if launches.discarded.invalid:
        return invalid(DEVICE, launches.detail), invalid(ENQUEUE, launches.detail)
    told = [one for one in launches.samples if one.device is not None]
    if not told or len(told) < len(launches.samples):
        return null(DEVICE, NO_DEVICE_CLOCK), null(ENQUEUE, NO_DEVICE_CLOCK)
    cold = is_cold(groups)
    device = _median(DEVICE, [_of(one, "device_ns") for one in told], launches, facts, cold)
    enqueue = _median(ENQUEUE, [_of(one, "enqueue_ns") for one in told], launches, facts, cold)
    if device.value is None or enqueue.value is None:
        return device, enqueue
    flags = list(device.flags)
    if is_enqueue_bound(enqueue.value, device.value):
        flags.append(ENQUEUE_BOUND)
    # A call that found its inputs in no cache may well take longer than one that did.
    within = latency_ns is None or cold or not beyond_latency(device.value, latency_ns)
    if not within or device.value <= 0:
        flags.append(IMPOSSIBLE)
    share = enqueue.value / device.value if device.value > 0 else float("inf")
    detail = (*device.detail, *items(enqueue_share=f"{share:.3f}"))
    return replace(device, flags=tuple(flags), detail=detail), enqueue


def _of(launch: AbsoluteSamples, name: str) -> AbsoluteSamples:
    """The launch with the times of another clock in the place of its latencies."""
    assert launch.device is not None, "asked of launches whose device told"
    values: Ints = getattr(launch.device, name)
    return replace(launch, latency_ns=values, block=launch.device.device_block, count=values.size)


def _median(
    key: str,
    samples: Sequence[AbsoluteSamples],
    launches: AbsoluteLaunches,
    facts: RunFacts,
    cold: bool,
) -> MetricValue:
    sizes = tuple(effective_size(one.latency_ns) for one in samples)
    count, needed = sum(one.count for one in samples), needed_size(0.5)
    if sum(sizes) < needed:
        return null(key, INSUFFICIENT_SAMPLES, n=count, n_eff=sum(sizes), needed=needed)
    interval = bootstrap_median(samples, seed_of(facts.run_id, key), sizes)
    medians = [float(np.median(one.latency_ns)) for one in samples]
    told = items(
        launches=len(samples),
        n_eff=sum(sizes),
        lowest_launch_p50_ns=min(medians),
        highest_launch_p50_ns=max(medians),
        cache="emptied before each call" if cold else "warm",
    )
    return MetricValue(
        key=key,
        value=interval.point,
        low=interval.low,
        high=interval.high,
        n=count,
        flags=launches.flags,
        detail=(*told, *launches.detail),
    )
