"""A device that is not there: for tests, demonstrations of failure and trying out a lab.

It is `simulated`, so nothing measured on it can enter a cell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ..host.rest import Heat
from .base import DeviceFacts, Fact, Unit

if TYPE_CHECKING:
    from bitgauge.benchmarks.samples import Conditions

NAME = "fake"
RANK = 0
HINT = "the fake device is always there"

_COOL_C = 40.0


class FakeConditions:
    """Conditions of a device on which nothing ever changes; see `base.ConditionReader`."""

    columns = ("clock_mhz", "temperature_c", "steal_ticks", "load_1m", "foreign_ticks")

    def __init__(self) -> None:
        self._is_open = True

    def read(self) -> Conditions:
        """One gigahertz at 40 degrees, and nobody else."""
        from bitgauge.benchmarks.samples import Conditions

        if not self._is_open:
            return Conditions()
        return Conditions(1000.0, _COOL_C, steal_ticks=0.0, load_1m=0.0, foreign_ticks=0.0)

    def foreign_ns(self) -> float:
        """Nobody else."""
        return 0.0

    def close(self) -> None:
        """Further reads give NaN."""
        self._is_open = False


def probe() -> tuple[Unit, ...]:
    """Always there, never served unless asked for."""
    return (Unit(),)


def conditions(unit: str = "") -> FakeConditions:
    """Always the same."""
    return FakeConditions()


def preflight(unit: str = "") -> dict[str, Fact]:
    """Always the same."""
    return {"governor": "fake", "nominal_mhz": 1000.0}


def rest(unit: str = "") -> Heat:
    """Never warm."""
    return Heat(lambda: _COOL_C)


def nodes(unit: str = "") -> tuple[Path, ...]:
    """None."""
    return ()


def describe(unit: str = "") -> DeviceFacts:
    """The same two-core device on every machine."""
    return DeviceFacts(
        hardware_class=HardwareClass.CPU_ONLY,
        realness=Realness.SIMULATED,
        architecture="fake",
        processor_model="Bitgauge fake device",
        isa_flags=("fake",),
        core_count=2,
        memory_bytes=4 * 1024**3,
        kernel_release="0",
        virtualisation=None,
        governor=None,
        stack=(StackItem("architecture", "fake"), StackItem("kernel_release", "0")),
        evidence=(),
    )
