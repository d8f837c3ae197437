"""What was measured elsewhere, when nothing was measured for a question: shown, never deciding."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..vocabulary.enums import FormatFamily
from ..vocabulary.values.cells import Cell
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from .assess import assess
from .checks import ACCURACY_LIMIT
from .gather import Gathered
from .limits import LIMITS

MOST = 6
_SIZES = ("batch", "threads", "prompt_tokens", "generated_tokens")


class Difference(enum.Enum):
    """In what a cell is another than the one that was asked about."""

    WORKLOAD = enum.auto()
    MODEL = enum.auto()
    HARDWARE = enum.auto()
    MODEL_CLASS = enum.auto()
    NOT_MEASURED = enum.auto()


@dataclass(frozen=True, slots=True)
class Near:
    """A cell that says something of a question, and in what it differs."""

    cell: Cell
    difference: Difference


@dataclass(frozen=True, slots=True)
class Lifted:
    """One limit of a query, by its field, and the recipes that would do without it."""

    limit: str
    recipes: tuple[str, ...]


def nearest(query: SelectQuery, cells: Iterable[Cell]) -> tuple[Near, ...]:
    """The nearest cells of other formats than fp32, the nearest first; a prior last.

    Nearer is the same model class and hardware, of another model or at another workload, then
    the class on other hardware, then another class on this hardware. A prior is about what was
    asked, so that no number of measured cells crowds it out.
    """
    ranked, known = [], []
    for cell in cells:
        if cell.best is None or cell.key.family is FormatFamily.FP32:
            continue
        found = _difference(query, cell)
        if found is None:
            continue
        away, difference = found
        if cell.source is not None:
            known.append(Near(cell, difference))
        else:
            ranked.append((away, Near(cell, difference)))
    measured = [near for _, near in sorted(ranked, key=lambda one: one[0])]
    return (*measured[: max(MOST - len(known), 0)], *known)


def _difference(query: SelectQuery, cell: Cell) -> tuple[tuple[int, float], Difference] | None:
    """How far away a cell is, and in what; None when it says nothing of the question."""
    key = cell.key
    same_class = key.model_class is query.model_class
    same_hardware = key.hardware_class is query.hardware_class
    if cell.source is not None:
        return ((9, 0.0), Difference.NOT_MEASURED) if same_class and same_hardware else None
    one, other = key.workload, query.workload
    if not cell.state.has_numbers or one is None or one.is_llm != other.is_llm:
        return None
    away = sum(abs(getattr(one, name) - getattr(other, name)) for name in _SIZES)
    if same_class and same_hardware:
        return (0, away), Difference.WORKLOAD if away else Difference.MODEL
    if same_class:
        return (1, away), Difference.HARDWARE
    if same_hardware:
        return (2, away), Difference.MODEL_CLASS
    return None


LIMIT_FIELDS = (*(limit.field for limit in LIMITS), ACCURACY_LIMIT, "max_age_s")
"""Limits of a query that can be lifted one by one."""


def loosened(query: SelectQuery, gathered: Gathered, now_ns: int) -> tuple[Lifted, ...]:
    """Which recipes would do without one of the limits: what contradicts what."""
    found = []
    for name in LIMIT_FIELDS:
        if getattr(query, name) is None:
            continue
        lifted: dict[str, Any] = {name: None}
        looser = replace(query, **lifted)
        would = [one.recipe for one in assess(looser, gathered, now_ns) if one.eligible]
        if would:
            found.append(Lifted(name, tuple(would)))
    return tuple(found)


def similar_model(query: SelectQuery, rows: Sequence[TableRow]) -> str | None:
    """The nearest name, where there is no model of the one that was asked about."""
    names = {row.model_name for row in rows if row.model_class is query.model_class}
    if query.model_name is None or query.model_name in names or not names:
        return None
    return difflib.get_close_matches(query.model_name, sorted(names), n=1, cutoff=0.0)[0]
