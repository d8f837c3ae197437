"""What surrounds each block of a measurement: clock, temperature, steal, pressure, load.

Read between blocks and never inside one, so it must be cheap: files stay open and are read
with one `pread` each (about 20 microseconds for all of them). What a device does not tell is NaN.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

NAMES = (
    "clock_mhz",
    "temperature_c",
    "steal_ticks",
    "psi_cpu_some_avg10",
    "load_1m",
)

_NAN = float("nan")
_FIRST_READ_BYTES = 512
_STEAL_FIELD = 8  # in the first line of /proc/stat, see proc_stat(5)
# Zones and sensors that speak of the processor, best first.
_PROCESSOR_ZONES = ("x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "cpu")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class ConditionReader:
    """Reads `NAMES` of one machine, in that order.

    Args:
        root: file system root; tests give a directory tree.
        processor: which logical processor's clock to read.
    """

    def __init__(self, root: Path = Path("/"), *, processor: int = 0) -> None:
        cpufreq = root / f"sys/devices/system/cpu/cpu{processor}/cpufreq/scaling_cur_freq"
        self._sources: tuple[tuple[int | None, Callable[[bytes], float]], ...] = (
            (_open(cpufreq), lambda text: int(text) / 1000.0),
            (_open(temperature_file(root)), lambda text: int(text) / 1000.0),
            (_open(root / "proc/stat"), steal_ticks),
            (_open(root / "proc/pressure/cpu"), pressure_avg10),
            (_open(root / "proc/loadavg"), lambda text: float(text.split(None, 1)[0])),
        )

    def read(self) -> tuple[float, ...]:
        """The present value of every one of `NAMES`; NaN where it cannot be read."""
        return tuple(_value(descriptor, parse) for descriptor, parse in self._sources)

    def close(self) -> None:
        """Closes the files; further reads give NaN."""
        for descriptor, _ in self._sources:
            if descriptor is not None:
                os.close(descriptor)
        self._sources = tuple((None, parse) for _, parse in self._sources)


def steal_ticks(stat: bytes) -> float:
    """Ticks that the hypervisor gave to others since boot, from /proc/stat, in 1/100 s."""
    fields = stat.split(b"\n", 1)[0].split()
    return float(fields[_STEAL_FIELD]) if len(fields) > _STEAL_FIELD else _NAN


def pressure_avg10(pressure: bytes) -> float:
    """Per cent of the last 10 s in which some task waited for a processor."""
    for word in pressure.split(b"\n", 1)[0].split():
        if word.startswith(b"avg10="):
            return float(word[6:])
    return _NAN


def temperature_file(root: Path) -> Path | None:
    """The file that tells the processor's temperature in 1/1000 degree Celsius, if any.

    Thermal zones come first, then hwmon sensors; a zone that names no processor is not taken,
    because a battery's temperature beside a latency would mislead.
    """
    zones: dict[str, Path] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        zones.setdefault(_word(zone / "type"), zone / "temp")
    for wanted in _PROCESSOR_ZONES:
        for kind, path in zones.items():
            if kind.startswith(wanted):
                return path
    for sensor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if _word(sensor / "name") in _PROCESSOR_SENSORS:
            return sensor / "temp1_input"
    return None


def _word(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        return ""


def _open(path: Path | None) -> int | None:
    if path is None:
        return None
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _value(descriptor: int | None, parse: Callable[[bytes], float]) -> float:
    if descriptor is None:
        return _NAN
    try:
        return parse(os.pread(descriptor, _FIRST_READ_BYTES, 0))
    except (OSError, ValueError, IndexError):
        return _NAN
