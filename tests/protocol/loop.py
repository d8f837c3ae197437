"""An event loop on virtual time, in which processes can be killed and frozen.

Production coroutines run on it unchanged. A callback belongs to the process in whose context it
was scheduled; the callbacks of a dead process are never run, so that nothing of it happens any
more: no `except`, no `finally`, as after SIGKILL. Those of a frozen one wait.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Latency = Callable[[], float]
Callback = Callable[..., object]


class Crash(BaseException):
    """The process that runs now dies here."""


class Process:
    """One life of one process.

    Args:
        name: who it is.
        mortal: whether a step that it takes may be its last.
    """

    __slots__ = ("alive", "context", "ended", "frozen_until", "mortal", "name")

    def __init__(self, name: str, mortal: bool = True) -> None:
        self.name = name
        self.mortal = mortal
        self.alive = True
        self.ended = asyncio.Event()
        self.frozen_until = 0.0
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    async def until_end(self, task: asyncio.Task[Any]) -> None:
        """Waits until it has died, or has no more to do than its `task`."""
        task.add_done_callback(lambda _task: self.ended.set())
        await self.ended.wait()


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("PROCESS", default=None)


class SimHandle:
    __slots__ = ("args", "callback", "context", "due", "gone")

    def __init__(
        self, callback: Callback, args: tuple[Any, ...], context: contextvars.Context, due: float
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.due = due
        self.gone = False

    def cancel(self) -> None:
        self.gone = True

    def cancelled(self) -> bool:
        return self.gone

    def when(self) -> float:
        return self.due


class SimLoop(asyncio.AbstractEventLoop):
    """Runs what is ready in the order in which it became so; time jumps to the next timer."""

    def __init__(self, latency: Latency) -> None:
        self._now = 0.0
        self._ready: deque[SimHandle] = deque()
        self._timers: list[tuple[float, int, SimHandle]] = []
        self._number = 0
        self._latency = latency
        self._lines: dict[int, float] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self.errors: list[str] = []
        self.callbacks = 0

    # -- what asyncio asks of a loop ------------------------------------------------------
    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        process = PROCESS.get()
        if process is None or process.alive:
            self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, **_: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self)
        self._tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]
        self, callback: Callback, *args: Any, context: contextvars.Context | None = None
    ) -> SimHandle:
        if context is None:  # an empty context is false, too
            context = contextvars.copy_context()
        handle = SimHandle(callback, args, context, self._now)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callback,
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> SimHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callback,
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> SimHandle:
        if context is None:
            context = contextvars.copy_context()
        handle = SimHandle(callback, args, context, when)
        self._push(when, handle)
        return handle

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Does the work of a thread, now or in a moment; its answer may take a moment more.

        The thread goes on when whoever waits for it gives up. An executor of one thread does
        its work in order, and answers in order.
        """
        answer = self.create_future()
        line = None if executor is None else id(executor)
        start = self._in_line(line)
        if start > self._now:
            self.call_at(start, self._work, answer, line, func, args)
        else:
            self._work(answer, line, func, args)
        return answer

    def _work(
        self,
        answer: asyncio.Future[Any],
        line: int | None,
        func: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        result, error = None, None
        try:
            result = func(*args)
        except Crash:
            return
        except Exception as raised:
            error = raised
        process = PROCESS.get()
        if process is not None and not process.alive:
            return
        due = self._in_line(line)
        if due > self._now:
            self.call_at(due, _settle, answer, result, error)
        else:
            _settle(answer, result, error)

    def _in_line(self, line: int | None) -> float:
        """When a thread gets to it."""
        due = self._now + self._latency()
        if line is not None:
            due = self._lines[line] = max(due, self._lines.get(line, 0.0))
        return due

    # -- what a simulation asks of it -----------------------------------------------------
    def run(self, main: Coroutine[Any, Any, None], most_callbacks: int) -> None:
        """Runs until `main` has ended.

        Raises:
            RuntimeError: that took more than `most_callbacks`.
        """
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                if self.callbacks > most_callbacks:
                    raise RuntimeError(f"no end after {most_callbacks} callbacks")
                self._turn()
            task.result()
        finally:
            self._end_all()
            asyncio._set_running_loop(before)

    def kill(self, process: Process) -> None:
        """Ends a process between two instructions."""
        process.alive = False
        process.ended.set()

    def _push(self, when: float, handle: SimHandle) -> None:
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))

    def _turn(self) -> None:
        ready = self._ready
        if not ready:
            when, _, handle = heapq.heappop(self._timers)
            if handle.gone:
                return
            self._now = max(self._now, when)
        else:
            handle = ready.popleft()
            if handle.gone:
                return
        process = handle.context.get(PROCESS)
        if process is not None:
            if not process.alive:
                return
            if process.frozen_until > self._now:
                self._push(process.frozen_until, handle)
                return
        self.callbacks += 1
        handle.context.run(handle.callback, *handle.args)

    def _end_all(self) -> None:
        """Closes every coroutine that is left, so that none is woken by the garbage collector."""
        asyncio._set_running_loop(None)
        for task in self._tasks:
            if task.done():
                if not task.cancelled():
                    task.exception()
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = task.get_coro()
            for _ in range(10):
                try:
                    coroutine.close()
                except BaseException:
                    continue
                break


def _settle(answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)
