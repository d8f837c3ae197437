"""Joint draws of published numbers, regenerated from estimates and intervals (measurement.md F-1).

Nothing random is stored, and each quantity is drawn from a seed of its own: its run and its key.
So a figure has the same draws in every question, on any machine, whatever other rows and limits
there are, and a baseline that several recipes were compared with is the same in each comparison.

Positive quantities are drawn as logarithms, and stay logarithms; an accuracy delta in points. An
interval need not be symmetric: each side has the spread that its own end says (a two-piece normal;
Wallis 2014), so that a tail is as likely as published. The draws of one quantity are stratified:
the `DRAWS` midpoints of the normal distribution, each once, in an order of its own.
"""

from __future__ import annotations

import hashlib
import math
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ..samples import Floats
from ..vocabulary.metrics import is_linear
from ..vocabulary.values.runs import MetricValue

DRAWS = 2_000
_NORMAL = NormalDist()
Z_95 = _NORMAL.inv_cdf(0.975)
_ORDERS = 128
_SEED = 20_261_121
_VERSION = "4"
"""Another one draws everything anew: answers from tables that were published would change."""

_EXTREMES = ("lowest and highest", "extreme")
"""How a detail `bounds` begins when the ends are those of the launches, not of an interval."""

_RANGE_IN_SD = (1.128, 1.693, 2.059, 2.326, 2.534, 2.704, 2.847, 2.970, 3.078)
"""Expected range of 2, 3, ... 10 normal values in standard deviations (d2 of control charts)."""


def drawn(metric: MetricValue, *key: str) -> Floats | None:
    """Draws of a metric: of its logarithm, or of itself where differences matter.

    Args:
        metric: estimate and, when it has one, interval.
        key: what it was measured in, such as the id of the run.

    Returns:
        (DRAWS,), or (1,) for what has no interval and so is its own value; None when the metric
        is null, or not positive where a logarithm is taken.
    """
    linear = is_linear(metric.key)
    if metric.value is None or not (linear or metric.value > 0):
        return None
    centre, below, above = _spread(metric, linear=linear)
    if not (below or above):
        return np.array([centre])
    normal = _standard(metric.key, *key)
    if below == above:
        return centre + below * normal
    found: Floats = centre + np.where(normal < 0, below, above) * normal
    return found


def holds(metric: MetricValue, limit: float, *, at_least: bool = False) -> float:
    """The share of draws that keep a limit, counted exactly; NaN for a metric that is null.

    Args:
        metric: estimate and, when it has one, interval.
        limit: in the unit of the metric; above 0 for what is drawn as a logarithm.
        at_least: whether values below the limit break it; else those above.
    """
    if metric.value is None:
        return math.nan
    linear = is_linear(metric.key) or metric.value <= 0
    centre, below, above = _spread(metric, linear=linear)
    away = (limit if linear else math.log(limit)) - centre
    spread = below if away < 0 or (away == 0 and at_least) else above
    if spread:
        share = _NORMAL.cdf(away / spread)
        return 1 - share if at_least else share
    return float(away <= 0 if at_least else away >= 0)


def _spread(metric: MetricValue, *, linear: bool) -> tuple[float, float, float]:
    """Centre and the standard deviation on each side of it, in the scale of the draws."""
    value = metric.value or 0.0
    centre = value if linear else math.log(value)
    low, high = metric.low, metric.high
    if low is None or high is None:
        return centre, 0.0, 0.0
    if linear:
        below, above = max(0.0, value - low), max(0.0, high - value)
    else:
        above = max(0.0, math.log(high) - centre) if high > 0 else 0.0
        # A lower end at or below nothing has no logarithm: that side is as wide as the other.
        below = max(0.0, centre - math.log(low)) if low > 0 else above
    launches = _launches(metric)
    if launches is None:
        return centre, below / Z_95, above / Z_95
    # The next process is another draw of what the launches scatter by, wherever their middle was.
    spread = (below + above) / _RANGE_IN_SD[min(max(launches, 2) - 2, len(_RANGE_IN_SD) - 1)]
    return centre, spread, spread


def _launches(metric: MetricValue) -> int | None:
    """How many launches the ends are the extremes of; None when they are those of an interval."""
    detail = {item.name: item.value for item in metric.detail}
    if not detail.get("bounds", "").startswith(_EXTREMES):
        return None
    count = detail.get("launches", "")
    return int(count) if count.isdecimal() else 3


def _standard(*key: str) -> Floats:
    """(DRAWS,): the normal midpoints in an order that follows from the key."""
    text = "\x1f".join((*key, _VERSION))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:12], "big")
    number, first = divmod(number, _ORDERS)
    number, second = divmod(number, _ORDERS)
    start = number % DRAWS
    values, orders = _pool()
    found: Floats = values[first].take(orders[second, start : start + DRAWS])
    return found


@cache
def _pool() -> tuple[Floats, npt.NDArray[np.intp]]:
    """Normal midpoints in many orders, and orders that are each there twice, to start anywhere.

    An order of its own for each quantity would take longer to make than all else; two quantities
    share one with a chance of 1 in 33 million.
    """
    midpoints = np.array([_NORMAL.inv_cdf((i + 0.5) / DRAWS) for i in range(DRAWS)])
    rng = np.random.default_rng(_SEED)
    orders = rng.permuted(np.tile(np.arange(DRAWS), (2 * _ORDERS, 1)), axis=1)
    places = orders[_ORDERS:]
    return midpoints[orders[:_ORDERS]], np.concatenate([places, places], axis=1)
