"""The table in Markdown, for reading where nothing is installed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from bitgauge.benchmarks.table.file import SCHEMA, TableFile
from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.printable import printable
from bitgauge.benchmarks.vocabulary.values.cells import Cell, Part
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

RANK = 10
ENDINGS = ("md",)
IS_TEXT = True
of_records = None

_CELLS = (
    "model class",
    "hardware",
    "workload",
    "format",
    "best recipe",
    "state",
    "latency ratio",
    "accuracy delta, points",
    "size ratio",
    "peak memory ratio",
    "pass",
    "models",
    "devices",
)
_ROWS = (
    "model",
    "workload",
    "recipe",
    "state",
    "size",
    "latency ratio",
    "p50",
    "peak memory",
    "accuracy delta, points",
    "kernels",
    "evidence",
)
_LEGEND = (
    "Ratios are recipe / fp32 of the same model, device and workload: below 1 is better. Brackets"
    " are 95 % intervals. *pass* counts the models that pass the default gate. A dash is a null,"
    " never a zero. `prior` is a figure from literature that nothing here has measured."
)


def of_table(table: TableFile) -> bytes:
    """The whole table for reading; see `base.Exporter`."""
    return to_markdown(table).encode()


def to_markdown(table: TableFile) -> str:
    """Machines, cells, and the rows of each machine; the same table gives the same text."""
    measured = [row.measured_unix_ns for row in table.rows if row.measured_unix_ns]
    parts = [
        "# The benchmark table",
        f"{_span(measured)} {len(table.rows)} rows, {len(table.runs)} runs; schema `{SCHEMA}`."
        f"\n\n{_LEGEND}",
        "## Machines\n\n" + "\n".join(map(_machine, table.devices)),
        "## Cells\n\n" + "\n".join(_grid(_CELLS, map(_cell, [*table.cells, *table.priors]))),
        *_by_machine(table),
    ]
    return "\n\n".join(parts) + "\n"


def _span(measured: Sequence[int]) -> str:
    if not measured:
        return "Nothing was measured."
    first, last = (time.strftime("%Y-%m-%d", time.gmtime(one // 10**9)) for one in _ends(measured))
    return f"Measured {first}." if first == last else f"Measured {first} to {last}."


def _ends(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def _machine(device: DeviceDescription) -> str:
    parts = [
        f"{device.hardware_class.value}, {device.realness.value}",
        text.size(device.memory_bytes),
        f"{device.architecture}, kernel {device.kernel_release}",
    ]
    if device.virtualisation:
        parts.append(f"virtualised ({device.virtualisation})")
    parts += [f"{runtime.name} {runtime.version}" for runtime in device.runtimes]
    return f"- **{_plain(device.name)}**: {_plain('; '.join(parts))}"


def _cell(cell: Cell) -> list[str]:
    key = cell.key
    head = [key.model_class.value, key.hardware_class.value, _workload(key.workload)]
    head += [key.family.value, cell.recipe or "", cell.state.value]
    if cell.best is None:
        return [*head, *[""] * (len(_CELLS) - len(head))]
    return [*head, *_part(cell.best)]


def _quality(part: Part) -> str:
    """The figure of quality of a part: of decoders their perplexity."""
    of_text = any(one.key == "perplexity_ratio" for one in part.metrics)
    return "perplexity_ratio" if of_text else "accuracy_delta_pp"


def _part(part: Part) -> list[str]:
    rate = part.pass_rate
    passed = f"{rate.passed} of {rate.judged}" if rate.judged else ""
    if rate.undecided:
        passed = f"{passed}, {rate.undecided} undecided".removeprefix(", ")
    return [
        _measured(part.metric("latency_ratio").number),
        _measured(part.metric(_quality(part)).number),
        _measured(part.metric("size_ratio").number),
        _measured(part.metric("peak_memory_ratio").number),
        passed,
        str(len(part.models) or ""),
        str(len(part.devices) or ""),
    ]


def _by_machine(table: TableFile) -> Iterator[str]:
    digests = {run.run_id: run.sha256 for run in table.runs}
    for device in table.devices:
        for runtime in sorted({row.runtime for row in _of(table.rows, device)}):
            rows = [row for row in _of(table.rows, device) if row.runtime == runtime]
            lines = _grid(_ROWS, (_row(row, digests.get(row.run_id or "", "")) for row in rows))
            yield f"## {_plain(device.name)}, {runtime}\n\n" + "\n".join(lines)


def _of(rows: Sequence[TableRow], device: DeviceDescription) -> list[TableRow]:
    return [row for row in rows if row.device_id == device.device_id]


def _row(row: TableRow, sha256: str) -> list[str]:
    head = [row.model_name, _workload(row.workload), row.variant]
    if not row.state.has_numbers:
        why = f"{row.state.value}: {row.reason}" if row.reason else row.state.value
        return [*head, why, *[""] * (len(_ROWS) - len(head) - 1)]
    return [
        *head,
        " ".join([row.state.value, *(change.name for change in row.changes)]),
        _measured(row.metric("size_bytes")),
        _measured(row.metric("latency_ratio")),
        _measured(row.metric("latency_p50_ns")),
        _measured(row.metric("peak_memory_bytes")),
        _measured(row.quality),
        row.kernel_mode or "",
        f"`{sha256[:12]}`" if sha256 else "",
    ]


def _measured(metric: MetricValue) -> str:
    return " ".join(
        one for one in (text.plain(metric), text.interval(metric), metric.verdict) if one
    )


def _workload(workload: Workload | None) -> str:
    if workload is None:
        return "any"
    return f"{workload.scenario.value}, {text.call_words(workload)}, {workload.threads} thr."


def _grid(heads: Sequence[str], rows: Iterator[list[str]] | map[list[str]]) -> list[str]:
    return [_line(heads), _line(["---"] * len(heads)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(words: str) -> str:
    """Words that somebody chose, so that they cannot make columns, tags or lines."""
    flat = " ".join(printable(words).split())
    return flat.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
