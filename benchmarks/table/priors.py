"""Figures from literature: what to expect where nothing was measured, and never more than that.

They have a source, no interval and no run. The first measurement of a (model class, hardware
class, format family) takes the place of its prior, whatever workload it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import msgspec

from ..vocabulary.enums import CellState, FormatFamily, HardwareClass, ModelClass
from ..vocabulary.values.cells import Cell, CellKey, Part, Pooled
from .cells import ordered

_FILE = Path(__file__).with_name("priors.json")


class _Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model_class: ModelClass
    hardware_class: HardwareClass
    family: FormatFamily
    accuracy_loss_pp: float
    compression: float
    speed_up: float


class _Priors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: str
    source: str
    figures: tuple[_Figure, ...]


@cache
def priors() -> tuple[Cell, ...]:
    """Every prior that ships with Bitgauge, in the order of the table."""
    told = msgspec.json.decode(_FILE.read_bytes(), type=_Priors)
    return ordered(_cell(figure, told.source) for figure in told.figures)


def with_priors(measured: Iterable[Cell], known: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells in the order of the table: a prior only where nothing has numbers.

    Args:
        measured: cells made of runs.
        known: priors.
    """
    measured = tuple(measured)
    taken = {_about(cell.key) for cell in measured if cell.state.has_numbers}
    return ordered((*measured, *(cell for cell in known if _about(cell.key) not in taken)))


def _about(key: CellKey) -> tuple[ModelClass, HardwareClass, FormatFamily]:
    return key.model_class, key.hardware_class, key.family


def _cell(figure: _Figure, source: str) -> Cell:
    """A prior as a cell; reciprocals become the ratios that are stored (DESIGN.md 10.8)."""
    part = Part(
        names=(),
        state=CellState.PRIOR,
        metrics=(
            Pooled("latency_ratio", 1 / figure.speed_up),
            Pooled("accuracy_delta_pp", -figure.accuracy_loss_pp),
            Pooled("size_ratio", 1 / figure.compression),
        ),
    )
    key = CellKey(figure.model_class, figure.hardware_class, figure.family)
    return Cell(key=key, state=CellState.PRIOR, best=part, source=source)
