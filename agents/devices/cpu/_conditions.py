"""What surrounds each block: clock, temperature, throttling, steal, pressure, foreign load.

Read between blocks and never inside one, so it must be cheap: files stay open and are read
with one `pread` each (14 microseconds for all of them on a 2-core virtual machine). What a
device does not tell is NaN. Only the child imports this module.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bitgauge.benchmarks.samples import Conditions

from ...host.files import OpenFile, text
from ...host.load import load_average, pressure_avg10, processor_ticks
from ._package_load import PackageLoad
from ._thermometer import temperature_file

_NAN = float("nan")
_TICK_NS = 10_000_000
_TIGHT_NS = 20_000
_LOOSE_NS = 500_000
# What the kernel's thermal governors call the devices that lower a processor's clock.
_PROCESSOR_COOLING = ("Processor", "cpufreq", "thermal-cpufreq", "cpu-freq")


class CpuConditions:
    """Reads the conditions of one machine; see `base.ConditionReader`.

    Args:
        root: file system root; tests give a directory tree.
        processor: which logical processor's clock to read.
        ticks_per_second: unit of the steal counter; asked from the system when not given.

    Attributes:
        columns: the fields of `Conditions` that it has a source for.
    """

    def __init__(
        self, root: Path = Path("/"), *, processor: int = 0, ticks_per_second: int | None = None
    ) -> None:
        cpufreq = root / f"sys/devices/system/cpu/cpu{processor}/cpufreq/scaling_cur_freq"
        stat = root / "proc/stat"
        scale = 100 / (ticks_per_second or os.sysconf("SC_CLK_TCK"))
        self._clock = OpenFile(cpufreq, _thousandths, _NAN)
        self._heat = OpenFile(temperature_file(root), _thousandths, _NAN)
        self._processors = OpenFile(stat, lambda data: processor_ticks(data, scale), (_NAN, _NAN))
        self._pressure = OpenFile(root / "proc/pressure/cpu", pressure_avg10, _NAN)
        self._load = OpenFile(root / "proc/loadavg", load_average, _NAN)
        self._throttles = [OpenFile(path, float, _NAN) for path in throttle_files(root, processor)]
        self._limits = [OpenFile(path, parse, _NAN) for path, parse in limit_files(root)]
        self._root = root
        self._package: PackageLoad | None = None
        self.columns = self._told()

    def _told(self) -> tuple[str, ...]:
        """What this machine has a file for; the lead of the wall clock needs none."""
        files: dict[str, Sequence[OpenFile[float] | OpenFile[tuple[float, float]]]] = {
            "clock_mhz": [self._clock],
            "temperature_c": [self._heat],
            "steal_ticks": [self._processors],
            "psi_some_avg10": [self._pressure],
            "load_1m": [self._load],
            "throttle_count": self._throttles,
            "thermal_status": self._limits,
            "foreign_ticks": [self._processors],
        }
        told = (name for name, found in files.items() if any(one.is_open for one in found))
        return (*told, "clock_step_ns")

    def foreign_ns(self) -> float:
        """Processor time of others on the packages of this process (C-7), in nanoseconds."""
        if self._package is None:
            self._package = PackageLoad(self._root)
        return self._package.foreign_ns()

    def read(self) -> Conditions:
        """The present values; NaN where one cannot be read."""
        stolen, busy = self._processors.value()
        own_ticks = time.process_time_ns() / _TICK_NS
        return Conditions(
            self._clock.value(),
            self._heat.value(),
            stolen,
            self._pressure.value(),
            self._load.value(),
            throttle_count=_total(self._throttles),
            thermal_status=_total(self._limits),
            foreign_ticks=busy - own_ticks,
            clock_step_ns=wall_lead_ns(time.time_ns, time.perf_counter_ns),
        )

    def close(self) -> None:
        """Closes the files; further reads give NaN."""
        for source in (self._clock, self._heat, self._pressure, self._load):
            source.close()
        self._processors.close()
        for source in (*self._throttles, *self._limits):
            source.close()


def _total(sources: Sequence[OpenFile[float]]) -> float:
    """The sum of what can be read; NaN when nothing can."""
    values = [value for source in sources if (value := source.value()) == value]
    return sum(values) if values else _NAN


def wall_lead_ns(wall: Callable[[], int], monotonic: Callable[[], int]) -> float:
    """How far the wall clock is ahead of the monotonic one, in nanoseconds.

    Both are disciplined alike, so that this changes only when a clock is set. The tightest of
    three readings counts: between two clocks a process may be put aside.
    """
    best_width, lead = _LOOSE_NS + 1, 0
    for _ in range(3):
        before = monotonic()
        now = wall()
        width = monotonic() - before
        if width < best_width:
            best_width, lead = width, now - before - width // 2
        if best_width < _TIGHT_NS:
            break
    return float(lead) if best_width <= _LOOSE_NS else _NAN


def firmware_limits(data: bytes) -> float:
    """What a Raspberry Pi's firmware limits now, as a number that is 0 for nothing.

    Bits 0 to 3 of vcgencmd get_throttled, in hexadecimal: under-voltage, frequency cap,
    throttling, soft temperature limit. The higher bits tell of the past.
    """
    return float(int(data, 16) & 0xF)


def _thousandths(data: bytes) -> float:
    return int(data) / 1000.0


def throttle_files(root: Path, processor: int) -> list[Path]:
    """Counters of thermal throttling of a processor and its package, on x86."""
    folder = root / f"sys/devices/system/cpu/cpu{processor}/thermal_throttle"
    return sorted(folder.glob("*_throttle_count"))


def limit_files(root: Path) -> list[tuple[Path, Callable[[bytes], float]]]:
    """Files that tell whether the processor's clock is limited now, and how to read each."""
    firmware = sorted((root / "sys/devices/platform/soc").glob("*firmware/get_throttled"))
    found: list[tuple[Path, Callable[[bytes], float]]] = [(p, firmware_limits) for p in firmware]
    for device in sorted((root / "sys/class/thermal").glob("cooling_device*")):
        if text(device / "type").startswith(_PROCESSOR_COOLING):
            found.append((device / "cur_state", float))
    return found
