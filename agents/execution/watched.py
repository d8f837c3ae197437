"""Whether a device is still what registered: asked around every run, and never waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bitgauge.benchmarks.vocabulary.errors import CORDONS, BitgaugeError, Code

from ..devices.base import DeviceModule, LookedAfter, Watch

_ANSWERS_S = 20.0
_T = TypeVar("_T")


class Looking:
    """Looks after one unit.

    Args:
        watch: of its kind; None of a device that does not fail by itself.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch

    async def __call__(self) -> None:
        """Nothing where the unit can do a job.

        Raises:
            BitgaugeError: what befell it, or who has it.
        """
        if self._watch is not None:
            await _answered(self._watch.look)

    async def explained(self, code: str) -> BitgaugeError | None:
        """What the unit tells of why a run failed with this code, while nothing of ours is there.

        Raises:
            BitgaugeError: it does not answer.
        """
        watch = self._watch
        return None if watch is None else await _answered(lambda: watch.explained(code))


def look_after(module: DeviceModule, unit: str) -> Looking:
    """Begins to look after a unit."""
    return Looking(module.watch(unit) if isinstance(module, LookedAfter) else None)


async def cause_of(error: Exception, code: str, look: Looking) -> Exception:
    """What befell the device while a run failed; else the failure itself.

    A child on a card that is lost dies of whatever it did there, and nothing of that is true.

    Args:
        error: why the run failed.
        code: the same by its code.
        look: looks after the device.
    """
    if isinstance(error, BitgaugeError) and error.code.value in CORDONS:
        return error
    try:
        await look()
        return await look.explained(code) or error
    except BitgaugeError as befallen:
        return befallen


async def _answered(ask: Callable[[], _T]) -> _T:
    try:
        return await asyncio.wait_for(asyncio.to_thread(ask), _ANSWERS_S)
    except asyncio.TimeoutError as error:
        raise BitgaugeError(
            Code.DEVICE_LOST, f"The device has not answered for {_ANSWERS_S:.0f} s."
        ) from error
