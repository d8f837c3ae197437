"""Joint draws of published numbers, regenerated from estimates and intervals (measurement.md F-1).

Nothing random is stored: the seed is a hash of what the draws are about and of the version of the
analysis, so the same question about the same rows has the same answer, on any machine. Positive
quantities are drawn as logarithms. An interval need not be symmetric: each side has the spread
that its own end says (a two-piece normal; Wallis 2014), so that a tail is as likely as published.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

from .model import MetricValue
from .samples import Floats

DRAWS = 2_000
Z_95 = 1.959963984540054
_LINEAR = frozenset({"accuracy_delta_pp"})


def seed_of(*parts: object) -> int:
    """A seed that follows from what is drawn."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def draw(metrics: Sequence[MetricValue], seed: int) -> Floats:
    """Draws of one metric over many rows.

    Args:
        metrics: one per row, of one key, in an order that depends on nothing but the rows.
        seed: see `seed_of`.

    Returns:
        (DRAWS, rows): a null metric is NaN throughout; one without interval is its own value.
    """
    rows = len(metrics)
    # Half of the draws and their mirror images: the median of each column is the estimate itself.
    half = np.random.default_rng(seed).standard_normal((DRAWS // 2, rows))
    normal = np.concatenate([half, -half])
    drawn = np.empty((DRAWS, rows))
    for column, metric in enumerate(metrics):
        drawn[:, column] = _spread_out(metric, normal[:, column])
    return drawn


def holds(drawn: Floats, limit: float, *, at_least: bool = False) -> Floats:
    """The share of draws, per row, that keep a limit; NaN for a row that is null.

    Args:
        drawn: (DRAWS, rows).
        limit: in the unit of the metric.
        at_least: whether values below the limit break it; else those above.
    """
    kept = drawn >= limit if at_least else drawn <= limit
    share: Floats = np.where(np.isnan(drawn[0]), np.nan, kept.mean(axis=0))
    return share


def _spread_out(metric: MetricValue, normal: Floats) -> Floats | float:
    value = metric.value
    if value is None:
        return math.nan
    log = metric.key not in _LINEAR and value > 0
    low, high = metric.low, metric.high
    if low is None or high is None or (log and low <= 0):
        return value
    centre = math.log(value) if log else value
    below = (centre - (math.log(low) if log else low)) / Z_95
    above = ((math.log(high) if log else high) - centre) / Z_95
    spread = centre + np.where(normal < 0, max(0.0, below), max(0.0, above)) * normal
    drawn: Floats = np.exp(spread) if log else spread
    return drawn
