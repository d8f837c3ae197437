"""The sensors of a card: its folder of hwmon, and its state before a launch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from ...host.files import number, text, whole
from ..base import Fact

_MILLI = 1e-3
_MICRO = 1e-6


def hwmon(card: Path) -> Path:
    """Where the driver keeps the card's sensors."""
    return next(iter(sorted((card / "hwmon").glob("hwmon*"))), card / "hwmon")


def hottest(card: Path) -> Path | None:
    """The file of the sensor that its clock is limited by: ``junction`` where there is one."""
    files = sorted(hwmon(card).glob("temp*_input"))
    labelled = {text(one.with_name(one.name.replace("_input", "_label"))): one for one in files}
    return labelled.get("junction") or next(iter(files), None)


def thermometer(card: Path) -> Callable[[], float]:
    """Reads the hottest sensor, in degrees Celsius; NaN where there is none."""
    file = hottest(card)

    def read_c() -> float:
        found = number(file, _MILLI) if file is not None else None
        return math.nan if found is None else found

    return read_c


def preflight(card: Path, root: Path) -> dict[str, Fact]:
    """The state of a card; temperatures in degrees Celsius, power in watts, clocks in MHz."""
    sensors = hwmon(card)
    temperatures = [
        f"{text(file.with_name(file.name.replace('_input', '_label'))) or file.name}={value:.1f}"
        for file in sorted(sensors.glob("temp*_input"))
        if (value := number(file, _MILLI)) is not None
    ]
    return {
        "power_mode": text(card / "power_dpm_force_performance_level") or None,
        "power_limit_w": number(sensors / "power1_cap", _MICRO),
        "core_clock_mhz": _chosen(card / "pp_dpm_sclk"),
        "memory_clock_mhz": _chosen(card / "pp_dpm_mclk"),
        "busy_percent": whole(card / "gpu_busy_percent"),
        "memory_used_bytes": whole(card / "mem_info_vram_used"),
        "temperatures_c": " ".join(temperatures) or None,
        "compute_processes": len(list((root / "sys/class/kfd/kfd/proc").glob("[0-9]*"))),
    }


def _chosen(path: Path) -> Fact:
    """The clock that is marked among those there are: ``1: 1200Mhz *``."""
    for line in text(path).splitlines():
        if line.endswith("*"):
            word = line.rstrip("* ").rpartition(" ")[2].lower().removesuffix("mhz")
            return float(word) if word.isdigit() else None
    return None
