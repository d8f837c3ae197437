"""Cells and their parts for the command line: filtered, drilled down, printed."""

from __future__ import annotations

import time

from bitgauge.benchmarks.answers import TableQuery, TableRow
from bitgauge.benchmarks.cell_values import Cell, CellKey
from bitgauge.benchmarks.cells import cells, drill, key_of

from .cli_common import Answers, print_json, print_text
from .render_cells import cells_text, parts_text


def show_cells(source: Answers, query: TableQuery, *, json: bool) -> None:
    """Print the cells that match; those of one model, device or job are made for the question."""
    if query.model_name or query.device or query.job_id:
        found = cells(source.table(query))
    else:
        found = tuple(cell for cell in source.cells(query) if _matches(query, cell))
    if json:
        print_json(found)
    else:
        print_text(cells_text(found, time.time_ns()))


def show_parts(source: Answers, query: TableQuery, by: str, *, json: bool) -> None:
    """Print what the cells that match are made of, by the dimensions named in `by`."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    grouped: dict[CellKey, list[TableRow]] = {}
    for row in source.table(query):
        grouped.setdefault(key_of(row), []).append(row)
    parts = {key: drill(rows, names) for key, rows in grouped.items()}
    if json:
        print_json([{"key": key, "parts": found} for key, found in parts.items()])
    elif not parts:
        print_text(cells_text((), time.time_ns()))
    else:
        print_text(parts_text(parts, time.time_ns()))


def _matches(query: TableQuery, cell: Cell) -> bool:
    key = cell.key
    return (
        query.model_class in (None, key.model_class)
        and query.hardware_class in (None, key.hardware_class)
        and query.family in (None, key.family)
        and (key.workload is None or query.batch in (None, key.workload.batch))
    )
