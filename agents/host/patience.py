"""Waiting that never swallows a cancellation.

`asyncio.wait_for` before Python 3.12 returns normally when its awaitable finishes in the very
moment in which the waiting task is cancelled; an agent that is told to stop would then go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN_S = 0.5


async def within(awaitable: Awaitable[T], seconds: float) -> T:
    """The result of `awaitable`, if it comes within `seconds`.

    Raises:
        TimeoutError: it did not; it has been cancelled.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        done, _ = await asyncio.wait((task,), timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        await end_task(task)
        raise TimeoutError
    return task.result()


async def to_the_end(work: Callable[..., T], *args: object) -> T:
    """The result of `work`, which runs on a thread and ends before a cancellation goes on.

    A thread cannot be stopped: what it still wrote after its task had tidied up would stay.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *args))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # looked at, so that nobody is told that it was never retrieved
        raise


async def end_task(task: asyncio.Future[T]) -> None:
    """Cancels a task as often as it takes, and waits until it has ended, however it ends."""
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_AGAIN_S)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody is told that it was never retrieved


async def first(*works: Coroutine[Any, Any, T]) -> T:
    """The result or the error of whichever ends first; the others are ended."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            await end_task(task)
