"""What to do when a question cannot be answered as asked: which limit is in the way, which name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .answers import SelectQuery, TableRow
from .selection_evidence import Evidence, assess
from .selection_limits import LIMITS
from .selection_text import listed

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
