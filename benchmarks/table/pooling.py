"""One figure of many units: the mean, what it is worth, and how far models and devices spread.

Pure. Ratios are pooled as logarithms, so that a ratio and its reciprocal say the same. Every
model counts alike, however many devices it was measured on: the question is what the next model
will do. Spreads follow the method of moments: the variance observed between the units, less what
their own intervals explain (DerSimonian and Laird 1986). The interval is the widest of three,
each Student's: between models, between devices, and of the measurements alone. Two clusterings
are so covered by the wider one, which is their common practice with few clusters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..stats.student import student_quantile
from ..vocabulary.metric import Direction
from ..vocabulary.metrics import METRICS, is_linear
from ..vocabulary.values.cells import PassRate, Pooled

Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class UnitValue:
    """A metric on one unit, in its own unit; `low` and `high` bound it at 95 %, if known."""

    model: str
    device: str
    value: float
    low: float | None = None
    high: float | None = None


def pool(key: str, units: Sequence[UnitValue], missing: int = 0, reason: str = "") -> Pooled:
    """Pool one metric.

    Args:
        key: the metric; ratios are pooled on the log scale.
        units: at most one value per unit, in any order.
        missing: units that have no value; any of them makes the pooled one null, because a mean
            over those that happen to have one would speak for the others.
        reason: why they have none.
    """
    count = len(units) + missing
    if missing or not units:
        return Pooled(key=key, reason=reason or "not_measured", units=count)
    log = not is_linear(key)
    usable = sorted(units, key=lambda one: (one.model, one.device, one.value))
    if log and any(one.value <= 0 for one in usable):
        return Pooled(key=key, reason="not_positive", units=count)
    points = [_point(one, log=log) for one in usable]
    mean, half = _mean_and_half(points)
    between_models = _spread_of_models(points)
    between_devices = _spread_of_devices(points)
    values = [one.value for one in usable]
    return Pooled(
        key=key,
        value=_back(mean, log=log),
        low=None if half is None else _back(mean - half, log=log),
        high=None if half is None else _back(mean + half, log=log),
        units=count,
        between_models=_relative(between_models, log=log),
        between_devices=_relative(between_devices, log=log),
        worst=min(values) if METRICS[key].direction is Direction.HIGHER else max(values),
    )


def wilson(passed: int, judged: int) -> tuple[float, float] | None:
    """Wilson's score interval of a share at 95 %; None without any trial (Wilson 1927)."""
    if judged == 0:
        return None
    share, z2 = passed / judged, Z_95**2
    centre = (share + z2 / (2 * judged)) / (1 + z2 / judged)
    half = Z_95 / (1 + z2 / judged) * math.sqrt(share * (1 - share) / judged + z2 / (4 * judged**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def pass_rate(verdicts: Iterable[str]) -> PassRate:
    """The share of models that pass, from what the gate says of each."""
    found = list(verdicts)
    passed = found.count("passed")
    judged = passed + found.count("failed")
    interval = wilson(passed, judged)
    return PassRate(
        passed=passed,
        judged=judged,
        undecided=len(found) - judged,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
    )


@dataclass(frozen=True, slots=True)
class _Point:
    model: str
    device: str
    value: float
    variance: float | None
    """Of the measurement; None: not known."""


def _point(one: UnitValue, *, log: bool) -> _Point:
    def scale(number: float) -> float:
        return math.log(number) if log else number

    variance = None
    if one.low is not None and one.high is not None and (not log or one.low > 0):
        variance = ((scale(one.high) - scale(one.low)) / (2 * Z_95)) ** 2
    return _Point(one.model, one.device, scale(one.value), variance)


def _groups(points: Iterable[_Point], *, by_model: bool) -> dict[str, list[_Point]]:
    found: dict[str, list[_Point]] = {}
    for point in points:
        found.setdefault(point.model if by_model else point.device, []).append(point)
    return found


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def _variance(values: Iterable[float]) -> float:
    found = list(values)
    centre = _mean(found)
    return math.fsum((value - centre) ** 2 for value in found) / (len(found) - 1)


def _model_means(points: Sequence[_Point]) -> list[float]:
    return [
        _mean(point.value for point in group) for group in _groups(points, by_model=True).values()
    ]


def _mean_and_half(points: Sequence[_Point]) -> tuple[float, float | None]:
    """The mean over models, and half of its 95 % interval; None when nothing bounds it."""
    models = _model_means(points)
    mean = _mean(models)
    halves = []
    if len(models) > 1:
        halves.append(_student_half(models))
    devices = [
        _mean(point.value for point in group) for group in _groups(points, by_model=False).values()
    ]
    if len(devices) > 1:
        halves.append(_student_half(devices))
    own = _measurement_variance(points)
    if own is not None:
        halves.append(Z_95 * math.sqrt(own))
    return mean, max(halves, default=None)


def _student_half(values: Sequence[float]) -> float:
    n = len(values)
    return student_quantile(0.975, n - 1) * math.sqrt(_variance(values) / n)


def _measurement_variance(points: Sequence[_Point]) -> float | None:
    """The variance of the mean that the measurements alone explain."""
    groups = _groups(points, by_model=True).values()
    total = 0.0
    for group in groups:
        known = [point.variance for point in group if point.variance is not None]
        if len(known) < len(group):
            return None
        total += math.fsum(known) / len(group) ** 2
    return total / len(groups) ** 2


def _spread_of_models(points: Sequence[_Point]) -> float | None:
    groups = list(_groups(points, by_model=True).values())
    if len(groups) < 2:
        return None
    noise = _mean(
        math.fsum(point.variance or 0.0 for point in group) / len(group) ** 2 for group in groups
    )
    return math.sqrt(max(0.0, _variance(_model_means(points)) - noise))


def _spread_of_devices(points: Sequence[_Point]) -> float | None:
    """Within models, so that a device that measured other models does not count as different."""
    groups = [group for group in _groups(points, by_model=True).values() if len(group) > 1]
    if not groups:
        return None
    freedom = sum(len(group) - 1 for group in groups)
    within = (
        math.fsum(_variance(point.value for point in group) * (len(group) - 1) for group in groups)
        / freedom
    )
    noise = _mean(point.variance or 0.0 for group in groups for point in group)
    return math.sqrt(max(0.0, within - noise))


def _back(value: float, *, log: bool) -> float:
    return math.exp(value) if log else value


def _relative(spread: float | None, *, log: bool) -> float | None:
    """A spread of logarithms as a relative one."""
    if spread is None or not log:
        return spread
    return math.expm1(spread)
