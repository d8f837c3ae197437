"""The processor's temperature, and the rest a device gets between jobs (measurement.md A-10).

Without numpy, because the agent itself reads it, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

# Zones and sensors that speak of the processor, best first.
_PROCESSOR_ZONES = ("x86_pkg_temp", "cpu-thermal", "cpu_thermal", "soc-thermal", "cpu")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")

MAX_WARMER_C = 3.0
MAX_REST_S = 300.0
_LOOK_EVERY_S = 2.0


def temperature_file(root: Path) -> Path | None:
    """The file that tells the processor's temperature in 1/1000 degree Celsius, if any.

    Thermal zones come first, then hwmon sensors; a zone that names no processor is not taken,
    because a battery's temperature beside a latency would mislead.
    """
    zones: dict[str, Path] = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        zones.setdefault(word(zone / "type"), zone / "temp")
    for wanted in _PROCESSOR_ZONES:
        for kind, path in zones.items():
            if kind.startswith(wanted):
                return path
    for sensor in sorted((root / "sys/class/hwmon").glob("hwmon*")):
        if word(sensor / "name") in _PROCESSOR_SENSORS:
            return sensor / "temp1_input"
    return None


def word(path: Path) -> str:
    """The text of a small file; empty when it cannot be read."""
    try:
        return path.read_text("ascii", errors="replace").strip()
    except OSError:
        return ""


def is_cool(now_c: float, cool_c: float) -> bool:
    """Whether a device counts as cooled down; also where no temperature can be read (NaN)."""
    return not now_c > cool_c + MAX_WARMER_C


class CoolDown:
    """Lets a device cool down within a pass to what it was when the pass began (C-5).

    Args:
        read_c: the processor's temperature; NaN when unknown.
        clock: monotonic seconds.
        sleep: waits for some seconds.
        beat: called while it waits.
        budget_s: how long all waits together may take.

    Attributes:
        reached: whether every wait ended because it was cool.
    """

    def __init__(
        self,
        read_c: Callable[[], float],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        beat: Callable[[], None] = lambda: None,
        budget_s: float = MAX_REST_S,
    ) -> None:
        self._read_c, self._clock, self._sleep, self._beat = read_c, clock, sleep, beat
        self._left_s = budget_s
        self._cool_c = read_c()
        self.reached = True

    def __call__(self) -> float:
        """Waits until it is cool, or no time is left; how many seconds that took."""
        began = now = self._clock()
        while not (cool := is_cool(self._read_c(), self._cool_c)) and now - began < self._left_s:
            self._sleep(_LOOK_EVERY_S)
            self._beat()
            now = self._clock()
        self.reached = self.reached and cool
        self._left_s = max(self._left_s - (now - began), 0.0)
        return now - began


class Rest:
    """Lets a device cool down before a job to what it was when it had nothing to do.

    Where no temperature can be read there is nothing to wait for. A room that has warmed up since
    must not hold jobs for ever: after five minutes the job begins as it is, and its own conditions
    say how warm it was.

    Args:
        root: file system root; tests give a directory tree.
        clock: monotonic seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._file = temperature_file(root)
        self._clock = clock
        self._sleep = sleep
        self._coolest_c = self._read()

    async def wait(self) -> float:
        """Waits until the processor is at most `MAX_WARMER_C` above its coolest.

        Returns:
            The seconds that it took.
        """
        began = self._clock()
        while (now_c := self._read()) is not None and self._coolest_c is not None:
            self._coolest_c = min(self._coolest_c, now_c)
            if is_cool(now_c, self._coolest_c) or self._clock() - began >= MAX_REST_S:
                break
            await self._sleep(_LOOK_EVERY_S)
        return self._clock() - began

    def _read(self) -> float | None:
        try:
            return int(word(self._file)) / 1000.0 if self._file is not None else None
        except ValueError:
            return None
