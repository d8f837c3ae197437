"""Rail sensors of boards by the hwmon class: INA3221 and its kin, and whole-machine meters.

Sources: the kernel's hwmon/sysfs-interface (power in microwatts, energy in microjoules, in in
millivolts, curr in milliamperes) and hwmon/ina3221 (three channels with labels; `samples` are
averaged). Only chips that measure what feeds the processor or the board are taken: the power of a
graphics card or a disk beside a model on the processor would mislead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.vocabulary.meters import PACKAGE
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..host.files import text, whole
from ._files import FileReader
from .base import EnergyReader, MeterLost

NAME = "hwmon"
RANK = 20
HINT = "needs a board with a power sensor, such as a Jetson's INA3221"

_ROOT = Path("/")
_U_GAIN = 0.05  # measurement.md C-6
_DEFAULT_UPDATE_NS = 100_000_000
_CHANNELS = ("ina3221", "ina3221x")
_SENSORS = ("ina219", "ina220", "ina226", "ina230", "ina231", "ina238", "power_meter")
_COUNTERS = ("amd_energy",)
# What feeds everything, best first (measurement.md C-7).
_TOTALS = ("VDD_IN", "POM_5V_IN", "VIN_SYS_5V0", "SYS_5V0")


@dataclass(frozen=True, slots=True)
class _Rail:
    """One rail.

    Attributes:
        scope: what it feeds.
        files: of power, of energy, or of voltage and current.
        kind: ``power``, ``energy`` or ``product``.
        update_ns: between new values.
        rank: the lowest is taken.
    """

    scope: str
    files: tuple[Path, ...]
    kind: str
    update_ns: int
    rank: int


def describe(root: Path = _ROOT) -> MeterDescription | None:
    """The rail that feeds most; None when there is none of these chips."""
    rail = _best(root)
    if rail is None:
        return None
    sockets = sum(one.kind == "energy" for one in _rails(root))
    readable = all(os.access(path, os.R_OK) for path in rail.files)
    works = readable and all(whole(path) is not None for path in rail.files)
    reason = None if works else "no_sensor" if readable else "no_permission"
    if rail.kind == "energy" and sockets > 1:
        reason = "shared_device"
    return MeterDescription(
        name=NAME,
        quantity="energy",
        kind="counter" if rail.kind == "energy" else "rail_sensor",
        scope=rail.scope,
        update_period_ns=rail.update_ns,
        uncertainty_relative=_U_GAIN,
        averaging_window_ns=rail.update_ns,
        reason=reason,
    )


def open_reader(root: Path = _ROOT) -> EnergyReader:
    """That rail; see `base.EnergyMeterModule`."""
    rail = _best(root)
    if rail is None:
        raise MeterLost("there is no rail sensor")
    if rail.kind == "product":
        return FileReader(rail.files, lambda found: found[0] * found[1] / 1_000, is_counter=False)
    return FileReader(rail.files, lambda found: found[0] / 1_000, is_counter=rail.kind == "energy")


def _best(root: Path) -> _Rail | None:
    return min(_rails(root), key=lambda rail: rail.rank, default=None)


def _rails(root: Path) -> Iterator[_Rail]:
    for chip in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        name = text(chip / "name")
        update_ns = (whole(chip / "update_interval") or 0) * 1_000_000 or _DEFAULT_UPDATE_NS
        if name in _CHANNELS:
            yield from _channels(chip, update_ns)
        elif name in _SENSORS:
            for path in sorted(chip.glob("power*_input")) + sorted(chip.glob("power*_average")):
                stem = path.name.rsplit("_", 1)[0]
                label = text(chip / f"{stem}_label") or name
                averaged_ns = (whole(chip / f"{stem}_average_interval") or 0) * 1_000_000
                period_ns = averaged_ns if path.name.endswith("_average") else 0
                yield _Rail(label, (path,), "power", period_ns or update_ns, len(_TOTALS) + 1)
        elif name in _COUNTERS:
            for path in sorted(chip.glob("energy*_input")):
                label = text(chip / path.name.replace("_input", "_label")) or name
                if label.startswith("Esocket"):
                    yield _Rail(PACKAGE, (path,), "energy", update_ns, len(_TOTALS) + 2)


def _channels(chip: Path, update_ns: int) -> Iterator[_Rail]:
    """The channels of an INA3221; power is the product of voltage and current."""
    for number in (1, 2, 3):
        named = chip / f"in{number}_label"
        files = (chip / f"in{number}_input", chip / f"curr{number}_input")
        if not all(path.exists() for path in (named, *files)):
            continue
        label = text(named)
        rank = _TOTALS.index(label) if label in _TOTALS else len(_TOTALS) + 3
        yield _Rail(label, files, "product", update_ns, rank)
