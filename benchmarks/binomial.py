"""The binomial distribution, exactly, with numpy alone: importing scipy costs an analysis too much.

The probabilities come from their recurrence outward from the mode (the ratio of neighbours is
`(n - k) / (k + 1) * p / (1 - p)`), scaled to sum to one. Only counts within 40 standard deviations
of the mean are computed; what lies beyond is less than 1e-300.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .samples import Floats

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
