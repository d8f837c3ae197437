"""What speaks against a recipe: the data says no, or does not say."""

from __future__ import annotations

from dataclasses import dataclass

from ..vocabulary import shown as text
from ..vocabulary.enums import FormatFamily
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue

NOT_TO_BE_HAD = frozenset({"no_sensor", "virtualised", "no_permission", "on_charger"})
"""Reasons for a null metric that measuring once more on the same device does not change."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a recipe is not eligible.

    Attributes:
        rejects: true when the data says no; false when it does not say.
        sentence: the reason, for people.
        settle: what would decide it: `samples`, `time` or `measure`; empty when it is decided.
    """

    rejects: bool
    sentence: str
    settle: str = ""


def is_baseline(row: TableRow) -> bool:
    """Whether the row is the FP32 baseline itself."""
    return row.family is FormatFamily.FP32


def unknown(what: str, metric: MetricValue, settle: str) -> Finding:
    """A metric that is null under a limit: listed as unknown, never dropped."""
    can = "" if metric.reason in NOT_TO_BE_HAD else settle
    return Finding(False, f"{what} is unknown ({text.reason(metric)})", can)
