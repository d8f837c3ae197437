"""Power of an NVIDIA card's scope `module`: with the processor that shares it; see `nvml`.

It stands beside the joules of the card itself, never in their place and never added to them.
Source: NVML's reference on field 186 with NVML_POWER_SCOPE_MODULE.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.meters import MODULE
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..host.nvml import EXTRA
from .base import EnergyReader
from .nvml import ScopePower, describe_scope

NAME = "card_module"
RANK = 41
HINT = EXTRA
DEVICE = "nvidia"

_SCOPE = "NVML_POWER_SCOPE_MODULE"


@dataclass(frozen=True, slots=True)
class CardModuleMeter:
    """The meter of one card; see `base.EnergyMeterModule`."""

    unit: str
    NAME: str = NAME
    RANK: int = RANK
    HINT: str = HINT

    def describe(self) -> MeterDescription | None:
        """What it is; None where the card does not tell it."""
        return describe_scope(NAME, MODULE, _SCOPE, self.unit)

    def open_reader(self) -> EnergyReader:
        """Its power, which is polled."""
        return ScopePower(self.unit, _SCOPE)


def of(unit: str) -> CardModuleMeter:
    """The meter of one card; see `base.UnitMeterModule`."""
    return CardModuleMeter(unit)


def describe() -> MeterDescription | None:
    """Of no card in particular there is none."""
    return None


def open_reader() -> EnergyReader:
    """That of the first card; see `base.EnergyMeterModule`."""
    return ScopePower("", _SCOPE)
