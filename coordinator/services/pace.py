"""The least pace of an upload: who sends next to nothing for long gives its place back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TypeVar

from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

T = TypeVar("T")

WINDOW_S = 60.0
LEAST_BYTES = 64 << 10


class Pace:
    """Ends a stream that brings less than `least_bytes` while it is waited for `window_s` seconds.

    Only waiting counts, not what is done with a message. One message may take the whole window,
    so a chunk of 1 MiB needs a line of 18 kB/s.
    """

    def __init__(self, window_s: float = WINDOW_S, least_bytes: int = LEAST_BYTES) -> None:
        self._window_s = window_s
        self._least_bytes = least_bytes
        self._begin()

    def _begin(self) -> None:
        self._left_s = self._window_s
        self._came_bytes = 0

    def came(self, size_bytes: int) -> None:
        """So many bytes have arrived; enough of them begin a new window."""
        self._came_bytes += size_bytes
        if self._came_bytes >= self._least_bytes:
            self._begin()

    async def next_of(self, messages: AsyncIterator[T]) -> T | None:
        """The next message, or None at the end of the stream.

        Raises:
            Unavailable: `UPLOAD_IDLE`, when the window ends before it comes.
        """
        coming = asyncio.ensure_future(_next(messages))
        began_s = time.monotonic()
        try:
            await asyncio.wait((coming,), timeout=self._left_s)
        finally:
            self._left_s = max(self._left_s - (time.monotonic() - began_s), 0.0)
            if not coming.done():
                coming.cancel()
                await asyncio.wait((coming,))
        if coming.cancelled():
            raise Unavailable(
                Code.UPLOAD_IDLE,
                f"The upload brought less than {self._least_bytes} bytes in"
                f" {self._window_s:g} s and was ended.",
            )
        return coming.result()


async def _next(messages: AsyncIterator[T]) -> T | None:
    async for message in messages:
        return message
    return None
