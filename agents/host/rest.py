"""The rest that a device gets between jobs, and within a pass that heats it (measurement.md A-10).

How warm a device is, it says itself; what is waited for is the same everywhere. Without numpy,
because the agent itself waits, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Heat:
    """How warm a device is, and how warm it may be when it is measured.

    Attributes:
        read_c: its temperature in degrees Celsius; NaN when unknown.
        most_warmer_c: it counts as cool when it is at most so much warmer than it was at rest.
        patience_s: how long it is waited for; afterwards it is measured as it is.
    """

    read_c: Callable[[], float]
    most_warmer_c: float = 3.0
    patience_s: float = 300.0

    def is_cool(self, now_c: float, cool_c: float) -> bool:
        """Whether it has cooled down; also where no temperature can be read (NaN)."""
        return not now_c > cool_c + self.most_warmer_c


class CoolDown:
    """Lets a device cool down within a pass to what it was when the pass began (C-5).

    Args:
        heat: of the device; all waits together take no longer than its patience.
        clock: monotonic seconds.
        sleep: waits for some seconds.
        beat: called while it waits.

    Attributes:
        reached: whether every wait ended because it was cool.
    """

    def __init__(
        self,
        heat: Heat,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._heat, self._clock, self._sleep, self._beat = heat, clock, sleep, beat
        self._left_s = heat.patience_s
        self._cool_c = heat.read_c()
        self.reached = True

    def __call__(self) -> float:
        """Waits until it is cool, or no time is left; how many seconds that took."""
        began = now = self._clock()
        while not (cool := self._is_cool()) and now - began < self._left_s:
            self._sleep(_LOOK_EVERY_S)
            self._beat()
            now = self._clock()
        self.reached = self.reached and cool
        self._left_s = max(self._left_s - (now - began), 0.0)
        return now - began

    def _is_cool(self) -> bool:
        return self._heat.is_cool(self._heat.read_c(), self._cool_c)


class Rest:
    """Lets a device cool down before a job to what it was when it had nothing to do.

    Where no temperature can be read there is nothing to wait for. A room that has warmed up since
    must not hold jobs for ever: when its patience ends the job begins as it is, and its own
    conditions say how warm it was.
    """

    def __init__(
        self,
        heat: Heat,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._heat = heat
        self._clock = clock
        self._sleep = sleep
        self._coolest_c = heat.read_c()

    async def wait(self) -> float:
        """Waits until the device is hardly warmer than at its coolest.

        Returns:
            The seconds that it took.
        """
        began = self._clock()
        while True:
            now_c = self._heat.read_c()
            self._coolest_c = min(self._coolest_c, now_c)
            waited = self._clock() - began
            if self._heat.is_cool(now_c, self._coolest_c) or waited >= self._heat.patience_s:
                return self._clock() - began
            await self._sleep(_LOOK_EVERY_S)
