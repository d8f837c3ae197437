"""What was measured elsewhere, when nothing was measured for a question: shown, never deciding."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..vocabulary.enums import FormatFamily
from ..vocabulary.values.cells import Cell
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from .assess import Evidence, assess
from .limits import LIMITS
from .sentences import counted, listed, part_words

MOST = 6


def nearest(query: SelectQuery, cells: Iterable[Cell]) -> tuple[str, ...]:
    """The nearest cells of other formats than fp32, the nearest first; a prior last.

    Nearer is the same model class and hardware, of another model or at another workload, then
    the class on other hardware, then another class on this hardware. A prior is about what was
    asked, so that no number of measured cells crowds it out.
    """
    ranked, known = [], []
    for cell in cells:
        part = cell.best
        if part is None or cell.key.family is FormatFamily.FP32:
            continue
        difference = _difference(query, cell)
        if difference is None:
            continue
        away, words = difference
        if cell.source is not None:
            known.append(_sentence(cell, words))
        else:
            ranked.append((away, _sentence(cell, words)))
    measured = [sentence for _, sentence in sorted(ranked, key=lambda one: one[0])]
    return (*measured[: max(MOST - len(known), 0)], *known)


def _difference(query: SelectQuery, cell: Cell) -> tuple[tuple[int, float], str] | None:
    """How far away a cell is, and in what; None when it says nothing of the question."""
    key = cell.key
    same_class = key.model_class is query.model_class
    same_hardware = key.hardware_class is query.hardware_class
    if cell.source is not None:
        found = same_class and same_hardware
        return ((9, 0.0), "prior, not measured; decides nothing") if found else None
    if not cell.state.has_numbers or key.workload is None:
        return None
    away = abs(key.workload.batch - query.workload.batch) + abs(
        key.workload.threads - query.workload.threads
    )
    if same_class and same_hardware:
        return (0, away), "another workload" if away else "another model"
    if same_class:
        return (1, away), "other hardware"
    if same_hardware:
        return (2, away), "another model class"
    return None


def _sentence(cell: Cell, difference: str) -> str:
    key = cell.key
    where = f"{key.model_class.value} on {key.hardware_class.value}"
    if key.workload is not None:
        where += f" at batch {key.workload.batch} with {counted(key.workload.threads, 'thread')}"
    what = cell.recipe or key.family.value
    words = "" if cell.best is None else part_words(cell.best)
    return f"{where}: {what}, {words} ({difference})"


LIMIT_FIELDS = (*(limit.field for limit in LIMITS), "max_accuracy_loss_pp", "max_age_s")
"""Limits of a query that can be lifted one by one."""


def loosened(query: SelectQuery, evidence: Evidence, now_ns: int) -> tuple[str, ...]:
    """Which recipes would do without one of the limits: what contradicts what."""
    found = []
    for name in LIMIT_FIELDS:
        if getattr(query, name) is None:
            continue
        lifted: dict[str, Any] = {name: None}
        looser = replace(query, **lifted)
        would = [one.recipe for one in assess(looser, evidence, now_ns) if one.eligible]
        if would:
            words = _lifted(name.partition("_")[2].replace("_", " "))
            found.append(f"without the limit on {words} {listed(would)} would")
    return tuple(found)


def _lifted(name: str) -> str:
    """A limit's name without its unit."""
    for unit in (" ns", " bytes", " pp", " per s", " mj", " s"):
        name = name.removesuffix(unit)
    return name


def similar_model(query: SelectQuery, rows: Sequence[TableRow]) -> str:
    """The nearest name, where there is no model of the one that was asked about."""
    names = {row.model_name for row in rows if row.model_class is query.model_class}
    if query.model_name is None or query.model_name in names or not names:
        return ""
    near = difflib.get_close_matches(query.model_name, sorted(names), n=1, cutoff=0.0)
    return f" There is no {query.model_class.value} named {query.model_name!r}; nearest: {near[0]}."
