"""The series of one metric of one row: what is known of its past, and where its level changed.

Pure. An annotation accepts a change: the baseline restarts there, and nothing from before it is
held against anything after it. Nor are values of an older definition of the metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..stats.paired import wilcoxon_interval
from ..stats.sentinel import MIN_HISTORY
from ..stats.steps import find_steps, is_absolute, scaled, unscaled
from ..vocabulary.metrics import is_linear, margin_of
from ..vocabulary.shown import plain
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.history import Annotation, HistoryPoint, RowHistory, Step
from ..vocabulary.values.rows import StackChange, TableRow
from ..vocabulary.values.runs import MetricValue
from .change import judge_change

RANGE = "range"
"""Detail of a level: what its bounds are."""


def current(
    points: Sequence[HistoryPoint], annotations: Sequence[Annotation]
) -> tuple[HistoryPoint, ...]:
    """The points since the newest annotation."""
    since = max((one.from_unix_ns for one in annotations), default=0)
    return tuple(point for point in points if point.settled_unix_ns >= since)


def history_of(
    row: TableRow,
    row_key: str,
    metric: str,
    points: Sequence[HistoryPoint],
    annotations: Sequence[Annotation] = (),
) -> RowHistory:
    """A series with its steps.

    Args:
        row: any row of the series; its metrics are left out.
        row_key: its key as one word.
        metric: what the points show.
        points: in the order of time.
        annotations: accepted changes, in any order.
    """
    newest = max((point.value.definition for point in points), default=1)
    older = sum(point.counts and point.value.definition != newest for point in points)
    points = [_of_definition(point, newest) for point in points]
    judged = [point for point in current(points, annotations) if point.counts]
    steps = _steps(metric, points, judged)
    return RowHistory(
        row=replace(row, metrics=()),
        row_key=row_key,
        metric=metric,
        points=tuple(points),
        annotations=tuple(sorted(annotations, key=lambda one: one.from_unix_ns)),
        steps=steps,
        finding=_finding(len(judged), steps, restarted=bool(annotations), older=older),
    )


def _of_definition(point: HistoryPoint, definition: int) -> HistoryPoint:
    """A point that counts only if its value follows that definition of its metric."""
    return replace(point, counts=point.counts and point.value.definition == definition)


def level(metric: str, values: Sequence[float], definition: int = 1) -> MetricValue:
    """The median of some values, with the interval of their Hodges-Lehmann estimate.

    Fewer than 6 values have no interval at 95 %; then the bounds are the lowest and the highest.
    """
    absolute = is_absolute(metric, values)
    found = scaled(metric, values)
    interval = wilcoxon_interval(found)
    low, high = (float(found.min()), float(found.max()))
    told = "lowest and highest value"
    if interval is not None:
        low, high, told = interval.low, interval.high, "95 %"
    ends = [unscaled(metric, end, absolute=absolute) for end in (low, high)]
    middle = unscaled(metric, float(np.median(found)), absolute=absolute)
    return MetricValue(
        metric,
        middle,
        ends[0],
        ends[1],
        n=len(values),
        detail=(StackItem(RANGE, told),),
        definition=definition,
    )


def _steps(
    metric: str, points: Sequence[HistoryPoint], judged: Sequence[HistoryPoint]
) -> tuple[Step, ...]:
    values = [point.value.value for point in judged if point.value.value is not None]
    if len(values) < MIN_HISTORY:
        return ()
    absolute = is_absolute(metric, values)
    series = scaled(metric, values)
    margin = _margin(metric, values, absolute=absolute)
    starts = find_steps(series, margin)
    edges = [0, *starts, len(values)]
    found = []
    for number, start in enumerate(starts, start=1):
        first = judged[start]
        definition = first.value.definition
        before = level(metric, values[edges[number - 1] : start], definition)
        after = level(metric, values[start : edges[number + 1]], definition)
        found.append(
            Step(
                index=next(i for i, one in enumerate(points) if one.run_id == first.run_id),
                run_id=first.run_id,
                before=before,
                after=after,
                verdict=_verdict(metric, before, after),
                changes=_changes_between(points, judged[start - 1].run_id, first.run_id),
            )
        )
    return tuple(found)


def _margin(metric: str, values: Sequence[float], *, absolute: bool) -> float:
    """The margin on the scale of the series; of a ratio that met zero, of its median."""
    if absolute and not is_linear(metric):
        return margin_of(metric) * abs(float(np.median(values)))
    return margin_of(metric)


def _verdict(metric: str, before: MetricValue, after: MetricValue) -> str:
    """Which way a step that was found leads: its levels differ, so their medians decide."""
    return judge_change(metric, _as_counted(before), _as_counted(after))


def _as_counted(value: MetricValue) -> MetricValue:
    return replace(value, low=value.value, high=value.value)


def _changes_between(
    points: Sequence[HistoryPoint], last_run: str, first_run: str
) -> tuple[StackChange, ...]:
    """What changed after the last run of the old level, up to the first of the new."""
    ids = [point.run_id for point in points]
    between = points[ids.index(last_run) + 1 : ids.index(first_run) + 1]
    return tuple(dict.fromkeys(change for point in between for change in point.changes))


def _finding(count: int, steps: Sequence[Step], *, restarted: bool, older: int) -> str:
    since = " since the baseline restarted" if restarted else ""
    left = f"; {older} of an older definition of the metric left out" if older else ""
    if count < MIN_HISTORY:
        values = f"{count} value{'' if count == 1 else 's'}"
        return f"no action, {values} of {MIN_HISTORY}{since}{left}"
    if not steps:
        return f"no step in {count} values{since}{left}"
    last = steps[-1]
    word = {"regressed": "worse", "improved": "better"}.get(last.verdict, last.verdict)
    several = f"{len(steps)} steps, the last: " if len(steps) > 1 else ""
    moved = f"{plain(last.before)} to {plain(last.after)}"
    return f"{several}{word}, {moved}, from run {last.run_id}{left}"
