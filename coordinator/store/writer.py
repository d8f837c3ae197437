"""The store's own thread, and the signal that something in it changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .store import Store
from .values import StoreFailed

T = TypeVar("T")


class Changes:
    """Counts changes of the store and wakes whoever waits for the next one."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        self.version = 0

    async def announce(self) -> None:
        """Something changed."""
        async with self._condition:
            self.version += 1
            self._condition.notify_all()

    async def wait_past(self, version: int, timeout_s: float | None = None) -> bool:
        """Wait until `version` is old; False when `timeout_s` seconds passed first."""
        try:
            async with self._condition:
                await asyncio.wait_for(
                    self._condition.wait_for(lambda: self.version > version), timeout_s
                )
        except asyncio.TimeoutError:
            return False
        return True


class Writer:
    """Runs every store call on one thread, so that no fsync ever blocks the event loop."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        """A store is opened later; `clock` tells the present, in UTC nanoseconds, to all of us.

        Without one it is the wall's, which may be set, and `steady_ns` is one that never is.
        """
        self.now_ns = clock or time.time_ns
        self.steady_ns = clock or time.monotonic_ns
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._store: Store | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        self.changes = Changes()
        self.failure: StoreFailed | None = None
        self.failed = asyncio.Event()

    async def open(self, make: Callable[[], Store]) -> None:
        """Open the store on the thread that will use it."""
        self._store = await asyncio.get_running_loop().run_in_executor(self._thread, make)

    async def call(self, work: Callable[[Store], T]) -> T:
        """Run `work` on the store's thread.

        Raises:
            StoreFailed: the store failed, now or before. Nothing is written after that: what a
                disk that fails has kept is known only when the store is opened anew.
        """
        store = self._store
        assert store is not None, "the writer is open"
        if self.failure is not None:
            raise StoreFailed(self.failure.code, self.failure.sentence)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, store)
        except StoreFailed as failure:
            self.failure = failure
            self.failed.set()
            raise

    async def change(self, work: Callable[[Store], T]) -> T:
        """Run `work`, then announce the change, even when the caller has gone meanwhile."""
        return await self._change(work, lambda _result: True)

    async def change_if(self, work: Callable[[Store], T]) -> T:
        """As `change`, but nothing changed when `work` returns something empty."""
        return await self._change(work, bool)

    async def _change(self, work: Callable[[Store], T], changed: Callable[[T], bool]) -> T:
        async def commit() -> T:
            result = await self.call(work)
            if changed(result):
                await self.changes.announce()
            return result

        task = asyncio.create_task(commit())
        self._writes.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    def announce(self) -> None:
        """Tell that something changed which is not in the store; nobody after the loop."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # what still waited is thrown away after its loop
            return
        task = loop.create_task(self.changes.announce())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        """Finish what was begun and close the store."""
        if self._writes:
            await asyncio.wait(self._writes)
        if self._store is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store.close)
            self._store = None
        self._thread.shutdown()
