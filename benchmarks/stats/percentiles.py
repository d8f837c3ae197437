"""Percentiles that are reported only when the samples allow it (measurement.md A-7).

Consecutive latencies are not independent, so everything here counts the effective sample size,
n / tau, not n. The interval is that of order statistics: the number of samples below the true
quantile is binomial, whatever the distribution of latencies. The upper bound is LoadGen's early
stopping (mlcommons/inference loadgen/early_stopping.cc): the value that is left when the t - 1
worst are put aside, for the largest t that 99 % confidence allows; its smallest sample sizes are
those that gate a percentile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..samples import Floats, Ints
from .paired import LEVEL

_UPPER_RISK = 0.01


@dataclass(frozen=True, slots=True)
class Percentile:
    """One percentile of single latencies, in nanoseconds.

    Attributes:
        value: the empirical quantile.
        low: lower end of the 95 % order-statistic interval.
        high: its upper end; the largest sample when the interval has no finite one.
        loadgen_upper: LoadGen's upper bound at 99 % confidence.
    """

    value: float
    low: float
    high: float
    loadgen_upper: float


@lru_cache(maxsize=32)
def needed_size(p: float) -> int:
    """Fewest independent samples from which LoadGen reports quantile `p`: 64 for p90.

    The smallest n with P(X <= 1) <= 1 % for X ~ Binomial(n, 1 - p).
    """
    low, high = 1, 2
    while _worst_put_aside(high, p) < 1:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _worst_put_aside(middle, p) < 1:
            low = middle
        else:
            high = middle
    return high


def pooled_size(sizes: Sequence[float]) -> float:
    """What launches that count alike are worth together, from what each is worth.

    Their sum when they are worth the same; less when they are not, because the weights of single
    latencies then differ (Kish 1965).
    """
    return len(sizes) ** 2 / sum(1 / size for size in sizes) if sizes else 0.0


def percentile(launches: Sequence[Ints], sizes: Sequence[float], p: float) -> Percentile | None:
    """Quantile `p` over launches, each of which counts alike however fast it was.

    Args:
        launches: single latencies of each launch, in any order, at least one in each.
        sizes: how many independent latencies each is worth.
        p: in [0.5, 1).

    Returns:
        The percentile, or None when fewer than `needed_size(p)` independent samples exist.
    """
    n = math.floor(pooled_size(sizes))
    if n < needed_size(p):
        return None
    tail = (1 - LEVEL) / 2
    lowest, highest = binomial_quantile(tail, n, p), binomial_quantile(1 - tail, n, p) + 1
    shares = [p, lowest / n, min(highest / n, 1.0), 1 - _worst_put_aside(n, p) / n]
    value, low, high, upper = _quantiles(launches, shares)
    return Percentile(value, low, high, max(upper, value))


def _quantiles(launches: Sequence[Ints], shares: Sequence[float]) -> list[float]:
    """Inverted distribution function, so that each quantile is a latency that was measured.

    By bisection on the value: fifteen launches of a million latencies need no array of them all.
    """
    ordered = [np.sort(one) for one in launches]

    def share_up_to(value: int) -> float:
        counts = [np.searchsorted(one, value, side="right") / one.size for one in ordered]
        return float(sum(counts)) / len(ordered)

    found = []
    for share in shares:
        low = min(int(one[0]) for one in ordered) - 1
        high = max(int(one[-1]) for one in ordered)
        while high - low > 1:
            middle = (low + high) // 2
            if share_up_to(middle) >= share * (1 - 1e-12):
                high = middle
            else:
                low = middle
        found.append(float(high))
    return found


def _worst_put_aside(n: int, p: float) -> int:
    """The largest t with P(X <= t) <= 1 % for X ~ Binomial(n, 1 - p); below 1 there is no bound."""
    above = binomial_quantile(_UPPER_RISK, n, 1 - p)
    return above if binomial_cdf(above, n, 1 - p) <= _UPPER_RISK else above - 1


_REACH = 40


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p); 0 below 0 and 1 from n on."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    first, cumulative = _cumulative(n, p)
    at = k - first
    if at < 0:
        return 0.0
    return float(cumulative[min(at, cumulative.size - 1)])


def binomial_quantile(q: float, n: int, p: float) -> int:
    """The smallest k with P(X <= k) >= q for X ~ Binomial(n, p) and 0 < q < 1."""
    first, cumulative = _cumulative(n, p)
    at = int(np.searchsorted(cumulative, q * (1 - 4e-16), side="left"))
    return first + min(at, cumulative.size - 1)


@lru_cache(maxsize=32)
def _cumulative(n: int, p: float) -> tuple[int, Floats]:
    """The smallest count that is looked at, and P(X <= k) from there on."""
    if n < 1 or not 0 < p < 1:
        raise ValueError(f"no binomial distribution of {n} trials with probability {p}")
    reach = math.ceil(_REACH * math.sqrt(n * p * (1 - p))) + _REACH
    mode = min(n, math.floor((n + 1) * p))
    first, last = max(0, mode - reach), min(n, mode + reach)
    odds = p / (1 - p)
    above = np.arange(mode, last, dtype=np.float64)
    below = np.arange(mode, first, -1, dtype=np.float64)
    rising = np.cumprod((n - above) / (above + 1) * odds)
    falling = np.cumprod(below / (n - below + 1) / odds)
    weights = np.concatenate([falling[::-1], [1.0], rising])
    cumulative: Floats = np.cumsum(weights / weights.sum())
    cumulative.flags.writeable = False
    return first, cumulative
