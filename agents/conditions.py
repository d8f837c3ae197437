"""What surrounds each block of a measurement: clock, temperature, steal, pressure, load.

Read between blocks and never inside one, so it must be cheap: files stay open and are read
with one `pread` each (12 microseconds for all of them on a 2-core virtual machine). What a
device does not tell is NaN. Only the child imports this module.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from bitgauge.benchmarks.samples import Conditions

_NAN = float("nan")
_FIRST_READ_BYTES = 512
_STEAL_FIELD = 8  # in the first line of /proc/stat, see proc_stat(5)
# Zones and sensors that speak of the processor, best first.
_PROCESSOR_ZONES = ("x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "cpu")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


class ConditionReader:
    """Reads the conditions of one machine.

    Args:
        root: file system root; tests give a directory tree.
        processor: which logical processor's clock to read.
        ticks_per_second: unit of the steal counter; asked from the system when not given.
    """

    def __init__(
        self, root: Path = Path("/"), *, processor: int = 0, ticks_per_second: int | None = None
    ) -> None:
        cpufreq = root / f"sys/devices/system/cpu/cpu{processor}/cpufreq/scaling_cur_freq"
        stat = root / "proc/stat"
        scale = 100 / (ticks_per_second or os.sysconf("SC_CLK_TCK"))
        self._clock = _Source(cpufreq, lambda text: int(text) / 1000.0)
        self._heat = _Source(temperature_file(root), lambda text: int(text) / 1000.0)
        self._steal = _Source(stat, lambda text: steal_ticks(text) * scale)
        self._pressure = _Source(root / "proc/pressure/cpu", pressure_avg10)
        self._load = _Source(root / "proc/loadavg", lambda text: float(text.split(None, 1)[0]))

    def read(self) -> Conditions:
        """The present values; NaN where one cannot be read."""
        return Conditions(
            self._clock.value(),
            self._heat.value(),
            self._steal.value(),
            self._pressure.value(),
            self._load.value(),
        )

    def close(self) -> None:
        """Closes the files; further reads give NaN."""
        for source in (self._clock, self._heat, self._steal, self._pressure, self._load):
            source.close()


class _Source:
    """One file that stays open, and how its text becomes a number."""

    def __init__(self, path: Path | None, parse: Callable[[bytes], float]) -> None:
        self._parse = parse
        self._descriptor = -1
        if path is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def value(self) -> float:
        if self._descriptor < 0:
            return _NAN
        try:
            return self._parse(os.pread(self._descriptor, _FIRST_READ_BYTES, 0))
        except (OSError, ValueError, IndexError):
            return _NAN

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def steal_ticks(stat: bytes) -> float:
    """Ticks that the hypervisor gave to others since boot, over all processors."""
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
