"""What surrounds each block: clock, temperature, throttling, steal, pressure, foreign load.

Read between blocks and never inside one, so it must be cheap: files stay open and are read
with one `pread` each (14 microseconds for all of them on a 2-core virtual machine). What a
device does not tell is NaN. Only the child imports this module.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from bitgauge.benchmarks.samples import Conditions

from .temperature import temperature_file, word

T = TypeVar("T")

_NAN = float("nan")
_FIRST_READ_BYTES = 512
_STEAL_FIELD = 8  # in the first line of /proc/stat, see proc_stat(5)
_BUSY_FIELDS = (1, 2, 3, 6, 7)  # user, nice, system, irq, softirq
_TICK_NS = 10_000_000
_TIGHT_NS = 20_000
_LOOSE_NS = 500_000
# What the kernel's thermal governors call the devices that lower a processor's clock.
_PROCESSOR_COOLING = ("Processor", "cpufreq", "thermal-cpufreq", "cpu-freq")


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
        self._clock = _Source(cpufreq, _thousandths, _NAN)
        self._heat = _Source(temperature_file(root), _thousandths, _NAN)
        self._processors = _Source(stat, lambda text: processor_ticks(text, scale), (_NAN, _NAN))
        self._pressure = _Source(root / "proc/pressure/cpu", pressure_avg10, _NAN)
        self._load = _Source(root / "proc/loadavg", load_average, _NAN)
        self._throttles = [_Source(path, float, _NAN) for path in throttle_files(root, processor)]
        self._limits = [_Source(path, parse, _NAN) for path, parse in limit_files(root)]

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


class _Source(Generic[T]):
    """One file that stays open, and how its text becomes a value."""

    def __init__(self, path: Path | None, parse: Callable[[bytes], T], unread: T) -> None:
        self._parse = parse
        self._unread = unread
        self._descriptor = -1
        if path is not None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def value(self) -> T:
        if self._descriptor < 0:
            return self._unread
        try:
            return self._parse(os.pread(self._descriptor, _FIRST_READ_BYTES, 0))
        except (OSError, ValueError, IndexError):
            return self._unread

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _total(sources: Sequence[_Source[float]]) -> float:
    """The sum of what can be read; NaN when nothing can."""
    values = [value for source in sources if (value := source.value()) == value]
    return sum(values) if values else _NAN


def processor_ticks(stat: bytes, scale: float) -> tuple[float, float]:
    """What the hypervisor gave to others, and what all processes used, since boot.

    Args:
        stat: ``/proc/stat``; its first line sums the processors, see proc_stat(5).
        scale: hundredths of a second per tick.

    Returns:
        Stolen and busy time in hundredths of a second; NaN where an old kernel does not say it.
    """
    fields = stat.split(b"\n", 1)[0].split()
    stolen = float(fields[_STEAL_FIELD]) * scale if len(fields) > _STEAL_FIELD else _NAN
    if len(fields) <= max(_BUSY_FIELDS):
        return stolen, _NAN
    return stolen, sum(int(fields[at]) for at in _BUSY_FIELDS) * scale


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


def firmware_limits(text: bytes) -> float:
    """What a Raspberry Pi's firmware limits now, as a number that is 0 for nothing.

    Bits 0 to 3 of vcgencmd get_throttled, in hexadecimal: under-voltage, frequency cap,
    throttling, soft temperature limit. The higher bits tell of the past.
    """
    return float(int(text, 16) & 0xF)


def load_average(text: bytes) -> float:
    """The load average of the last minute."""
    return float(text.split(None, 1)[0])


def _thousandths(text: bytes) -> float:
    return int(text) / 1000.0


def pressure_avg10(pressure: bytes) -> float:
    """Per cent of the last 10 s in which some task waited for a processor."""
    for part in pressure.split(b"\n", 1)[0].split():
        if part.startswith(b"avg10="):
            return float(part[6:])
    return _NAN


def throttle_files(root: Path, processor: int) -> list[Path]:
    """Counters of thermal throttling of a processor and its package, on x86."""
    folder = root / f"sys/devices/system/cpu/cpu{processor}/thermal_throttle"
    return sorted(folder.glob("*_throttle_count"))


def limit_files(root: Path) -> list[tuple[Path, Callable[[bytes], float]]]:
    """Files that tell whether the processor's clock is limited now, and how to read each."""
    firmware = sorted((root / "sys/devices/platform/soc").glob("*firmware/get_throttled"))
    found: list[tuple[Path, Callable[[bytes], float]]] = [(p, firmware_limits) for p in firmware]
    for device in sorted((root / "sys/class/thermal").glob("cooling_device*")):
        if word(device / "type").startswith(_PROCESSOR_COOLING):
            found.append((device / "cur_state", float))
    return found
