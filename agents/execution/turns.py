"""One job at a time on a host, whatever devices it has: measuring one disturbs the others."""

from __future__ import annotations

import asyncio

from ..host.patience import within

_LONG_POLL_MS = 10_000
_SHORT_POLL_MS = 1_000


class Turns:
    """Lets the devices of one host ask for work and do it one after the other.

    A device that has the turn asks for work, and keeps the turn while it works; so no job waits
    on a device whose host is busy, and the time that a job was given is its own. Nobody has a
    turn before the processes that older agents left behind are dead, for every device.

    Args:
        devices: how many share the host.
    """

    def __init__(self, devices: int = 1) -> None:
        self._lock = asyncio.Lock()
        self._unsettled = devices
        self._settled = asyncio.Event()
        self.poll_ms = _LONG_POLL_MS if devices == 1 else _SHORT_POLL_MS

    def settle(self) -> None:
        """One of the devices has no process of an older agent left, or is not served."""
        self._unsettled -= 1
        if not self._unsettled:
            self._settled.set()

    async def take(self, patience_s: float) -> bool:
        """Waits for the turn, in the order of asking; whether it came within `patience_s`."""
        try:
            return await within(self._take(), patience_s)
        except TimeoutError:
            return False

    async def _take(self) -> bool:
        await self._settled.wait()
        return await self._lock.acquire()

    def give_back(self) -> None:
        """Lets the next device go on."""
        self._lock.release()
