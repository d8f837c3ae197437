"""The slots of background steps: who has one, who waits, and what that is called."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..decisions import slots
from ..decisions.slots import Queue, Ticket
from ..decisions.steps import StepKind


@dataclass(eq=False)
class Wish:
    """Somebody who waits for a step, and sees how it is with it.

    Attributes:
        user: for whom it is done.
        job_id: for which job; empty for none.
        deadline_s: how long builds of that job may run; None: as long as they like.
        place: in the line for a slot, once there is one.
        shared: the wish of whoever does the same for several.
    """

    user: str = ""
    job_id: str = ""
    deadline_s: float | None = None
    place: Turn | None = None
    shared: Wish | None = None

    @property
    def at(self) -> Turn | None:
        """The place that this wish depends on."""
        if self.place is not None or self.shared is None:
            return self.place
        return self.shared.at

    @property
    def words(self) -> str | None:
        """What is waited for, in a few words."""
        return self.at.words if self.at is not None else None


@dataclass(eq=False)
class Turn:
    """One step in the line, or with a slot."""

    slots: Slots
    ticket: Ticket
    doing: str
    charged: bool = True
    had: asyncio.Event = field(default_factory=asyncio.Event)
    since_s: float | None = None
    """On the monotonic clock, since when it has its slot."""

    @property
    def spends(self) -> bool:
        """Whether the deadline of a job passes meanwhile."""
        return self.since_s is not None and self.charged

    @property
    def words(self) -> str:
        """What it is, or what it waits for."""
        if self.since_s is not None:
            return self.doing[:1].lower() + self.doing[1:]
        before = slots.before(self.slots.queue, self.ticket)
        return f"waiting for a free slot: {before} before you" if before else "waiting for a slot"


@dataclass(eq=False)
class Slots:
    """Gives slots away as `decisions.slots` says.

    Attributes:
        count: how many long steps run at a time.
        changed: called when a slot was given away, and when somebody came or went.
    """

    count: int
    changed: Callable[[], None] = lambda: None
    _places: dict[Ticket, Turn] = field(default_factory=dict, init=False)
    _numbers: itertools.count[int] = field(default_factory=itertools.count, init=False)

    def __post_init__(self) -> None:
        self.queue = Queue(self.count)

    @asynccontextmanager
    async def taken(self, wish: Wish, kind: StepKind, doing: str) -> AsyncIterator[Turn]:
        """Wait for a slot, and have it until the block ends."""
        ticket = Ticket(next(self._numbers), wish.user, kind.quick)
        place = wish.place = self._places[ticket] = Turn(self, ticket, doing, kind.charged)
        self.queue = slots.joined(self.queue, ticket)
        try:
            self._give()
            await place.had.wait()
            yield place
        finally:
            wish.place = None
            del self._places[ticket]
            self.queue = slots.left(self.queue, ticket)
            self._give()

    def _give(self) -> None:
        while True:
            self.queue, ticket = slots.admitted(self.queue)
            if ticket is None:
                break
            self._places[ticket].since_s = time.monotonic()
            self._places[ticket].had.set()
        self.changed()
