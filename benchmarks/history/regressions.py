"""What in a new result is worse than its own past: pure decisions on plain values.

A result is held against earlier ones of the same row key since its last accepted change, never
against another row. With fewer than `MIN_HISTORY` of them nothing is said of ranges (DESIGN 10.13);
then only what needs no statistics counts: an accuracy verdict that turns from PASS to FAIL, NaN
or Inf that appears, saturation that appears.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..stats.sentinel import MIN_HISTORY
from ..stats.steps import is_absolute, scaled, unscaled, usual_range
from ..vocabulary.metric import Direction
from ..vocabulary.metrics import METRICS, keys, margin_of
from ..vocabulary.shown import full, plain
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.runs import MetricValue

ACCURACY_LOSS = "accuracy_loss"
LATENCY_DRIFT = "latency_drift"
OVERFLOW_RATE = "overflow_rate"
VERDICT = "verdict"

ACCURACY = "accuracy_delta_pp"
RATIO = "latency_ratio"
OVERFLOWS = keys(lambda metric: metric.overflow)
COUNTS = keys(lambda metric: metric.must_be_zero and not metric.overflow)
_ZERO = (*COUNTS, *keys(lambda metric: metric.must_be_zero and metric.overflow))
REFERENCE_VALUES = 10
"""First values of a row that say what its level was, for the drift of its family."""

_MOSTLY = 0.8
Metrics = Mapping[str, MetricValue]


class Says(str, enum.Enum):
    """What a later result says of a regression."""

    WORSE = "worse"
    BETWEEN = "between"
    USUAL = "usual"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Worsening:
    """One thing that is worse than usual.

    Attributes:
        before: what was usual.
        after: what was found.
        bound: beyond which it is worse than usual, in the unit of `before`.
        words: what was found, and what was usual.
    """

    signal: str
    metric: str
    before: MetricValue
    after: MetricValue
    bound: float
    words: str


# -- one row ------------------------------------------------------------------------------
def judge_row(past: Sequence[Metrics], now: Metrics) -> tuple[Worsening, ...]:
    """What is worse in a result than in the past of its row, one finding per metric.

    Args:
        past: earlier results of the row since its baseline restarted, oldest first.
        now: the result, by metric.
    """
    found = [_turned(past, now), *(_appeared(past, now, key) for key in _ZERO)]
    found.append(_beyond(past, now, ACCURACY, ACCURACY_LOSS))
    found.extend(_beyond(past, now, key, OVERFLOW_RATE) for key in OVERFLOWS)
    found.append(_slower(past, now))
    first: dict[str, Worsening] = {}
    for one in found:
        if one is not None:
            first.setdefault(one.metric, one)
    return tuple(first.values())


def _known(past: Sequence[Metrics], now: Metrics, key: str) -> list[MetricValue]:
    """Earlier values that follow the definition of the one that there is now."""
    found = [one[key] for one in past if key in one and key in now]
    return [one for one in found if one.value is not None and one.definition == now[key].definition]


def _turned(past: Sequence[Metrics], now: Metrics) -> Worsening | None:
    """An accuracy verdict from PASS to FAIL; what is undecided in between says nothing."""
    after = now.get(ACCURACY)
    decided = [one for one in _known(past, now, ACCURACY) if one.verdict in ("PASS", "FAIL")]
    if after is None or after.verdict != "FAIL" or not decided or decided[-1].verdict != "PASS":
        return None
    before = decided[-1]
    assert before.value is not None
    words = f"{ACCURACY} {full(after)}, where it was {full(before)}"
    return Worsening(VERDICT, ACCURACY, before, after, before.value, words)


def _appeared(past: Sequence[Metrics], now: Metrics, key: str) -> Worsening | None:
    """Something that has to be zero, and was, is not."""
    after, known = now.get(key), _known(past, now, key)
    if after is None or not after.value or not known or known[-1].value:
        return None
    signal = OVERFLOW_RATE if key in OVERFLOWS else VERDICT
    words = f"{METRICS[key].meaning}: {plain(after)}, where there were none"
    return Worsening(signal, key, known[-1], after, 0.0, words)


def _slower(past: Sequence[Metrics], now: Metrics) -> Worsening | None:
    """A recipe that was faster, or as fast, in most earlier results is slower than fp32."""
    after, known = now.get(RATIO), _known(past, now, RATIO)
    if after is None or after.verdict != "SLOWER" or len(known) < MIN_HISTORY:
        return None
    kept = sum(one.verdict in ("FASTER", "SAME") for one in known)
    if kept < _MOSTLY * len(known):
        return None
    before = _usual(RATIO, known)
    assert before is not None
    assert before.value is not None
    words = f"latency ratio {full(after)}, where {kept} of {len(known)} were FASTER or SAME"
    return Worsening(VERDICT, RATIO, before, after, before.value, words)


def _usual(key: str, known: Sequence[MetricValue]) -> MetricValue | None:
    """The usual level of a metric, bounded by what is usual; None with too short a history."""
    values = [one.value for one in known if one.value is not None]
    absolute = is_absolute(key, values)
    found = usual_range(scaled(key, values), margin_of(key))
    if found is None:
        return None
    low, centre, high = (unscaled(key, one, absolute=absolute) for one in found)
    definition = known[0].definition
    return MetricValue(
        key, centre, low, high, n=len(values), detail=(_RANGE,), definition=definition
    )


_RANGE = StackItem("bounds", "what is usual")


def _beyond(past: Sequence[Metrics], now: Metrics, key: str, signal: str) -> Worsening | None:
    """A value on the worse side of what is usual."""
    after, before = now.get(key), _usual(key, _known(past, now, key))
    if after is None or after.value is None or before is None:
        return None
    bound = before.high if METRICS[key].direction is Direction.LOWER else before.low
    assert bound is not None
    assert before.low is not None
    assert before.high is not None
    if not _worse(key, after.value, bound):
        return None
    usual = [plain(MetricValue(key, end)) for end in (before.low, before.high)]
    words = f"{key} {plain(after)}, where {usual[0]} to {usual[1]} are usual"
    return Worsening(signal, key, before, after, bound, words)


def _worse(key: str, value: float, bound: float) -> bool:
    return value > bound if METRICS[key].direction is Direction.LOWER else value < bound


# -- a format family on a device ----------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Timed:
    """One latency of one row of a family."""

    row_key: str
    job_id: str
    value: float
    definition: int = 1


def levels(timed: Sequence[Timed]) -> dict[str, float]:
    """How slow each job found a family: log of the median ratio to its rows' own first values.

    A row that has no earlier value says nothing about drift, so its first job is left out for it.
    Latencies of an older definition are left out too.

    Args:
        timed: latencies of all rows of the family, oldest first.
    """
    newest = definition_of(timed)
    timed = [one for one in timed if one.definition == newest]
    rows: dict[str, list[Timed]] = {}
    for one in timed:
        rows.setdefault(one.row_key, []).append(one)
    told: dict[str, list[float]] = {}
    for members in rows.values():
        first = [math.log(one.value) for one in members[:REFERENCE_VALUES]]
        usual = float(np.median(first))
        for one in members if len(members) > 1 else ():
            told.setdefault(one.job_id, []).append(math.log(one.value) - usual)
    order = dict.fromkeys(one.job_id for one in timed if one.job_id in told)
    return {job: float(np.median(told[job])) for job in order}


def definition_of(timed: Sequence[Timed]) -> int:
    """The definition that the levels of these latencies follow: the newest."""
    return max((one.definition for one in timed), default=1)


def judge_drift(
    metric: str, past: Sequence[float], now: float, definition: int = 1
) -> Worsening | None:
    """Whether a family has become slower than usual on its device.

    Args:
        metric: the latency that the levels are of.
        past: levels of earlier jobs, oldest first.
        now: level of this job.
        definition: version of the metric's definition that all of them follow.
    """
    found = usual_range(np.asarray(past, dtype=np.float64), margin_of(metric))
    if found is None or now <= found[2]:
        return None
    low, centre, high = (math.exp(one) for one in found)
    detail = (_RANGE, StackItem("relative_to", "the first values of each row"))
    before = MetricValue(
        metric, centre, low, high, n=len(past), detail=detail, definition=definition
    )
    after = MetricValue(metric, math.exp(now), detail=detail, definition=definition)
    words = (
        f"{metric} {100 * math.expm1(now):+.1f} % against the first values of its rows, where"
        f" {100 * (low - 1):+.1f} to {100 * (high - 1):+.1f} % are usual"
    )
    return Worsening(LATENCY_DRIFT, metric, before, after, high, words)


# -- what a later result says -------------------------------------------------------------
def says(signal: str, metric: str, bound: float, after: MetricValue, now: MetricValue) -> Says:
    """What a later value says of a regression.

    `now` is the same metric later; for a drift its level, relative like `after`.
    """
    if now.value is None or now.definition != after.definition:
        return Says.SILENT
    if signal == VERDICT and after.verdict is not None and metric not in COUNTS:
        if now.verdict == after.verdict:
            return Says.WORSE
        return Says.BETWEEN if now.verdict == "UNDECIDED" else Says.USUAL
    worse = now.value > bound if signal == LATENCY_DRIFT else _worse(metric, now.value, bound)
    return Says.WORSE if worse else Says.USUAL
