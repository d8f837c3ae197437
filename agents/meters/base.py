"""What a meter is to the agent.

A meter module holds `NAME`, `RANK`, `HINT` and `describe()`; the registry finds it by its file
name. A module whose sensor is of no concern to this machine answers None; one whose sensor should
be there and cannot be used says why in `MeterDescription.reason`. A quantity without a meter is
null with that reason, never an estimate. A meter of energy has `open_reader()` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast

from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription


class MeterLost(Exception):
    """The sensor cannot be read any more: it vanished, or a permission did."""


class MeterForbidden(MeterLost):
    """This process may not read the sensor."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading.

    Attributes:
        value: millijoules since some moment for a counter, milliwatts for a power meter.
        at_ns: monotonic clock just after it was read.
    """

    value: float
    at_ns: int


class EnergyReader(Protocol):
    """An open meter of energy or power.

    Attributes:
        is_counter: whether `read` gives energy since some moment; else present power.
        wraps_at_mj: where a counter begins again at 0, in millijoules; None: it does not.
    """

    is_counter: bool
    wraps_at_mj: float | None

    def read(self) -> Reading:
        """The present value.

        Raises:
            MeterLost: the sensor cannot be read any more.
        """
        ...

    def close(self) -> None:
        """Gives back what the reader holds."""
        ...


class MeterModule(Protocol):
    """The shape of a meter module."""

    NAME: str
    RANK: int
    HINT: str

    def describe(self) -> MeterDescription | None:
        """The meter of this machine, or None when it is of no concern here.

        Cheap: it is called in the agent at start and opens nothing for longer.
        """
        ...


class EnergyMeterModule(MeterModule, Protocol):
    """The shape of a module that measures energy."""

    def open_reader(self) -> EnergyReader:
        """The meter that `describe` speaks of, opened.

        Raises:
            MeterLost: it cannot be opened; `MeterForbidden` when that needs a permission.
        """
        ...


class UnitMeterModule(EnergyMeterModule, Protocol):
    """The shape of a module whose meters are those of the units of one kind of device."""

    DEVICE: str

    def of(self, unit: str) -> EnergyMeterModule:
        """The meter of one unit."""
        ...


def of_unit(module: MeterModule, device: str, unit: str) -> MeterModule:
    """A module as the meter of one unit, where its meters belong to units of that kind."""
    if unit and getattr(module, "DEVICE", None) == device:
        return cast(UnitMeterModule, module).of(unit)
    return module


class SecondMeterModule(EnergyMeterModule, Protocol):
    """The shape of a module whose sensor can be read in another way too."""

    def open_second(self) -> EnergyReader | None:
        """That other way, opened; None when this machine has none.

        Raises:
            MeterLost: it cannot be opened.
        """
        ...
