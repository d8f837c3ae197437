"""What surrounds each block on a GPU: its own clocks and sensors, and its host's load.

A call waits for its host as well as for the card, so what the host tells of steal, pressure and
throttling stays beside it. Only the child imports this module.
"""

from __future__ import annotations

import math
import time
from dataclasses import fields, replace

from bitgauge.benchmarks.samples import Conditions

from ...host.nvml import Nvml
from .. import cpu
from ._slowdowns import slowdowns
from ._thermometer import temperature_c
from .processes import foreign_processes

_OF_CARD = ("clock_mhz", "temperature_c")
"""What the host tells of its processor and the card tells of itself."""


class NvidiaConditions:
    """Reads the conditions of one GPU; see `base.ConditionReader`.

    Attributes:
        columns: the fields of `Conditions` that it has a source for.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._library: Nvml | None = Nvml()
        self._gpu = self._library.gpu(unit)
        self._host = cpu.conditions()
        self._shared_ns, self._seen = 0.0, (time.monotonic_ns(), False)
        told = self._of_card()
        mine = [one.name for one in fields(told) if not math.isnan(getattr(told, one.name))]
        self.columns = (*(one for one in self._host.columns if one not in _OF_CARD), *mine)

    def read(self) -> Conditions:
        """The present values; NaN where one cannot be read.

        Raises:
            BitgaugeError: `device_lost` or `driver_changed`.
        """
        if self._library is None:
            return Conditions()
        told = self._of_card()
        mine = {one.name: getattr(told, one.name) for one in fields(told)}
        known = {name: value for name, value in mine.items() if not math.isnan(value)}
        return replace(self._host.read(), **dict.fromkeys(_OF_CARD, math.nan) | known)

    def foreign_ns(self) -> float:
        """Time so far with somebody else on the GPU, in nanoseconds; NaN where it is not told.

        How much of it they used nobody says, so all of it counts: a window with others in it has
        no joules of its own.
        """
        if self._library is None:
            return math.nan
        found = foreign_processes(self._unit, self._gpu)
        if found is None:
            return math.nan
        (since_ns, was_shared), now_ns = self._seen, time.monotonic_ns()
        self._shared_ns += (now_ns - since_ns) * (was_shared or found > 0)
        self._seen = now_ns, found > 0
        return self._shared_ns

    def close(self) -> None:
        """Ends the use of the library; further reads give NaN."""
        if self._library is not None:
            self._host.close()
            self._library.close()
            self._library = None

    def _of_card(self) -> Conditions:
        gpu = self._gpu
        now = gpu.value("NVML_CLOCK_ID_CURRENT")
        slow = slowdowns(gpu)
        return Conditions(
            _known(gpu.card("nvmlDeviceGetClock", gpu.value("NVML_CLOCK_SM"), now)),
            temperature_c(gpu),
            memory_clock_mhz=_known(
                gpu.card("nvmlDeviceGetClock", gpu.value("NVML_CLOCK_MEM"), now)
            ),
            power_mw=_known(gpu.card("nvmlDeviceGetPowerUsage")),
            performance_state=_known(gpu.card("nvmlDeviceGetPerformanceState")),
            foreign_processes=_known(foreign_processes(self._unit, gpu)),
            thermal_slowdown_ns=slow.thermal_ns,
            power_slowdown_ns=slow.power_ns,
            sync_slowdown_ns=slow.sync_ns,
        )


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)
