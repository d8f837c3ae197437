"""Builder environments as the lab sees them: made once for whoever waits, and not again at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ..decisions.steps import doing_environment
from .runner import TaskRunner
from .slots import Slots, Wish

AGAIN_S = 60.0
"""For so long what could not be made is not tried again: the next entry of a job asks at once."""


@dataclass(eq=False)
class _MakingReady:
    """One environment that is being made, for whoever wishes for it."""

    task: asyncio.Task[None]
    own: Wish
    wishes: set[Wish] = field(default_factory=set)


@dataclass(eq=False)
class Environments:
    """Has environments made before what is built in them takes a slot and a limit of its own.

    Attributes:
        runner: makes them.
        slots: say when.
    """

    runner: TaskRunner
    slots: Slots
    _making: dict[str, _MakingReady] = field(default_factory=dict, init=False)
    _failed: dict[str, tuple[float, BitgaugeError]] = field(default_factory=dict, init=False)

    async def ready(self, name: str, wish: Wish) -> None:
        """Return when an environment is made; nothing is waited for when none is named.

        When this is cancelled, and nobody else wishes for it, it is made no longer.

        Raises:
            BitgaugeError: it cannot be made; NO_ENVIRONMENT when that is no defect.
        """
        if not name:
            return
        when_s, error = self._failed.get(name, (0.0, None))
        if error is not None and time.monotonic() - when_s < AGAIN_S:
            raise error
        making = self._making.get(name)
        if making is None:
            own = Wish(wish.user)
            making = _MakingReady(asyncio.create_task(self._make(name, own)), own)
            self._making[name] = making
        making.wishes.add(wish)
        wish.shared = making.own
        try:
            await asyncio.wait({making.task})
            making.task.result()
        finally:
            wish.shared = None
            making.wishes.discard(wish)
            if not making.wishes:
                making.task.cancel()
                if self._making.get(name) is making:
                    del self._making[name]

    async def _make(self, name: str, wish: Wish) -> None:
        kind, doing = doing_environment(name)
        try:
            async with self.slots.taken(wish, kind, doing):
                await self.runner.make_ready(name)
            self._failed.pop(name, None)
        except BitgaugeError as error:
            if error.code is Code.NO_ENVIRONMENT:
                self._failed[name] = time.monotonic(), error
            raise
