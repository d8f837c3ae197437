"""How one metric moved between two separate measurements: the one notion of better and worse.

Pure. Two runs are a weaker statement than a pair: nothing but their own intervals speaks for how
far two sessions scatter, so a change counts only when the interval of the difference lies beyond
the margin. That interval is the one recovered from the two given ones (Zou and Donner 2008,
Statistics in Medicine 27:1693-1702), on the log scale where a ratio is what matters; it is as
wide as theirs demand and needs no assumption of symmetry.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ..stats.paired import Interval, verdict_of
from ..vocabulary.metric import Direction, Metric, Scale
from ..vocabulary.metrics import METRICS
from ..vocabulary.reasons import SUSPECT
from ..vocabulary.values.history import MetricChange
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue

IMPROVED = "improved"
REGRESSED = "regressed"
SAME = "same"
UNKNOWN = "unknown"

RATIO = "ratio"
DIFFERENCE = "difference"

_SIDES = {"PASS": 1, "FAIL": -1}

NO_VALUE = "no_value"
NO_INTERVAL = "no_interval"
OTHER_METER = "other_meter"
OTHER_DEFINITION = "other_definition"
OTHER_OUTPUT = "other_output"
NOT_REGISTERED = "not_registered"
NO_DIRECTION = "no_direction"
OVERLAP = "overlap"

REASONS: dict[str, str] = {
    NO_VALUE: "one of the two has no value",
    NO_INTERVAL: "one of the two has no interval",
    OTHER_METER: "the two were taken with meters of different kinds",
    OTHER_DEFINITION: "the two follow different definitions of the metric",
    OTHER_OUTPUT: "the two were judged on different outputs",
    NOT_REGISTERED: "no registered metric",
    NO_DIRECTION: "neither more nor less of it is better",
    OVERLAP: "the interval of the difference reaches into the margin",
}
"""Why nothing is said; the sentences are what people read."""


def judge_change(key: str, before: MetricValue, after: MetricValue) -> str:
    """`improved`, `regressed`, `same` or `unknown`; see `change_of`."""
    return change_of(key, before, after).verdict


def change_between(key: str, before: TableRow, after: TableRow) -> MetricChange:
    """How a metric moved from one row to another.

    What rests on the pace of a device that drifted during one of the jobs decides nothing.
    """
    change = change_of(key, before.metric(key), after.metric(key))
    if METRICS[key].timed and (SUSPECT in before.flags or SUSPECT in after.flags):
        return replace(change, verdict=UNKNOWN, reason=SUSPECT)
    return change


def change_of(key: str, before: MetricValue, after: MetricValue) -> MetricChange:
    """How a metric moved between two separate measurements of one row.

    A published verdict that turned from PASS to FAIL, or back, decides by itself: it was reached
    against a margin that was set beforehand. Anything else needs the interval of the change to
    lie beyond the margin, or what was counted to differ by more than it.
    """
    known = METRICS.get(key)
    if known is None:
        return MetricChange(key, before, after, UNKNOWN, RATIO, reason=NOT_REGISTERED)
    scale = DIFFERENCE if known.scale is Scale.LINEAR else RATIO
    reason = incomparable(before, after)
    if reason is not None:
        return MetricChange(key, before, after, UNKNOWN, scale, reason=reason)
    moved = _moved(known, before, after)
    turned = _turned(before, after)
    if moved is None:
        verdict = turned or UNKNOWN
        reason = None if turned else NO_INTERVAL
        return MetricChange(key, before, after, verdict, scale, reason=reason)
    verdict = turned or _verdict(known, moved)
    value, low, high = moved.point, moved.low, moved.high
    if scale == RATIO:
        value, low, high = math.exp(value), math.exp(low), math.exp(high)
    if verdict == UNKNOWN:
        reason = NO_DIRECTION if known.direction is Direction.NEITHER else OVERLAP
    return MetricChange(key, before, after, verdict, scale, value, low, high, reason)


def incomparable(before: MetricValue, after: MetricValue) -> str | None:
    """Why two values must not be held against each other; None: they may."""
    if before.value is None or after.value is None:
        return NO_VALUE
    if before.definition != after.definition:
        return OTHER_DEFINITION
    outputs = {_told("output", before), _told("output", after)} - {None}
    if len(outputs) > 1:
        return OTHER_OUTPUT
    return None if _told("meter_kind", before) == _told("meter_kind", after) else OTHER_METER


def _told(name: str, metric: MetricValue) -> str | None:
    return next((one.value for one in metric.detail if one.name == name), None)


def _turned(before: MetricValue, after: MetricValue) -> str | None:
    """Whether a verdict on an absolute margin changed sides."""
    first, second = (_SIDES.get(one.verdict or "") for one in (before, after))
    if first is None or second is None or first == second:
        return None
    return IMPROVED if second > first else REGRESSED


def _moved(known: Metric, before: MetricValue, after: MetricValue) -> Interval | None:
    """The change with its interval, of logarithms where ratios matter; None: none is known."""
    found = [_interval(known, one) for one in (before, after)]
    if found[0] is None or found[1] is None:
        return None
    return separate(found[0], found[1])


def separate(before: Interval, after: Interval) -> Interval:
    """The interval of `after - before` recovered from those of two independent estimates."""
    point = after.point - before.point
    return Interval(
        point,
        point - math.hypot(after.point - after.low, before.high - before.point),
        point + math.hypot(after.high - after.point, before.point - before.low),
    )


def _interval(known: Metric, metric: MetricValue) -> Interval | None:
    value, low, high = metric.value, metric.low, metric.high
    assert value is not None, "incomparable() has seen it"
    if low is None or high is None:
        if not known.counted:
            return None
        low = high = value
    if known.scale is Scale.LINEAR:
        return Interval(value, low, high)
    if min(value, low) <= 0:
        return None
    return Interval(math.log(value), math.log(low), math.log(high))


def _verdict(known: Metric, moved: Interval) -> str:
    side = _side(known, moved)
    if side == 0:
        return SAME
    if side is None or known.direction is Direction.NEITHER:
        return UNKNOWN
    better = -1 if known.direction is Direction.LOWER else 1
    return IMPROVED if side == better else REGRESSED


def _side(known: Metric, moved: Interval) -> int | None:
    """-1: it went down by more than the margin, 1: up, 0: within the margin, None: undecided."""
    margin = known.margin
    if known.scale is Scale.LOG:
        return {"FASTER": -1, "SLOWER": 1, "SAME": 0}.get(verdict_of(moved, margin))
    if moved.high < -margin:
        return -1
    if moved.low > margin:
        return 1
    return 0 if moved.low >= -margin and moved.high <= margin else None
