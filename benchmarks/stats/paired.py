"""The paired estimate: Hodges-Lehmann and the inverted Wilcoxon signed-rank test (A-8).

Everything works on log-ratios of quads, `d = ln(candidate / baseline)`, and is exact about what
it assumes: quads are independent and symmetric about the true log-ratio, which the random order
within each quad makes so even when the machine drifts. What it cannot make so is a neighbour that
slows one of the two more than the other for a while; then the ratio itself changes in time, and
the stretches of a launch, not its quads, are what repeats. numpy alone, because the device decides
with these functions when to stop adding quads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from ..samples import CANDIDATE, Floats, GenerationSamples, Ints, PairSamples
from .student import student_quantile

LEVEL = 0.95
_EXACT_UP_TO = 60
"""Quads up to which the null distribution is exact; beyond, its normal approximation."""

STRETCHES = 4
"""Consecutive parts of a launch that are compared with each other."""

_QUADS_PER_STRETCH = 10
_UNSTEADY_VARIANCE_RATIO = 4.0
"""Between / within variance of stretches; chance exceeds 3.8 in 1 of 100, from F(3, inf)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval, in the unit of the data."""

    point: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class PooledLaunches:
    """The estimate over launches.

    Attributes:
        interval: at the level that was asked for.
        method: `wilcoxon` over all quads, `t` over the launches when they differ by more than
            their quads explain, `stretches` when that is so of parts of one launch.
        between: variance of the estimates of launches (of stretches); 0 for one launch.
        within: mean variance of one such estimate.
    """

    interval: Interval
    method: str
    between: float
    within: float


def quad_log_ratios(samples: PairSamples) -> Floats:
    """One log-ratio candidate / baseline per quad, (quads,)."""
    return _of_quads(samples.letter, samples.value_ns)


def request_log_ratios(samples: GenerationSamples) -> tuple[Floats, Floats | None]:
    """Log-ratios candidate / baseline of quads of requests: first token, and each further one.

    The second is None where no token followed the first one.
    """
    inside = samples.quad >= 0
    first = _of_quads(samples.which[inside], samples.ttft_ns[inside].astype(np.float64))
    decoded = samples.decoded[inside]
    if not np.all(decoded > 0):
        return first, None
    each = samples.decode_ns[inside] / decoded
    return first, _of_quads(samples.which[inside], each)


def _of_quads(letter: Ints, values: Floats) -> Floats:
    is_candidate, table = letter.reshape(-1, 4) == CANDIDATE, values.reshape(-1, 4)
    candidate = np.where(is_candidate, table, 0.0).sum(axis=1)
    baseline = np.where(is_candidate, 0.0, table).sum(axis=1)
    ratios: Floats = np.log(candidate / baseline)
    return ratios


def walsh_averages(values: Floats) -> Floats:
    """All (d_i + d_j) / 2 with i <= j, sorted ascending, (n (n + 1) / 2,)."""
    first, second = np.triu_indices(values.size)
    averages: Floats = np.sort((values[first] + values[second]) / 2)
    return averages


def hodges_lehmann(values: Floats) -> float:
    """Median of the Walsh averages."""
    return float(np.median(walsh_averages(values)))


def wilcoxon_interval(values: Floats, level: float = LEVEL) -> Interval | None:
    """Hodges-Lehmann estimate and the signed-rank interval at `level`.

    Returns:
        The interval, or None when so few values cannot give one at this level (fewer than 6 at
        0.95).
    """
    n = values.size
    rank = critical_rank(n, level)
    if rank < 1:
        return None
    averages = walsh_averages(values)
    return Interval(
        point=float(np.median(averages)),
        low=float(averages[rank - 1]),
        high=float(averages[averages.size - rank]),
    )


@lru_cache(maxsize=256)
def critical_rank(n: int, level: float) -> int:
    """Which Walsh average from either end bounds the interval, 1-based; 0 when none does.

    The largest k with P(T+ <= k - 1) <= (1 - level) / 2 under the null hypothesis.
    """
    tail = (1 - level) / 2
    if n <= _EXACT_UP_TO:
        return int(np.searchsorted(np.cumsum(_signed_rank_probabilities(n)), tail, side="right"))
    mean, deviation = n * (n + 1) / 4, math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return math.floor(mean + NormalDist().inv_cdf(tail) * deviation + 0.5)


@lru_cache(maxsize=_EXACT_UP_TO)
def _signed_rank_probabilities(n: int) -> Floats:
    """P(T+ = t) for t = 0 .. n (n + 1) / 2: each rank is in the sum with probability 1/2."""
    probabilities = np.zeros(n * (n + 1) // 2 + 1)
    probabilities[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros_like(probabilities)
        shifted[rank:] = probabilities[:-rank]
        probabilities = (probabilities + shifted) / 2
    return probabilities


def pool_launches(launches: Sequence[Floats], level: float = LEVEL) -> PooledLaunches | None:
    """Pool the log-ratios of several launches (A-8).

    Launches that differ by more than their quads explain are the unit of replication: then the
    interval is Student's over their estimates. So are the stretches of every launch when one
    launch was unsteady. Otherwise all quads count alike.

    Args:
        launches: log-ratios of each launch in the order they were taken, (quads,) each.
        level: confidence.

    Returns:
        The pooled estimate, or None when there are too few quads for an interval.
    """
    pooled = wilcoxon_interval(np.concatenate(launches), level)
    spread = _spread(launches)
    if pooled is None or spread is None:
        return None
    parts = [stretches(launch) for launch in launches]
    if any(_differ(_spread(part)) for part in parts):
        units = _spread([stretch for part in parts for stretch in part])
        if units is not None:
            return PooledLaunches(
                _over_units(units, level), "stretches", units.between, units.within
            )
    if spread.between <= spread.within:
        return PooledLaunches(pooled, "wilcoxon", spread.between, spread.within)
    return PooledLaunches(_over_units(spread, level), "t", spread.between, spread.within)


def stretches(values: Floats) -> list[Floats]:
    """A launch in `STRETCHES` consecutive parts; in one when it is too short to be parted."""
    if values.size < STRETCHES * _QUADS_PER_STRETCH:
        return [values]
    return list(np.array_split(values, STRETCHES))


@dataclass(frozen=True, slots=True)
class _Spread:
    """Estimates of units of replication, and how they scatter."""

    points: Floats
    between: float
    within: float


def _spread(units: Sequence[Floats]) -> _Spread | None:
    """The estimates of launches or stretches; None when one has too few quads."""
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    singles = [wilcoxon_interval(unit) for unit in units]
    known = [single for single in singles if single is not None]
    if len(known) < len(units):
        return None
    points = np.array([single.point for single in known])
    within = float(np.mean([(single.half_width / z) ** 2 for single in known]))
    return _Spread(points, float(np.var(points, ddof=1)) if len(known) > 1 else 0.0, within)


def _differ(spread: _Spread | None) -> bool:
    return spread is not None and spread.between > _UNSTEADY_VARIANCE_RATIO * spread.within


def _over_units(spread: _Spread, level: float) -> Interval:
    """Student's interval over the estimates of the units."""
    return student_interval(spread.points, level)


def student_interval(values: Floats, level: float = LEVEL) -> Interval:
    """Student's interval of the mean of at least two values, with one degree of freedom less."""
    count, variance = values.size, float(np.var(values, ddof=1))
    reach = student_quantile(0.5 + level / 2, count - 1) * math.sqrt(variance / count)
    centre = float(np.mean(values))
    return Interval(centre, centre - reach, centre + reach)


def difference_of(interval: Interval) -> str:
    """`detected` when the interval of the log-ratio excludes 0, else `none`."""
    return "detected" if interval.low > 0 or interval.high < 0 else "none"


def verdict_of(interval: Interval, margin: float) -> str:
    """`FASTER`, `SLOWER`, `SAME` or `UNDECIDED` for an interval of the log-ratio.

    Args:
        interval: of ln(candidate / baseline).
        margin: relative difference that matters, in (0, 1).
    """
    faster, slower = math.log1p(-margin), math.log1p(margin)
    if interval.high < faster:
        return "FASTER"
    if interval.low > slower:
        return "SLOWER"
    if interval.low > faster and interval.high < slower:
        return "SAME"
    return "UNDECIDED"


def is_precise(values: Floats, margin: float) -> bool:
    """Whether the 95 % interval is short enough to stop: half-width at most half the margin."""
    pooled = pool_launches([values])
    return pooled is not None and pooled.interval.half_width <= margin / 2
