"""What the harness itself costs, and whether it can be believed (A-13, A-14).

Throughput is counted in windows from the first issue to the last completion, block by block:
between blocks nothing is issued. Little's law then says how many calls were under way; a closed
loop has one, so that anything else is time that the latencies do not account for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..samples import AbsoluteSamples
from ..stats.paired import LEVEL
from ..stats.resample import bootstrap_median
from ..stats.sanity import harness_suspect, impossible_median, in_flight
from ..stats.student import student_quantile
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import HARNESS_SUSPECT, IMPOSSIBLE, NO_RAW_DATA
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, invalid, items, null, seed_of
from .latency import over_launches
from .timed import AbsoluteLaunches, number


def throughput(launches: AbsoluteLaunches, facts: RunFacts) -> MetricValue:
    """Samples per second at the row's own batch, over the absolute launches (A-13)."""
    key = "throughput_per_s"
    samples = launches.samples
    if launches.discarded.invalid:
        return invalid(key, launches.detail)
    if not samples:
        return null(key, NO_RAW_DATA)
    batch = facts.workload.batch
    windows = [float((one.block_end_ns - one.block_start_ns).sum()) for one in samples]
    if min(windows) <= 0:
        return MetricValue(key=key, value=0.0, flags=(*launches.flags, IMPOSSIBLE))
    rates = [batch * one.count * 1e9 / window for one, window in zip(samples, windows, strict=True)]
    value, low, high = over_rates(rates)
    flying = in_flight(_mean_latency_ns(samples), sum(one.count for one in samples), sum(windows))
    flags = list(launches.flags)
    if harness_suspect(flying):
        flags.append(HARNESS_SUSPECT)
    return MetricValue(
        key=key,
        value=value,
        low=low,
        high=high,
        n=sum(one.count for one in samples),
        flags=tuple(flags),
        detail=(*items(batch=batch, launches=len(rates), in_flight=flying), *launches.detail),
    )


def over_rates(rates: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Geometric mean of rates with Student's 95 % interval on logarithms; none for one rate."""
    logs = np.log(np.asarray(rates))
    value = math.exp(float(logs.mean()))
    if logs.size < 2:
        return value, None, None
    deviation = float(logs.std(ddof=1)) / math.sqrt(logs.size)
    reach = math.exp(student_quantile(0.5 + LEVEL / 2, logs.size - 1) * deviation)
    return value, value / reach, value * reach


def harness(groups: Groups, facts: RunFacts) -> MetricValue:
    """What one turn of the timing loop costs around a call that does nothing."""
    key = "harness_ns"
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    costs = [cost for raw in raws if math.isfinite(cost := number(raw, key))]
    if not costs:
        return null(key, NO_RAW_DATA)
    return over_launches(key, costs, facts.profile_flags)


def floor_p50(launches: AbsoluteLaunches, facts: RunFacts) -> MetricValue:
    """Median latency of an empty model: what no artifact of this runtime can be faster than."""
    key = "floor_p50_ns"
    if not launches.discarded.of:
        return null(key, NO_RAW_DATA)
    if launches.discarded.invalid:
        return invalid(key, launches.detail)
    interval = bootstrap_median(launches.samples, seed_of(facts.run_id, key), launches.sizes)
    impossible = impossible_median(interval.point, launches.resolution_ns)
    return MetricValue(
        key=key,
        value=interval.point,
        low=interval.low,
        high=interval.high,
        n=sum(one.count for one in launches.samples),
        flags=(*facts.profile_flags, *((IMPOSSIBLE,) if impossible else ())),
        detail=(*items(launches=len(launches.samples)), *launches.detail),
    )


def _mean_latency_ns(samples: Sequence[AbsoluteSamples]) -> float:
    """Mean over launches, each by what it counted: of a reservoir only a share is there."""
    total = sum(float(one.latency_ns.mean()) * one.count for one in samples)
    return total / sum(one.count for one in samples)
