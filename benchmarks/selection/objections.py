"""What speaks against a recipe, as values: the data says no, or does not say."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..table.units import Unit
from ..vocabulary.reasons import (
    DEQUANTIZED,
    NO_KERNEL,
    NO_PERMISSION,
    NO_SENSOR,
    ON_CHARGER,
    VIRTUALISED,
)
from ..vocabulary.values.rows import StackChange, TableRow
from ..vocabulary.values.runs import MetricValue

NOT_TO_BE_HAD = frozenset(
    {NO_SENSOR, VIRTUALISED, NO_PERMISSION, ON_CHARGER, DEQUANTIZED, NO_KERNEL}
)
"""Reasons for a null metric that measuring once more on the same device does not change."""


class Settle(str, enum.Enum):
    """What would decide an open question."""

    NOTHING = ""
    SAMPLES = "samples"
    TIME = "time"
    MEASURE = "measure"


class Why(enum.Enum):
    """What speaks against a recipe; the first six say no, the others that nothing is said."""

    CANNOT_RUN = enum.auto()
    LOSES_ACCURACY = enum.auto()
    NONFINITE = enum.auto()
    SATURATES = enum.auto()
    WRONG_KERNEL = enum.auto()
    BREAKS = enum.auto()
    UNMEASURED = enum.auto()
    UNKNOWN = enum.auto()
    NO_INTERVAL = enum.auto()
    MAY_LOSE_ACCURACY = enum.auto()
    UNSURE_OF_ACCURACY = enum.auto()
    UNSURE = enum.auto()
    UNRANKED = enum.auto()
    DRIFTED = enum.auto()
    STALE = enum.auto()
    UNDATED = enum.auto()
    OLD = enum.auto()
    FEW_DEVICES = enum.auto()
    MIXED_METERS = enum.auto()
    UNSOUND = enum.auto()


_REJECTING = frozenset(
    {
        *(Why.CANNOT_RUN, Why.LOSES_ACCURACY, Why.NONFINITE),
        *(Why.SATURATES, Why.WRONG_KERNEL, Why.BREAKS),
    }
)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a recipe is not eligible.

    Attributes:
        why: what it is.
        row: what it was found in; None when it is about no row.
        unit: where nothing was measured; None when it is about a row, or about all units.
        limit: the limit of the query that it is about, by its field; empty when about none.
        share: of draws in which that limit holds.
        settle: what would decide it; nothing when it is decided, or cannot be.
        changes: of an old or a stale row, what is another than it was.
        devices: how many have measured it, where more are asked for.
        meters: kinds of meter, where joules of several would be held against one limit.
    """

    why: Why
    row: TableRow | None = None
    unit: Unit | None = None
    limit: str = ""
    share: float | None = None
    settle: Settle = Settle.NOTHING
    changes: tuple[StackChange, ...] = ()
    devices: int = 0
    meters: tuple[str, ...] = ()

    @property
    def rejects(self) -> bool:
        """Whether the data says no; else it does not say."""
        return self.why in _REJECTING


def is_baseline(row: TableRow) -> bool:
    """Whether the row is the FP32 baseline itself."""
    return row.is_baseline


def settled_by(metric: MetricValue, settle: Settle) -> Settle:
    """What would tell a null metric; nothing where its device cannot."""
    return Settle.NOTHING if metric.reason in NOT_TO_BE_HAD else settle
