"""Whether a device is still what registered: asked around every run, and never waited for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bitgauge.benchmarks.vocabulary.errors import CORDONS, BitgaugeError, Code

from ..devices.base import DeviceModule, LookedAfter, Watch

_ANSWERS_S = 20.0


async def nothing_to_see() -> None:
    """Of a device that does not fail by itself."""


def look_after(module: DeviceModule, unit: str) -> Callable[[], Awaitable[None]]:
    """Begins to look after a unit; what is returned raises what befell it since."""
    if not isinstance(module, LookedAfter):
        return nothing_to_see
    watch: Watch = module.watch(unit)

    async def look() -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(watch.look), _ANSWERS_S)
        except asyncio.TimeoutError as error:
            raise BitgaugeError(
                Code.DEVICE_LOST, f"The device has not answered for {_ANSWERS_S:.0f} s."
            ) from error

    return look


async def cause_of(error: Exception, look: Callable[[], Awaitable[None]]) -> Exception:
    """What befell the device while a run failed; else the failure itself.

    A child on a card that is lost dies of whatever it did there, and nothing of that is true.
    """
    if isinstance(error, BitgaugeError) and error.code.value in CORDONS:
        return error
    try:
        await look()
    except BitgaugeError as befallen:
        return befallen
    return error
