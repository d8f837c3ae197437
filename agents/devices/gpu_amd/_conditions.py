"""What surrounds each block on a card: its clock and its hottest sensor. The child's alone."""

from __future__ import annotations

import math
from pathlib import Path

from bitgauge.benchmarks.samples import Conditions

from ...host.files import OpenFile
from ._sensors import hottest, hwmon

_NAN = math.nan


class GpuConditions:
    """Reads the conditions of one card; see `base.ConditionReader`."""

    def __init__(self, card: Path) -> None:
        self._clock = OpenFile(hwmon(card) / "freq1_input", lambda data: int(data) / 1e6, _NAN)
        self._heat = OpenFile(hottest(card), lambda data: int(data) / 1000, _NAN)
        told = (("clock_mhz", self._clock), ("temperature_c", self._heat))
        self.columns = tuple(name for name, file in told if file.is_open)

    def read(self) -> Conditions:
        """The present values; NaN where one cannot be read."""
        return Conditions(self._clock.value(), self._heat.value())

    def foreign_ns(self) -> float:
        """Who else uses it, the driver tells by processes and not by time."""
        return _NAN

    def close(self) -> None:
        """Closes the files; further reads give NaN."""
        self._clock.close()
        self._heat.close()
