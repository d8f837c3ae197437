"""A call made again while whoever answers says that it cannot now (`Unavailable`).

For loops that do nothing else. A loop that goes on where a break was, counts several kinds of
failure or keeps a state of its own (an upload, a lease, a supervisor) is written where it belongs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from ..vocabulary.errors import Unavailable

T = TypeVar("T")
_FOR_EVER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Again:
    """How patient somebody is: pauses double, each cut by up to a half by chance.

    The chance keeps many who lost the same coordinator from coming back at once.

    Attributes:
        first_s: longest pause after the first attempt, in seconds.
        longest_s: of any pause.
        attempts: how many in all; the error of the last one is raised. None: for ever.
        say: told of the error before each pause.
    """

    first_s: float
    longest_s: float = _FOR_EVER_S
    attempts: int | None = None
    say: Callable[[BaseException], None] = lambda _: None

    async def call(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives in the end."""
        async for one in tenacity.AsyncRetrying(sleep=asyncio.sleep, **self._terms()):
            with one:
                return await attempt()
        raise AssertionError("unreachable")

    def call_blocking(self, attempt: Callable[[], T]) -> T:
        """The same on a thread that may sleep."""
        return tenacity.Retrying(**self._terms())(attempt)

    def _terms(self) -> dict[str, Any]:
        half, most = self.first_s / 2, self.longest_s / 2
        return {
            "retry": tenacity.retry_if_exception_type(Unavailable),
            "wait": tenacity.wait_exponential(half, most)
            + tenacity.wait_random_exponential(half, most),
            "stop": tenacity.stop_after_attempt(self.attempts)
            if self.attempts
            else tenacity.stop_never,
            "before_sleep": self._tell,
            "reraise": True,
        }

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            self.say(error)
