"""When a warm-up has ended: the test of steadiness of measurement.md A-5.

Steady is a property of the last `WINDOW` block medians: their two halves agree within 1 %, and
they show no monotone trend (Mann-Kendall, p > 0.05). Barrett et al. (2017) found that fewer than
half of their benchmarks reach a steady state on every launch, so it is tested, never assumed.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from ..samples import Floats

WINDOW = 20
MAX_HALVES_LOG_RATIO = 0.01
MIN_TREND_P = 0.05


def is_steady(block_median_ns: Floats) -> bool:
    """Whether the last `WINDOW` block medians are level; False when there are fewer."""
    if block_median_ns.size < WINDOW:
        return False
    window = block_median_ns[-WINDOW:]
    first, last = np.median(window[: WINDOW // 2]), np.median(window[WINDOW // 2 :])
    if first <= 0 or last <= 0:
        return False
    level = abs(math.log(last / first)) < MAX_HALVES_LOG_RATIO
    return level and mann_kendall_p(window) > MIN_TREND_P


def mann_kendall_p(values: Floats) -> float:
    """Two-sided p-value of the Mann-Kendall trend test, normal approximation with ties.

    Args:
        values: at least 3 values in time order.

    Returns:
        The probability of a trend at least as clear if there is none; 1 when all are equal.
    """
    n = values.size
    later, earlier = np.triu_indices(n, k=1)[::-1]
    s = int(np.sign(values[later] - values[earlier]).sum())
    _, ties = np.unique(values, return_counts=True)
    tied = int(np.sum(ties * (ties - 1) * (2 * ties + 5)))
    variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
    if variance <= 0 or s == 0:
        return 1.0
    z = (abs(s) - 1) / math.sqrt(variance)
    return min(2 * (1 - NormalDist().cdf(z)), 1.0)
