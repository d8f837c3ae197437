"""Quantiles of Student's t without scipy, which costs more to import than an analysis takes."""

from __future__ import annotations

import math


def student_quantile(p: float, df: int) -> float:
    """Quantile of Student's t for p in [0.5, 1) and whole degrees of freedom.

    By bisection on the finite series of the distribution function (Abramowitz and Stegun 26.7.3
    and 26.7.4).
    """
    low, high = 0.0, 1.0
    while _central(high, df) < 2 * p - 1:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if _central(middle, df) < 2 * p - 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _central(t: float, df: int) -> float:
    """P(-t <= T <= t)."""
    theta = math.atan(t / math.sqrt(df))
    sine, square = math.sin(theta), math.cos(theta) ** 2
    term, total = 1.0, 1.0
    if df % 2 == 0:
        for k in range(1, df // 2):
            term *= square * (2 * k - 1) / (2 * k)
            total += term
        return sine * total
    if df == 1:
        return 2 * theta / math.pi
    for k in range(1, (df - 1) // 2):
        term *= square * (2 * k) / (2 * k + 1)
        total += term
    return 2 / math.pi * (theta + sine * math.cos(theta) * total)
