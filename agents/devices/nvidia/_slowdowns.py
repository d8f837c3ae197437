"""How long a GPU was slowed down so far, by cause: counters that only grow.

Source: NVML's reference on NVML_FI_DEV_CLOCKS_EVENT_REASON_*: nanoseconds since the driver was
loaded. Read before and after a window they prove that nothing slowed it down in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...host.nvml import Gpu

_THERMAL = (
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN",
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN",
)
_POWER = (
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP",
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN",
)
_SYNC = ("NVML_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST",)
_ALL = (*_THERMAL, *_POWER, *_SYNC)


@dataclass(frozen=True, slots=True)
class Slowdowns:
    """Nanoseconds so far; NaN where the card tells none of a kind."""

    thermal_ns: float
    power_ns: float
    sync_ns: float


_FAULTS = (*_THERMAL, _POWER[1])
"""Heat and the supply's brake; a power limit that it keeps to is how the card was set."""


def faults_ns(gpu: Gpu) -> float:
    """How long it was slowed down for its own protection; NaN where it tells none of it."""
    told = [one for one in gpu.fields([(name, "") for name in _FAULTS]) if one is not None]
    return sum(told) if told else math.nan


def slowdowns(gpu: Gpu) -> Slowdowns:
    """The present values, in one question to the driver."""
    told = dict(zip(_ALL, gpu.fields([(name, "") for name in _ALL]), strict=True))

    def total(names: tuple[str, ...]) -> float:
        found = [value for name in names if (value := told[name]) is not None]
        return sum(found) if found else math.nan

    return Slowdowns(total(_THERMAL), total(_POWER), total(_SYNC))
