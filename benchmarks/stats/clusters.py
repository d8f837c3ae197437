"""Sums over sums of units that come in clusters, such as tokens of documents.

Tokens of one document are not independent, so documents are what repeats. The estimate is a ratio
of sums, T = sum(y) / sum(n), which weighs a document by its length; its variance is that of the
linearised ratio over clusters, D / (D - 1) * sum((y_d - T n_d)^2) / sum(n)^2 (Cochran 1977,
Sampling Techniques, 6.8; Miller 2024, Adding Error Bars to Evals, 2.2), with Student's t of D - 1
degrees of freedom. numpy alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..samples import Floats, Ints
from .paired import Interval
from .student import student_quantile

_POWER = 0.8
_ONE_SIDED = 0.95
_UNBOUNDED = 1e9


@dataclass(frozen=True, slots=True)
class Clustered:
    """A ratio of sums over clusters.

    Attributes:
        value: sum(y) / sum(n).
        deviation: its standard deviation; NaN for one cluster.
        clusters: how many clusters.
        units: sum(n).
    """

    value: float
    deviation: float
    clusters: int
    units: int

    def interval(self, level: float) -> Interval | None:
        """Student's interval; None for one cluster, which tells nothing of others."""
        if self.clusters < 2:
            return None
        reach = student_quantile(0.5 + level / 2, self.clusters - 1) * self.deviation
        return Interval(self.value, self.value - reach, self.value + reach)

    def design_effect(self, variance: float) -> float:
        """How many units are worth one independent one, at least 1.

        Args:
            variance: of one unit, were all independent.
        """
        if self.clusters < 2 or variance <= 0:
            return 1.0
        return max(1.0, self.deviation**2 * self.units / variance)


def ratio_of_sums(y: Floats, n: Ints, cluster: Ints) -> Clustered:
    """The ratio of two sums over rows that belong to clusters.

    Args:
        y: (rows,) what is summed.
        n: (rows,) units of each row, at least 1.
        cluster: (rows,) which cluster each belongs to.
    """
    _, index = np.unique(cluster, return_inverse=True)
    tops, units = np.bincount(index, weights=y), np.bincount(index, weights=n)
    total, count = float(units.sum()), int(units.size)
    value = float(tops.sum()) / total
    if count < 2:
        return Clustered(value, math.nan, count, int(total))
    spread = float(np.sum((tops - value * units) ** 2)) * count / (count - 1)
    return Clustered(value, math.sqrt(spread) / total, count, int(total))


@dataclass(frozen=True, slots=True)
class Inferiority:
    """Whether a logarithm of a ratio is at most a margin above 0.

    Attributes:
        verdict: `PASS`, `FAIL` or `UNDECIDED`.
        low: one-sided 95 % lower bound.
        high: one-sided 95 % upper bound.
        clusters_needed: further clusters that would decide it with power 0.8 if it is as it looks
            now; None when decided, or when no number would do.
    """

    verdict: str
    low: float
    high: float
    clusters_needed: int | None = None


def at_most(found: Clustered, margin: float) -> Inferiority | None:
    """Decide whether the true value is at most `margin`; None for one cluster.

    Both bounds are one-sided at 95 %, so that each of the two decisions errs 5 times in 100.
    """
    bounds = found.interval(2 * _ONE_SIDED - 1)
    if bounds is None:
        return None
    if bounds.high <= margin:
        return Inferiority("PASS", bounds.low, bounds.high)
    if bounds.low > margin:
        return Inferiority("FAIL", bounds.low, bounds.high)
    normal = NormalDist()
    quantiles = normal.inv_cdf(_ONE_SIDED) + normal.inv_cdf(_POWER)
    gap = abs(found.value - margin)
    total = math.inf if gap == 0 else found.clusters * (quantiles * found.deviation / gap) ** 2
    more = max(math.ceil(total) - found.clusters, 1) if total < _UNBOUNDED else None
    return Inferiority("UNDECIDED", bounds.low, bounds.high, more)
