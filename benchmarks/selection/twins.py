"""The guard across runtimes: a recipe gains only against the float twin of its own runtime.

Every ratio is against the one reference. Where another runtime is faster at FP32 already, a
quantized form of it is faster than the reference as well, and may bring nothing: what is better is
the runtime. Both were held against the same reference, each in its own launches, so the ratio of
the two has the interval that follows from theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..stats.paired import Interval, verdict_of
from ..table.units import unit_of
from ..vocabulary.enums import FormatFamily, Objective
from ..vocabulary.profiles import plan_of
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed
from .checks import objective_value


def guarded(
    winners: Sequence[Assessed], assessed: Sequence[Assessed], objective: Objective
) -> list[Assessed]:
    """The winners without those that are not shown to be better than their float twin.

    Args:
        winners: better than the reference, and meeting every limit.
        assessed: every recipe of the question.
        objective: in which they are better.
    """
    pairs = [(one, twin_of(one, assessed)) for one in winners]
    return [one for one, twin in pairs if twin is None or _beats(one, twin, objective)]


def twin_of(one: Assessed, assessed: Sequence[Assessed]) -> Assessed | None:
    """The FP32 form that the same runtime executes, where that is not the reference.

    What the runtime of the reference executes is held against its twin anyway.
    """
    if one.family is FormatFamily.FP32:
        return None
    twins = (
        other
        for other in assessed
        if other.family is FormatFamily.FP32
        and not other.is_baseline
        and other.eligible
        and {row.runtime for row in other.rows} == {row.runtime for row in one.rows}
        and {unit_of(row) for row in one.rows} <= {unit_of(row) for row in other.rows}
    )
    return next(twins, None)


def _beats(one: Assessed, twin: Assessed, objective: Objective) -> bool:
    floats = {unit_of(row): row for row in twin.rows}
    return all(_better(row, floats[unit_of(row)], objective) for row in one.rows)


def _better(row: TableRow, twin: TableRow, objective: Objective) -> bool:
    interval = between(objective_value(objective, row), objective_value(objective, twin))
    if interval is None:
        return False
    if objective is Objective.LATENCY:
        return verdict_of(interval, plan_of(row.profile, row.overrides).margin) == "FASTER"
    return interval.high < 0


def between(one: MetricValue, twin: MetricValue) -> Interval | None:
    """The log-ratio of two ratios against one reference; None where one of them is not known."""
    if not one.value or not twin.value:
        return None
    point = math.log(one.value / twin.value)
    reach = math.hypot(_half_width(one), _half_width(twin))
    return Interval(point, point - reach, point + reach)


def _half_width(metric: MetricValue) -> float:
    """Of the logarithm; 0 for what is exact."""
    if not metric.low or not metric.high:
        return 0.0
    return (math.log(metric.high) - math.log(metric.low)) / 2
