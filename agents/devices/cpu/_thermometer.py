"""The processor's temperature. Without numpy, because the agent itself reads it, too."""

from __future__ import annotations

from pathlib import Path

from ...host.files import parsed, text

# Zones and sensors that speak of the processor, best first.
_PROCESSOR_ZONES = ("x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "cpu")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


def temperature_file(root: Path) -> Path | None:
    """The file that tells the processor's temperature in 1/1000 degree Celsius, if any.

    Thermal zones come first, then hwmon sensors; a zone that names no processor is not taken,
    because a battery's temperature beside a latency would mislead.
    """
    zones: dict[str, Path] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        zones.setdefault(text(zone / "type"), zone / "temp")
    for wanted in _PROCESSOR_ZONES:
        for kind, path in zones.items():
            if kind.startswith(wanted):
                return path
    for sensor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if text(sensor / "name") in _PROCESSOR_SENSORS:
            return sensor / "temp1_input"
    return None


def temperature_c(file: Path | None) -> float:
    """What such a file says, in degrees Celsius; NaN when it cannot be read."""
    found = None if file is None else parsed(file, lambda data: int(data) / 1000.0)
    return float("nan") if found is None else found
