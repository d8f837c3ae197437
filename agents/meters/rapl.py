"""RAPL: the energy counter of an x86 processor package, by the powercap class.

Source: the kernel's power/powercap documentation: `energy_uj` counts microjoules and begins again
after `max_energy_range_uj`. It counts the whole package, whoever uses it; since 2020 only root may
read it; a virtual machine has none.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bitgauge.benchmarks.vocabulary.meters import PACKAGE
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..host.files import text, whole
from ..host.isa import cpuinfo_fields
from ..host.realness import judge
from ._files import FileReader
from .base import EnergyReader, MeterLost

NAME = "rapl"
RANK = 30
HINT = "needs an x86 processor with RAPL, and root"

_ROOT = Path("/")
_ZONES = "sys/class/powercap"
_UPDATE_NS = 1_000_000
_U_GAIN = 0.05  # measurement.md C-6
_X86 = ("x86_64", "i686", "i386")


def describe(root: Path = _ROOT, *, architecture: str | None = None) -> MeterDescription | None:
    """The package that this process is pinned to; None on other processors than x86."""
    machine = architecture or platform.machine()
    if machine not in _X86:
        return None
    reason = _hindrance(root, machine)
    return MeterDescription(
        name=NAME,
        quantity="energy",
        kind="counter",
        scope=PACKAGE,
        update_period_ns=_UPDATE_NS,
        uncertainty_relative=_U_GAIN,
        averaging_window_ns=_UPDATE_NS,
        reason=reason,
    )


def open_reader(root: Path = _ROOT) -> EnergyReader:
    """The counter of that package; see `base.EnergyMeterModule`."""
    zone = _package(root)
    if zone is None:
        raise MeterLost("there is no package counter")
    wraps = whole(zone / "max_energy_range_uj")
    return FileReader(
        [zone / "energy_uj"],
        lambda found: found[0] / 1_000,
        is_counter=True,
        wraps_at_mj=None if wraps is None else (wraps + 1) / 1_000,
    )


def _hindrance(root: Path, machine: str) -> str | None:
    """Why the counter cannot be used; a key of the reasons, None when it can."""
    zone = _package(root)
    if zone is None:
        packages = _packages(root)
        if len(packages) > 1:
            return "shared_device"
        fields = cpuinfo_fields(text(root / "proc/cpuinfo"))
        _, hypervisor = judge(root, machine, fields)
        return "virtualised" if hypervisor else "no_sensor"
    if not os.access(zone / "energy_uj", os.R_OK):
        return "no_permission"
    return None if whole(zone / "energy_uj") is not None else "no_sensor"


def _packages(root: Path) -> dict[int, Path]:
    """Zones of whole packages by their number; core, uncore and psys are others."""
    found = {}
    for zone in sorted((root / _ZONES).glob("intel-rapl:*")):
        name = text(zone / "name")
        number = name.removeprefix("package-")
        if name.startswith("package-") and number.isdigit():
            found[int(number)] = zone
    return found


def _package(root: Path) -> Path | None:
    """The one package that every processor of this process belongs to."""
    packages = _packages(root)
    if len(packages) == 1:
        return next(iter(packages.values()))
    cpus = root / "sys/devices/system/cpu"
    used = {
        whole(cpus / f"cpu{cpu}/topology/physical_package_id") for cpu in os.sched_getaffinity(0)
    }
    number = next(iter(used)) if len(used) == 1 else None
    return None if number is None else packages.get(number)
