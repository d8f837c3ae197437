"""Table rows as text that fits 100 columns, the same on a terminal and in a pipe.

One block per model and device, one section per workload. Rows without numbers keep their place
and say why across the columns; nulls are dashes, explained below the block.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from bitgauge.benchmarks import format_text as text
from bitgauge.benchmarks.model import (
    CellState,
    DeviceView,
    FormatFamily,
    MetricValue,
    TableRow,
    Workload,
)

WIDTH = 100
_HEADS = (
    ("", ">", "size"),
    ("latency ratio", "<", "[95 %] verdict"),
    ("p50", ">", "latency"),
    ("peak", ">", "memory"),
    ("accuracy delta, points", "<", "[95 %] verdict"),
)
_SHOWN = {
    "size_ratio": "size",
    "latency_ratio": "latency ratio",
    "latency_p50_ns": "p50 latency",
    "peak_memory_bytes": "peak memory",
    "accuracy_delta_pp": "accuracy delta",
}
_LEGEND = (
    "Ratios are recipe / fp32 of the same model, device and workload: below 1 is better."
    " fp32 shows absolute values."
)


def table_text(rows: Sequence[TableRow], devices: Iterable[DeviceView] = ()) -> str:
    """Rows as blocks of text.

    Args:
        rows: in the order of the table.
        devices: devices whose description is printed with their blocks, when known.
    """
    if not rows:
        return "The table has no row that matches."
    known = {view.description.device_id: view for view in devices}
    blocks: dict[tuple[str, ...], list[TableRow]] = {}
    for row in rows:
        baseline = row.baseline.sha256 if row.baseline else ""
        key = (row.model_name, baseline, row.device_id, row.runtime, row.profile.value)
        blocks.setdefault(key, []).append(row)
    parts = [_block(block, known.get(block[0].device_id)) for block in blocks.values()]
    return "\n\n".join([*parts, _LEGEND])


def _block(rows: Sequence[TableRow], device: DeviceView | None) -> str:
    sections: dict[Workload, list[TableRow]] = {}
    for row in rows:
        sections.setdefault(row.workload, []).append(row)
    cells = {id(row): _cells(row) for row in rows}
    widths = _widths(list(cells.values()))
    first = max(22, *(len(row.recipe) for row in rows))
    lines = [*_title(rows[0], device), *_head(first, widths)]
    for workload, members in sections.items():
        lines.append(_workload(workload))
        for row in members:
            lines.extend(_row(row, cells[id(row)], first, widths))
    return "\n".join([*lines, *_notes(rows)])


def _title(row: TableRow, device: DeviceView | None) -> list[str]:
    lines = [
        f"{row.model_name} ({row.model_class.value}) on {row.device_name}:"
        f" {row.hardware_class.value}, {row.realness.value}, {row.runtime},"
        f" {text.profile_words(row.profile)}"
    ]
    if device is not None:
        lines.append(device_line(device, row.runtime))
    return [wrapped for line in lines for wrapped in textwrap.wrap(line, WIDTH)]


def device_line(device: DeviceView, runtime: str | None = None) -> str:
    """The machine and the versions that its numbers depend on, in one sentence fragment."""
    description = device.description
    cores = f"{description.core_count} core{'s' if description.core_count != 1 else ''}"
    parts = [
        description.processor_model,
        cores,
        text.size(description.memory_bytes),
        f"kernel {description.kernel_release}",
    ]
    if description.virtualisation:
        parts.append(f"virtualised ({description.virtualisation})")
    parts.extend(
        f"{one.name} {one.version}"
        for one in description.runtimes
        if runtime is None or one.name == runtime
    )
    return f"device: {', '.join(parts)}"


def _head(first: int, widths: Sequence[int]) -> list[str]:
    top = [f"{head:{align}{width}}" for (head, align, _), width in zip(_HEADS, widths, strict=True)]
    low = [f"{head:{align}{width}}" for (_, align, head), width in zip(_HEADS, widths, strict=True)]
    rule = "-" * (first + sum(widths) + 2 * len(widths))
    return [
        f"{'':{first}}  {'  '.join(top)}".rstrip(),
        f"{'recipe':{first}}  {'  '.join(low)}".rstrip(),
        rule,
    ]


def _widths(cells: Sequence[tuple[str, ...]]) -> list[int]:
    columns = zip(*(row for row in cells if row), strict=True)
    widths = [max(map(len, column)) for column in columns] or [0] * len(_HEADS)
    return [
        max(width, len(top), len(low)) for width, (top, _, low) in zip(widths, _HEADS, strict=True)
    ]


def _row(row: TableRow, cells: tuple[str, ...], first: int, widths: Sequence[int]) -> list[str]:
    if not cells:
        why = f"{row.state.value}: {row.reason}" if row.reason else row.state.value
        wrapped = textwrap.wrap(why, max(40, WIDTH - first - 2)) or [""]
        return [
            f"{row.recipe if number == 0 else '':{first}}  {line}"
            for number, line in enumerate(wrapped)
        ]
    shown = [
        f"{cell:{align}{width}}"
        for cell, (_, align, _), width in zip(cells, _HEADS, widths, strict=True)
    ]
    return [f"{row.recipe:{first}}  {'  '.join(shown)}".rstrip()]


def _cells(row: TableRow) -> tuple[str, ...]:
    """The cells of a row with numbers; empty for one without."""
    if row.state not in (CellState.MEASURED, CellState.STALE):
        return ()
    baseline = row.family is FormatFamily.FP32
    latency, accuracy = row.metric("latency_ratio"), row.metric("accuracy_delta_pp")
    return (
        text.plain(row.metric("size_bytes" if baseline else "size_ratio")),
        "baseline" if baseline and latency.value is None else _compared(latency),
        text.plain(row.metric("latency_p50_ns")),
        text.plain(row.metric("peak_memory_bytes")),
        text.plain(row.metric("accuracy_pct"))
        if baseline and accuracy.value is None
        else _compared(accuracy),
    )


def _compared(metric: MetricValue) -> str:
    """Value, interval and verdict, aligned to one another down the column."""
    if metric.value is None:
        return text.DASH
    value = text.plain(metric)
    parts = [f"{value:>4}", f"{text.interval(metric):<12}", text.verdict(metric)]
    return " ".join(part for part in parts if part).rstrip()


def _workload(workload: Workload) -> str:
    threads = f"{workload.threads} thread{'s' if workload.threads != 1 else ''}"
    return f"batch {workload.batch}, {threads}"


def _notes(rows: Sequence[TableRow]) -> list[str]:
    measured = [row for row in rows if row.state in (CellState.MEASURED, CellState.STALE)]
    notes = [*_null_notes(measured), *_flag_notes(rows), *_energy_notes(measured)]
    return [
        line
        for note in notes
        for line in textwrap.wrap(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    ]


def _null_notes(rows: Sequence[TableRow]) -> list[str]:
    """What is missing from rows that were measured, grouped by what and why."""
    missing: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for key, name in _SHOWN.items():
            metric = row.metric(key)
            if metric.value is None and row.family is not FormatFamily.FP32:
                missing.setdefault((name, text.reason(metric)), []).append(_place(row, rows))
    return [
        f"{name}: none ({reason}): {_places(places, rows)}"
        for (name, reason), places in missing.items()
    ]


def _flag_notes(rows: Sequence[TableRow]) -> list[str]:
    flagged: dict[str, list[str]] = {}
    for row in rows:
        for flag in row.flags:
            flagged.setdefault(flag, []).append(_place(row, rows))
    return [f"{flag}: {_places(places, rows)}" for flag, places in sorted(flagged.items())]


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
    return f"{row.recipe} at batch {row.workload.batch}" if several else row.recipe


def _places(places: Sequence[str], rows: Sequence[TableRow]) -> str:
    measured = sum(row.state in (CellState.MEASURED, CellState.STALE) for row in rows)
    return "every row" if len(places) == measured and measured > 1 else ", ".join(places)
