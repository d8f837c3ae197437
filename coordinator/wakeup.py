"""Signals as bytes on a descriptor, so that one `select` waits for everything."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Sequence
from types import FrameType


class Wakeup:
    """Counts SIGINT and SIGTERM, and wakes `wait` at these and when a child ends.

    A context manager of the main thread; afterwards the old handlers are back.
    """

    def __init__(self) -> None:
        self._stops = 0

    def __enter__(self) -> Wakeup:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._old_descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._old_handlers = {
            signal.SIGINT: signal.signal(signal.SIGINT, self._count),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._count),
            signal.SIGCHLD: signal.signal(signal.SIGCHLD, lambda _number, _frame: None),
        }
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_descriptor)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._stops += 1

    def stops(self) -> int:
        """How often we were asked to stop."""
        return self._stops

    def wait(self, descriptors: Sequence[int] = (), timeout_s: float | None = None) -> list[int]:
        """Sleep until a descriptor can be read, a signal comes or the time is over.

        Returns:
            Those of `descriptors` that can be read.
        """
        ready, _, _ = select.select([*descriptors, self._read], [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass
        return [descriptor for descriptor in ready if descriptor != self._read]
