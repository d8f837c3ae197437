"""What can be said of a metric, once and for everybody who asks.

Key, unit and direction; and of its numbers: what of a change is none, what spoils them, what they
decide, where they are shown. `metrics` says it of each one.
"""

from __future__ import annotations

import enum
import math
from dataclasses import KW_ONLY, dataclass

from .enums import Objective


class Direction(str, enum.Enum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Group(str, enum.Enum):
    """The group of a record that holds a metric; also the pass that it comes of."""

    IDENTITY = "identity"
    ENVIRONMENT = "environment"
    LATENCY = "latency"
    COMPARISON = "comparison"
    MEMORY = "memory"
    ENERGY = "energy"
    NUMERICS = "numerics"
    QUALITY = "quality"


class Scale(str, enum.Enum):
    """What of two values matters: how many times one is the other, or how far apart they are."""

    LOG = "log"
    LINEAR = "linear"


class Decides(str, enum.Enum):
    """What of a metric cells, gates and selections look at."""

    NOTHING = "nothing"
    VALUE = "value"
    DETAIL = "detail"


MARGIN = 0.02
"""Relative difference that matters (measurement.md A-8)."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One published quantity.

    Attributes:
        key: its name, in stores and on the wire.
        unit: of its value and its bounds.
        direction: which way is better.
        meaning: what it is, for people.
        group: of the record, and the pass it comes of.
        definition: version of what it means. Raised when the same raw data gives another number
            because it is another quantity; numbers of two versions are never held together.
        scale: whether ratios of it matter, or differences.
        margin: what of a change is none: relative on the log scale, else in `unit`.
        counted: counted on fixed inputs, not sampled: without an interval the value is exact.
        relative: holds the artifact against the baseline; null of the baseline itself, where a
            ratio would be 1 by definition.
        on_data: says something only on inputs that stand for the real ones.
        timed: rests on the device's pace, so that a job around which the device drifted (flag
            `suspect`) says nothing with it: times, rates and joules. Bytes do not.
        certified: what an A/A certificate vouches for; without one it is `untrusted`.
        quantile: of single latencies, 0.9 for the 90th percentile; 0: it is none.
        must_be_zero: one that appears, where there were none, is worse without any statistics.
        overflow: a rate at which values leave their range.
        objective: what a selection can ask for and this is the measure of.
        decides: what of it cells, gates and selections look at; the other metrics explain.
        pooled: its place among the figures of a cell, from 1; 0: it is none. Such a metric can be
            held together over models.
        compared: its place among what a campaign tells of each row, from 1; 0: nothing of it.
        shown: whether people choose by it, so that it is shown when nobody asks for all.
        column: its name where it has a column of the table; empty: it has none.
        decoder: said of decoders alone: null, and not published, outside scenario `llm`.
        of_cards: said of graphics cards alone: not published of other devices.
        of_requests: what is measured of calls, files and memory of anything is measured of a
            decoder too, a call of which is a whole request.
        card: its name at the top of a report; empty: it is not there.
        card_place: among those at the top, from 1.
    """

    key: str
    unit: str
    direction: Direction
    meaning: str
    group: Group
    _: KW_ONLY
    definition: int = 1
    scale: Scale = Scale.LOG
    margin: float = MARGIN
    counted: bool = False
    relative: bool = False
    on_data: bool = False
    timed: bool = False
    certified: bool = False
    quantile: float = 0.0
    must_be_zero: bool = False
    overflow: bool = False
    objective: Objective | None = None
    decides: Decides = Decides.NOTHING
    pooled: int = 0
    compared: int = 0
    shown: bool = False
    column: str = ""
    decoder: bool = False
    of_cards: bool = False
    of_requests: bool = False
    card: str = ""
    card_place: int = 0

    @property
    def needs_device(self) -> bool:
        """Whether only a real device at its own pace gives it: all but the artifact's own.

        So emulated and simulated ones leave it null, and a run that is `preliminary` or `suspect`
        is no ground for a verdict by it (DESIGN.md 10.13, 10.15).
        """
        return self.group not in (Group.IDENTITY, Group.NUMERICS, Group.QUALITY)

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio to the baseline's own value."""
        return self.relative and self.scale is Scale.LOG

    @property
    def margin_on_scale(self) -> float:
        """The margin on the metric's scale: of logarithms where ratios matter."""
        return self.margin if self.scale is Scale.LINEAR else math.log1p(self.margin)
