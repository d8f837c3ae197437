"""Models that say nothing of any recipe do not keep an answer about the others from being.

A model is broken when on every unit of it its baseline has no numbers, or none of several format
families beside it has any: what fails in one family alone speaks against that family. This does
not depend on what is limited, so that a further limit can only add objections. A model of which no
accuracy could be judged still counts for everything else. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from ..table.units import Unit, unit_of
from ..vocabulary.enums import CellState
from ..vocabulary.values.rows import TableRow

_CANNOT = (CellState.UNSUPPORTED, CellState.FAILED)


class Broke(enum.Enum):
    """What keeps a model from saying anything."""

    BASELINE = enum.auto()
    NOTHING_ELSE = enum.auto()


@dataclass(frozen=True, slots=True)
class Broken:
    """A model that was left out, why, and a row that shows it."""

    model: str
    why: Broke
    row: TableRow


def broken_models(rows: Sequence[TableRow]) -> tuple[Broken, ...]:
    """The broken ones among the models of these rows; none where no other model is left.

    Who asks about one model is told what became of each of its recipes.
    """
    units: dict[Unit, list[TableRow]] = {}
    for row in rows:
        units.setdefault(unit_of(row), []).append(row)
    found: dict[str, Broken] = {}
    whole: set[str] = set()
    for (model, _, _), own in sorted(units.items()):
        broken = _broken(model, own)
        if broken is None:
            whole.add(model)
        else:
            found.setdefault(model, broken)
    return tuple(one for model, one in found.items() if model not in whole) if whole else ()


def _broken(model: str, rows: Sequence[TableRow]) -> Broken | None:
    """Whether one unit of a model says nothing."""
    ordered = sorted(rows, key=lambda row: (row.variant, repr(row)))
    baselines = [row for row in ordered if row.is_baseline]
    if baselines and not any(row.state.has_numbers for row in baselines):
        return Broken(model, Broke.BASELINE, baselines[0])
    others = [row for row in ordered if not row.is_baseline]
    cannot = [row for row in others if row.state in _CANNOT]
    several = len({row.family for row in cannot}) > 1
    if baselines and several and not any(row.state.has_numbers for row in others):
        return Broken(model, Broke.NOTHING_ELSE, cannot[0])
    return None


def unjudged_models(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The models of which no accuracy could be judged, where that of another was."""
    measured = [row for row in rows if row.state.has_numbers and not row.is_baseline]
    judged = {row.model_name for row in measured if row.quality.value is not None}
    if not judged:
        return ()
    return tuple(sorted({row.model_name for row in measured} - judged))
