"""The store's own thread, its readers, and the signal that something in it changed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .readers import Readers
from .store import Store
from .values import StoreFailed

T = TypeVar("T")


Listener = Callable[[str | None], None]


class Changes:
    """Counts changes of the store and wakes whoever waits for the next one."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        self._listeners: list[Listener] = []
        self.version = 0

    async def announce(self) -> None:
        """Something changed."""
        async with self._condition:
            self.version += 1
            self._condition.notify_all()
        for listener in self._listeners:
            listener(None)

    def moved(self, job_id: str) -> None:
        """Only how far a job is changed, which nobody waits for but those who look at it."""
        for listener in self._listeners:
            listener(job_id)

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of each change: the job that moved, or None for anything else."""
        self._listeners.append(listener)

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


class _Line:
    """Who waits for the store's thread: agents, then all others, each in order.

    Two calls at a time are with the thread, so that it never waits for the event loop.
    """

    def __init__(self) -> None:
        self._free = 2
        self._first: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def place(self, *, first: bool) -> AsyncIterator[None]:
        """Be with the thread while the block lasts."""
        if self._free:
            self._free -= 1
        else:
            turn = asyncio.get_running_loop().create_future()
            (self._first if first else self._others).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                raise
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        while line := self._first or self._others:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Writer:
    """The store at work: one thread that writes, others that read.

    What changes the store runs on one thread, so that no fsync ever blocks the event loop; agents
    come first there, for their leases run out. Questions are asked of `Readers` beside it.
    """

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        """A store is opened later; `clock` tells the present, in UTC nanoseconds, to all of us.

        Without one it is the wall's, which may be set, and `steady_ns` is one that never is.
        """
        self.now_ns = clock or time.time_ns
        self.steady_ns = clock or time.monotonic_ns
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._line = _Line()
        self._store: Store | None = None
        self._readers: Readers | None = None
        self._writes: set[asyncio.Task[Any]] = set()
        self.changes = Changes()
        self.failure: StoreFailed | None = None
        self.failed = asyncio.Event()

    async def open(self, make: Callable[[], Store]) -> None:
        """Open the store on the thread that will use it."""
        store = await asyncio.get_running_loop().run_in_executor(self._thread, make)
        self._store, path = store, store.path
        if path is not None:
            self._readers = Readers(lambda: Store.open_readonly(path))

    async def ask(self, work: Callable[[Store], T], by: str = "") -> T:
        """Have a question of `by` answered by a reader, from one moment and within its budget.

        It sees every change that was answered before. A store in memory has no readers.

        Raises:
            Refused: `ASKED_TOO_MUCH`.
            StoreFailed: as `call`.
        """
        if self._readers is None:
            return await self.call(work)
        with self._noting_failure():
            return await self._readers.ask(work, by)

    async def call(self, work: Callable[[Store], T], *, first: bool = False) -> T:
        """Run `work` on the store's thread, before whatever is not `first`.

        Raises:
            StoreFailed: the store failed, now or before. Nothing is written after that: what a
                disk that fails has kept is known only when the store is opened anew.
        """
        store = self._store
        assert store is not None, "the writer is open"
        with self._noting_failure():
            async with self._line.place(first=first):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, work, store)

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        if self.failure is not None:
            raise StoreFailed(self.failure.code, self.failure.sentence)
        try:
            yield
        except StoreFailed as failure:
            self.failure = failure
            self.failed.set()
            raise

    async def change(self, work: Callable[[Store], T], *, first: bool = False) -> T:
        """Run `work`, then announce the change, even when the caller has gone meanwhile."""
        return await self._change(work, lambda _result: True, first=first)

    async def change_if(
        self,
        work: Callable[[Store], T],
        *,
        first: bool = False,
        changed: Callable[[T], bool] = bool,
    ) -> T:
        """As `change`, but `changed` says of what `work` returns whether something did."""
        return await self._change(work, changed, first=first)

    async def _change(
        self, work: Callable[[Store], T], changed: Callable[[T], bool], *, first: bool
    ) -> T:
        async def commit() -> T:
            result = await self.call(work, first=first)
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
        if self._readers is not None:
            await self._readers.close()
        if self._store is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._store.close)
            self._store = None
        self._thread.shutdown()
