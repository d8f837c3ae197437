"""How a device holds out under load: the last minute of a long launch against its first (A-10).

Throttling is what is looked for here, so that no block is discarded for it; only what comes from
outside (steal, a clock that was set) is. Where a device tells its clock, temperature or throttling,
the curve has them beside the latency; what it does not tell is a dash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..samples import AbsoluteSamples, Floats, Ints
from ..stats.discards import HEAT, blocks_with_cause
from ..stats.paired import LEVEL, Interval
from ..vocabulary.enums import PassName, Profile, RawRole
from ..vocabulary.profiles import MIN_SUSTAINED_NS, SECOND_NS
from ..vocabulary.reasons import NO_RAW_DATA, NOT_IN_PROFILE, WINDOW_TOO_SHORT
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, invalid, items, null, seed_of
from .timed import AbsoluteLaunches, nominal_mhz

KEY = "sustained_ratio"
SLOWER = 1.05
"""Beyond the first minute's median: from there to the end the device counts as slowed down."""

_MINUTE_NS = 60 * SECOND_NS
_BUCKETS = 60
_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Bucket:
    """One stretch of the curve; NaN where the device does not tell.

    Attributes:
        start_s: since the launch began to be timed.
        p50_ns: median latency; NaN where nothing was timed.
        clock_mhz: median of the readings.
        temperature_c: median of the readings.
        throttled: whether a cause was recorded in it.
    """

    start_s: float
    p50_ns: float
    clock_mhz: float
    temperature_c: float
    throttled: bool


def sustained(launches: AbsoluteLaunches, groups: Groups, facts: RunFacts) -> MetricValue:
    """`sustained_ratio` with the whole curve in its detail."""
    if facts.profile is not Profile.SUSTAINED:
        return null(KEY, NOT_IN_PROFILE)
    if not launches.discarded.of:
        return null(KEY, NO_RAW_DATA)
    if launches.discarded.invalid:
        return invalid(KEY, launches.detail)
    # A second launch begins on a device that the first has warmed.
    samples = launches.samples[0]
    raw = groups[PassName.ABSOLUTE, RawRole.CANDIDATE][0]
    span_ns = _elapsed_ns(samples)[-1]
    if span_ns < MIN_SUSTAINED_NS:
        needed = MIN_SUSTAINED_NS / SECOND_NS
        return null(KEY, WINDOW_TOO_SHORT, span_s=span_ns / SECOND_NS, needed_s=needed)
    ratio = minutes_ratio(samples, seed_of(facts.run_id, KEY))
    buckets = curve(samples, nominal_mhz(raw))
    slow_s, throttle_s = slowed_after_s(buckets, samples), throttled_after_s(buckets)
    return MetricValue(
        key=KEY,
        value=ratio.point,
        low=ratio.low,
        high=ratio.high,
        n=samples.count,
        difference="detected" if ratio.low > 1 or ratio.high < 1 else "none",
        flags=launches.flags,
        detail=(
            *items(
                span_s=round(span_ns / SECOND_NS, 3),
                time_to_throttle_s="none" if throttle_s is None else throttle_s,
                time_to_slowdown_s="none" if slow_s is None else slow_s,
                curve_columns="start_s:p50_ns:clock_mhz:temperature_c",
                curve=" ".join(_words(bucket) for bucket in buckets),
            ),
            *launches.detail,
        ),
    )


def minutes_ratio(samples: AbsoluteSamples, seed: int) -> Interval:
    """Median of the last minute / median of the first, with a bootstrap interval over seconds.

    Consecutive latencies are not independent; the medians of seconds nearly are.
    """
    elapsed = _elapsed_ns(samples)
    first = _seconds(samples, elapsed < _MINUTE_NS)
    last = _seconds(samples, elapsed >= elapsed[-1] - _MINUTE_NS)
    rng = np.random.default_rng(seed)
    draws = _medians(last, rng) / _medians(first, rng)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    point = float(np.median(last) / np.median(first))
    return Interval(point, min(float(low), point), max(float(high), point))


def curve(samples: AbsoluteSamples, nominal: float | None) -> list[Bucket]:
    """The launch in `_BUCKETS` stretches of equal length."""
    elapsed = _elapsed_ns(samples)
    starts = samples.block_start_ns
    heat = np.zeros(starts.size, dtype=np.bool_)
    causes = blocks_with_cause(samples.conditions, np.ones(starts.size), starts, nominal)
    for cause in HEAT:
        heat |= causes[cause]
    edges = np.linspace(0, elapsed[-1] + 1, _BUCKETS + 1)
    at = np.searchsorted(edges, elapsed, side="right") - 1
    of_latency = at[samples.block]
    found = []
    for bucket in range(_BUCKETS):
        blocks = at == bucket
        found.append(
            Bucket(
                start_s=round(float(edges[bucket]) / SECOND_NS, 3),
                p50_ns=_median(samples.latency_ns[of_latency == bucket].astype(np.float64)),
                clock_mhz=_median(samples.conditions.clock_mhz[blocks]),
                temperature_c=_median(samples.conditions.temperature_c[blocks]),
                throttled=bool(heat[blocks].any()),
            )
        )
    return found


def throttled_after_s(buckets: list[Bucket]) -> float | None:
    """When the device first said that it limits its clock; None when it never did."""
    return next((bucket.start_s for bucket in buckets if bucket.throttled), None)


def slowed_after_s(buckets: list[Bucket], samples: AbsoluteSamples) -> float | None:
    """From when on latency stayed over the first minute's, to the end; None when it did not."""
    elapsed = _elapsed_ns(samples)
    limit = SLOWER * float(np.median(samples.latency_ns[(elapsed < _MINUTE_NS)[samples.block]]))
    since = None
    for bucket in reversed(buckets):
        if bucket.p50_ns <= limit:
            break
        since = bucket.start_s if math.isfinite(bucket.p50_ns) else since
    return since


def _elapsed_ns(samples: AbsoluteSamples) -> Ints:
    """Start of each block since that of the first."""
    elapsed: Ints = samples.block_start_ns - samples.block_start_ns[0]
    return elapsed


def _seconds(samples: AbsoluteSamples, blocks: np.ndarray) -> Floats:
    """Median of each second in which a block of `blocks` began."""
    taken = blocks[samples.block]
    second = _elapsed_ns(samples)[samples.block[taken]] // SECOND_NS
    latency = samples.latency_ns[taken]
    edges = np.flatnonzero(np.diff(second)) + 1
    return np.array([np.median(part) for part in np.split(latency, edges)])


def _medians(values: Floats, rng: np.random.Generator) -> Floats:
    drawn = values[rng.integers(values.size, size=(_DRAWS, values.size))]
    medians: Floats = np.median(drawn, axis=1)
    return medians


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else math.nan


def _words(bucket: Bucket) -> str:
    numbers = (bucket.p50_ns, bucket.clock_mhz, bucket.temperature_c)
    shown = [f"{one:.6g}" if math.isfinite(one) else "-" for one in numbers]
    return ":".join([f"{bucket.start_s:g}", *shown])
