"""Table rows as text that fits 100 columns, the same on a terminal and in a pipe.

One block per model and device, one section per workload. Rows without numbers keep their place
and say why across the columns; nulls are dashes, explained below the block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.decoder_metrics import said_of
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.metrics import METRICS, keys
from bitgauge.benchmarks.vocabulary.profiles import overrides_words
from bitgauge.benchmarks.vocabulary.reasons import PRELIMINARY
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from .devices import device_line
from .layout import columns, notes, wrapped

_HEADS = (
    "\nrecipe",
    "\nsize",
    "latency ratio\n[95 %] verdict",
    "p50\nlatency",
    "peak\nMiB",
    "accuracy delta, points\n[95 %] verdict",
)
_RIGHT = (1, 3, 4)
_REQUEST_HEADS = (
    "\nrecipe",
    "\nsize",
    "time per token, ratio\n[95 %] verdict",
    "tokens\nper s",
    "first\ntoken",
    "peak\nMiB",
    "perplexity ratio\n[95 %] verdict",
)
_REQUEST_RIGHT = (1, 3, 4, 5)
_COLUMNS = keys(lambda metric: metric.column)
_OF_CALLS = ("latency_ratio", "latency_p50_ns")
"""Columns of calls, in place of which a decoder's rows tell more of a request."""


_LEGEND = (
    "Ratios are recipe / fp32 of the same model, device and workload: below 1 is better."
    " fp32 shows absolute values."
)


def table_text(rows: Sequence[TableRow], devices: Iterable[DeviceView] = ()) -> str:
    """Rows, ordered as the table is, as blocks of text; with the devices that are described.

    What is held against the baseline of another runtime follows the rows of that.
    """
    if not rows:
        return "The table has no row that matches."
    known = {view.description.device_id: view for view in devices}
    blocks: dict[tuple[str, ...], list[TableRow]] = {}
    for row in rows:
        baseline = row.baseline.sha256 if row.baseline else ""
        profile = f"{row.profile.value} {overrides_words(row.overrides)} {row.output}"
        where = (row.device_id, row.runtime, row.reference)
        key = (row.model_name, baseline, *where, profile)
        blocks.setdefault(key, []).append(row)
    places = [(block[0].model_name, block[0].device_id) for block in blocks.values()]
    ordered = sorted(
        blocks.values(),
        key=lambda of: (places.index((of[0].model_name, of[0].device_id)), bool(of[0].reference)),
    )
    parts = [_block(block, known.get(block[0].device_id)) for block in ordered]
    return "\n\n".join([*parts, "\n".join(wrapped(_LEGEND))])


def _block(rows: Sequence[TableRow], device: DeviceView | None) -> str:
    sections: dict[Workload, list[TableRow]] = {}
    for row in rows:
        sections.setdefault(row.workload, []).append(row)
    lines: list[tuple[str, ...]] = []
    for workload, members in sections.items():
        lines.append((text.workload_words(workload),))
        for row in members:
            lines.append((_recipe(row), *_cells(row, members)))
            if _name(row, rows) != row.recipe and row.artifact is not None:
                lines.append((f"  {row.own_name}",))
    llm = rows[0].workload.is_llm
    heads, right = (_REQUEST_HEADS, _REQUEST_RIGHT) if llm else (_HEADS, _RIGHT)
    table = columns(lines, heads, right=right, ruled=True)
    return "\n".join([*_title(rows[0], device), *table, *_notes(rows)])


def _recipe(row: TableRow) -> str:
    return f"{CUSTOM} ({row.family.value})" if row.recipe == CUSTOM else row.recipe


def _name(row: TableRow, rows: Sequence[TableRow]) -> str:
    """The recipe of a row where that tells it from the others, else which file it is of too."""
    files = {one.artifact for one in rows if one.recipe == row.recipe}
    if len(files) == 1 and not row.stands_alone:
        return row.recipe
    return f"{row.recipe} {row.own_name}".rstrip()


def _title(row: TableRow, device: DeviceView | None) -> list[str]:
    lines = [
        f"{row.model_name} ({row.model_class.value}) on {row.device_name}:"
        f" {row.hardware_class.value}, {row.realness.value}, {row.runtime},"
        f" {text.profile_words(row.profile)}"
    ]
    if row.overrides != NO_OVERRIDES:
        lines.append(f"overridden: {overrides_words(row.overrides)}")
    if row.reference:
        lines.append(f"compared with fp32 executed by {row.reference}")
    if row.output:
        lines.append(f"judged on output {row.output}, which was asked for")
    if device is not None:
        lines.append(device_line(device, row.runtime))
    return [line for one in lines for line in wrapped(one)]


def _cells(row: TableRow, members: Sequence[TableRow]) -> tuple[str, ...]:
    """The cells of a row with numbers; of one without, why, which is said once for all of them."""
    if not row.state.has_numbers:
        if not row.reason:
            return (row.state.value,)
        first = next(one for one in members if one.reason == row.reason)
        why = f": {row.reason}" if first is row else f" as {_name(first, members)}"
        return (f"{row.state.value}{why}",)
    baseline = row.is_baseline
    if row.workload.is_llm:
        return _of_requests(row)
    latency, accuracy = row.metric("latency_ratio"), row.metric("accuracy_delta_pp")
    return (
        text.plain(row.metric("size_bytes" if baseline else "size_ratio")),
        "baseline" if baseline and latency.value is None else _compared(latency),
        text.plain(row.metric("latency_p50_ns")),
        _mebibytes(row.metric("peak_memory_bytes")),
        text.plain(row.metric("accuracy_pct"))
        if baseline and accuracy.value is None
        else _compared(accuracy),
    )


def _of_requests(row: TableRow) -> tuple[str, ...]:
    """The cells of a decoder; the baseline's perplexity is what the others' is compared with."""
    baseline = row.is_baseline
    each, lost = row.metric("tpot_ratio"), row.metric("perplexity_ratio")
    return (
        text.plain(row.metric("size_bytes" if baseline else "size_ratio")),
        "baseline" if baseline and each.value is None else _compared(each),
        _number(row.metric("decode_tokens_per_s")),
        text.plain(row.metric("ttft_ns")),
        _mebibytes(row.metric("peak_memory_bytes")),
        _number(row.metric("perplexity")) if baseline and lost.value is None else _compared(lost),
    )


def _number(metric: MetricValue) -> str:
    return text.DASH if metric.value is None else text.number(metric.value)


def _mebibytes(metric: MetricValue) -> str:
    return text.DASH if metric.value is None else f"{metric.value / (1 << 20):.1f}"


def _compared(metric: MetricValue) -> str:
    """Value, interval and verdict, aligned to one another down the column."""
    if metric.value is None:
        return text.DASH
    value = text.plain(metric)
    parts = [f"{value:>4}", f"{text.interval(metric):<12}", metric.verdict or ""]
    return " ".join(part for part in parts if part).rstrip()


def _notes(rows: Sequence[TableRow]) -> list[str]:
    measured = [row for row in rows if row.state.has_numbers]
    return notes(
        (
            *_alike(_judged(measured), measured),
            *_alike(_stale(measured), measured),
            *_alike(_kernels(measured), measured),
            *_alike(_nulls(measured), measured),
            *_alike(_flags(rows), rows),
            *_energy_notes(measured),
        )
    )


def _alike(said: Iterable[tuple[str, TableRow]], rows: Sequence[TableRow]) -> list[str]:
    """What is said of rows: those of which the same is said share a line."""
    alike: dict[str, list[TableRow]] = {}
    for words, row in said:
        alike.setdefault(words, []).append(row)
    return [f"{words}: {_places(named, rows)}" for words, named in alike.items()]


def _stale(rows: Sequence[TableRow]) -> Iterator[tuple[str, TableRow]]:
    for row in rows:
        if row.changes:
            yield f"stale, {text.changes_words(row.changes)} since", row


def _judged(rows: Sequence[TableRow]) -> Iterator[tuple[str, TableRow]]:
    """Which output the accuracy is about, where there was one to choose."""
    for row in rows:
        said = {item.name: item.value for item in row.metric("accuracy_pct").detail}
        if "output" in said and "other_outputs" in said:
            words = text.judged_words([row.metric("accuracy_pct")])
            yield f"judged: {words}", row


def _kernels(rows: Sequence[TableRow]) -> Iterator[tuple[str, TableRow]]:
    """Kernel mode and saturated share, which have no column."""
    for row in rows:
        metric = row.metric("saturated_pct")
        if row.kernel_mode is None and metric.value is None:
            continue  # nothing in it claims integers, or nobody probed
        words = f"kernels {row.kernel_mode or 'unknown'}"
        if metric.value is not None:
            words += f", {text.number(metric.value, 2)} % of sums saturated"
        yield words, row


def _nulls(rows: Sequence[TableRow]) -> Iterator[tuple[str, TableRow]]:
    """What is missing from rows that were measured, and why."""
    for row in rows:
        for key in _columns(row.workload):
            metric = row.metric(key)
            if metric.value is not None:
                continue
            if not row.is_baseline or metric is row.unsound:
                yield f"{METRICS[key].column}: none ({text.reason(metric)})", row
        own = row.metric("perplexity" if row.workload.is_llm else "accuracy_pct")
        if row.is_baseline and row.unsound is None and own.value is None:
            # Its column shows what the others' is compared with.
            yield f"{METRICS[row.quality.key].column}: none ({text.reason(own)})", row


def _columns(workload: Workload) -> tuple[str, ...]:
    """The metrics of the columns that rows of a workload have."""
    scenario = workload.scenario
    return tuple(
        key
        for key in _COLUMNS
        if said_of(METRICS[key], scenario) and (key not in _OF_CALLS or not workload.is_llm)
    )


def _flags(rows: Sequence[TableRow]) -> Iterator[tuple[str, TableRow]]:
    for flag in sorted({flag for row in rows for flag in row.flags}):
        for row in rows:
            # Of a quick profile the title says so of every row.
            if flag in row.flags and (flag, row.profile) != (PRELIMINARY, Profile.QUICK):
                yield f"{flag} ({text.flag(flag)})", row


def _energy_notes(rows: Sequence[TableRow]) -> list[str]:
    """Energy has no column: one line says why it is missing, or each value."""
    notes = []
    reasons: set[str] = set()
    for row in rows:
        metric = row.metric("energy_mj")
        if metric.value is None:
            reasons.add(metric.reason or "not_measured")
        else:
            notes.append(f"energy: {_place(row, rows)}: {text.full(metric)}")
    if reasons and not notes:
        notes.append(f"energy: not measured ({', '.join(sorted(reasons))})")
    return notes


def _place(row: TableRow, rows: Sequence[TableRow]) -> str:
    several = len({one.workload for one in rows}) > 1
    name = _name(row, rows)
    return f"{name} at {text.call_words(row.workload)}" if several else name


def _places(named: Sequence[TableRow], rows: Sequence[TableRow]) -> str:
    """Some of the rows, in few words: a name stands for all of its workloads."""
    measured = [row for row in rows if row.state.has_numbers]
    if len(named) == len(measured) > 1:
        return "every measured row"
    words = []
    for name in dict.fromkeys(_name(row, rows) for row in named):
        own = [row for row in named if _name(row, rows) == name]
        if len(own) == sum(_name(row, rows) == name for row in measured):
            words.append(name)
        else:
            words += [_place(row, rows) for row in own]
    return ", ".join(words)
