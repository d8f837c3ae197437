"""Comparisons, histories and regressions as text that fits 100 columns."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.history.change import DIFFERENCE, OVERLAP, REASONS
from bitgauge.benchmarks.history.past import row_words
from bitgauge.benchmarks.record.explain.types import share_words
from bitgauge.benchmarks.record.tensors import ComparisonByTensor, Kernel, RowApart
from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.metrics import keys
from bitgauge.benchmarks.vocabulary.reasons import FLAGS
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    HistoryPoint,
    MetricChange,
    Regression,
    RowComparison,
    RowHistory,
)
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow

from .layout import columns, cut, wrapped

_BAR = 32
_MOST_POINTS = 40
_TENSOR, _SIDE = 28, 24
_CHOSEN_BY = keys(lambda metric: metric.shown)
"""The metrics of a comparison that are shown when nobody asks for all of them."""

_MARKS = {"regressed": "worse", "improved": "better", "same": "same", "unknown": "unknown"}
_WEAKER = (
    "Two separate measurements are a weaker statement than a pair: their intervals say nothing of"
    " what changed between the two sessions. A change counts when it is beyond the margin (2 %)."
)


# -- compare ------------------------------------------------------------------------------
def comparison_text(found: ComparisonByTensor, *, everything: bool = False) -> str:
    """Two sets of results, row by row; what could not be compared comes last.

    With `everything` all metrics, not only those that people choose by.
    """
    lines = [f"{found.before}  ->  {found.after}", *wrapped(_WEAKER, hanging="  ")]
    apart = {(one.before, one.after): one for one in found.apart}
    for one in found.rows:
        lines += ["", *_compared(one, everything)]
        lines += _apart(apart.get((one.before.run_id or "", one.after.run_id or "")), one)
    if not found.rows:
        lines += ["", "No row of the one has a partner in the other."]
    if found.left_out:
        lines += ["", "not compared:"]
        lines += [line for one in found.left_out for line in wrapped(one, "  ", hanging="  ")]
    return "\n".join(lines)


def _compared(one: RowComparison, everything: bool) -> list[str]:
    first, second = row_words(one.before), row_words(one.after)
    lines = [first if first == second else f"{first}  ->  {second}"]
    lines += changes_lines(one.changes) or ["  nothing changed between them that is known"]
    if one.paired is not None:
        lines.append(f"  paired, in one child: latency ratio {text.full(one.paired)}")
    flags = sorted({*one.before.flags, *one.after.flags} & set(FLAGS))
    if flags:
        lines += wrapped(f"flags: {', '.join(flags)}", "  ", hanging="  ")
    shown = [change for change in one.metrics if everything or change.key in _CHOSEN_BY]
    lines += _change_lines(shown)
    left = len(one.metrics) - len(shown)
    return [*lines, f"  ({left} more metrics: --all)"] if left else lines


def _apart(found: RowApart | None, one: RowComparison) -> list[str]:
    """The tensors that the kernels of both runs make unlike, with both sides' shares."""
    if found is None:
        return []
    names = [cut(name, _SIDE) for name in _side_names(one)]
    rows = [
        cells
        for each in found.tensors
        for cells in (
            (cut(each.tensor, _TENSOR), names[0], *_kernel_cells(each.before)),
            ("", names[1], *_kernel_cells(each.after)),
        )
    ]
    heads = ("worst tensors", "on", "kernel", "saturated", "wrong")
    lines = columns(rows, heads, indent="  ", right=(3, 4))
    more = [f"  ({found.more} more tensors are unlike)"] if found.more else []
    return [*lines, *more]


def _side_names(one: RowComparison) -> tuple[str, str]:
    """What tells both sides apart in few letters."""
    for name in ("device_name", "recipe"):
        pair = (str(getattr(one.before, name)), str(getattr(one.after, name)))
        if pair[0] != pair[1]:
            return pair
    return ("before", "after")


def _kernel_cells(kernel: Kernel) -> tuple[str, str, str]:
    shares = (kernel.saturated, kernel.wrong)
    first, second = (text.DASH if one is None else share_words(one) for one in shares)
    return (kernel.kind, first, second)


def _change_lines(changes: Sequence[MetricChange]) -> list[str]:
    """Per metric: which way it went, by how much, both values, and why nothing can be said."""
    lines = [
        (
            change.key,
            _MARKS[change.verdict],
            change_words(change),
            f"{_value(change, before=True)} -> {_value(change, before=False)}{_why(change)}",
        )
        for change in changes
    ]
    return columns(lines, indent="  ") if lines else []


def _value(change: MetricChange, *, before: bool) -> str:
    metric = change.before if before else change.after
    return f"{text.plain(metric)} {text.interval(metric)}".rstrip()


def _why(change: MetricChange) -> str:
    """Why nothing is said, where the interval beside it does not show that."""
    if change.reason is None or change.reason == OVERLAP:
        return ""
    return f" ({REASONS.get(change.reason) or FLAGS.get(change.reason, change.reason)})"


def change_words(change: MetricChange) -> str:
    """The change with its interval: in percent of ratios, else in the metric's own unit."""
    if change.value is None:
        return text.DASH
    if change.scale == DIFFERENCE:
        ends = (change.value, change.low, change.high)
        shown = [f"{0.0 if end is None else end:+.3g}" for end in ends]
    else:
        ends = (change.value, change.low, change.high)
        shown = [f"{100 * ((1.0 if end is None else end) - 1):+.1f} %" for end in ends]
    if change.low is None or change.low == change.high:
        return shown[0]
    return f"{shown[0]} [{shown[1].removesuffix(' %')}, {shown[2].removesuffix(' %')}]"


def changes_lines(changes: Sequence[StackChange], indent: str = "  ") -> list[str]:
    """Every input that is another one, with both values."""
    return [
        line for one in changes for line in wrapped(text.change_words(one), indent, hanging="  ")
    ]


# -- history ------------------------------------------------------------------------------
def histories_text(found: Sequence[RowHistory]) -> str:
    """Each series with a bar per value, its marks, and what can be said of it."""
    if not found:
        return "No row with a history matches."
    return "\n\n".join(_history(one) for one in found)


def _history(one: RowHistory) -> str:
    head = f"{row_words(one.row)}, {_profile(one.row)}: {one.metric}"
    shown = one.points[-_MOST_POINTS:]
    lines = wrapped(head, hanging="  ")
    if len(shown) < len(one.points):
        lines.append(f"  ({len(one.points) - len(shown)} older values are not shown)")
    bars = _bars(shown)
    steps = {step.run_id: step for step in one.steps}
    pending = list(one.annotations)
    for point, bar in zip(shown, bars, strict=True):
        while pending and pending[0].from_unix_ns <= point.settled_unix_ns:
            lines += _annotated(pending.pop(0).note)
        step = steps.get(point.run_id)
        if step is not None:
            lines.append(f"  step: {text.plain(step.before)} -> {text.plain(step.after)}")
        lines += changes_lines(point.changes, "    changed: ")
        lines.append(_point(point, bar))
    for annotation in pending:
        lines += _annotated(annotation.note)
    return "\n".join([*lines, *wrapped(one.finding, "  ", hanging="  ")])


def _annotated(note: str) -> list[str]:
    return wrapped(f"accepted, the baseline restarts: {note}", "  ", hanging="  ")


def _profile(row: TableRow) -> str:
    return f"{row.runtime}, profile {row.profile.value}"


def _point(point: HistoryPoint, bar: str) -> str:
    value = f"{text.plain(point.value)} {text.interval(point.value)}".rstrip()
    if point.value.value is None:
        value = f"- {text.reason(point.value)}"
    told = "" if point.counts else "  (does not count)"
    return f"  {text.moment(point.settled_unix_ns)}  {bar}  {value}{told}  {point.run_id[:8]}"


def _bars(points: Sequence[HistoryPoint]) -> list[str]:
    """One line per value, its place between the lowest and the highest marked."""
    values = [point.value.value for point in points if point.value.value is not None]
    if not values:
        return [" " * _BAR for _ in points]
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    bars = []
    for point in points:
        bar = ["."] * _BAR
        value = point.value.value
        if value is None:
            bars.append(" " * _BAR)
            continue
        at = round((value - low) / width * (_BAR - 1)) if high > low else _BAR // 2
        bar[at] = "o" if point.counts else "x"
        bars.append("".join(bar))
    return bars


# -- regressions --------------------------------------------------------------------------
def regressions_text(found: Sequence[Regression]) -> str:
    """Every regression with what was usual, what was found, and what came with it."""
    if not found:
        return "Nothing became worse that is known."
    return "\n\n".join(regression_text(one) for one in found)


def regression_text(one: Regression) -> str:
    """One regression."""
    lines = [
        f"{one.regression_id[:8]}  {one.state}  {one.signal}  {text.moment(one.opened_unix_ns)}"
    ]
    lines += wrapped(one.sentence, "  ", hanging="  ")
    lines += changes_lines(one.changes, "  came with it: ")
    lines.append(f"  runs: {', '.join(one.run_ids)}")
    if one.state == "new":
        waits = f"job {one.confirm_job_id}" if one.confirm_job_id else "the next run of this row"
        lines.append(f"  measured once more by {waits}")
    if one.note:
        lines += wrapped(f"accepted: {one.note}", "  ", hanging="  ")
    if one.alert:
        lines += wrapped(f"alert: {one.alert}", "  ", hanging="  ")
    return "\n".join(lines)


def annotated_text(done: Annotated) -> str:
    """What an annotation did."""
    rows = f"The baseline of {text.counted(done.rows, 'row')} restarts."
    explained = [f"{one.regression_id[:8]} is explained." for one in done.regressions]
    return " ".join([rows, *explained])
