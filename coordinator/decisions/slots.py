"""Who of those that wait for a slot gets the next one: fair between users, in order within one.

Submitting must never wait behind what others build, so one quick step of each user runs beside the
slots and takes none, as long as not too many users have one. All else shares the slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

MAX_BESIDE = 4
"""Users whose quick step runs beside the slots."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One step that wants a slot.

    Attributes:
        number: higher than that of whoever asked before.
        user: for whom it is done.
        quick: it is known to be short.
    """

    number: int
    user: str
    quick: bool

    @property
    def line(self) -> tuple[str, bool]:
        """Those before and behind it: a user's quick steps, or the others."""
        return self.user, self.quick


@dataclass(frozen=True, slots=True)
class Queue:
    """Everything that the next decision depends on.

    Attributes:
        slots: how many long steps may run at a time.
        each: how many of them one user may have; None: all.
        waiting: in the order of asking.
        running: in the order in which they got their slots.
        turns: how many slots had been given away when a line got its last one.
        given: how many slots have been given away.
    """

    slots: int
    each: int | None = None
    waiting: tuple[Ticket, ...] = ()
    running: tuple[Ticket, ...] = ()
    turns: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    given: int = 0


def joined(queue: Queue, ticket: Ticket) -> Queue:
    """The queue with one more that waits."""
    return replace(queue, waiting=(*queue.waiting, ticket))


def left(queue: Queue, ticket: Ticket) -> Queue:
    """The queue without one that has ended, or waits no longer."""
    return replace(
        queue,
        waiting=tuple(one for one in queue.waiting if one != ticket),
        running=tuple(one for one in queue.running if one != ticket),
    )


def next_one(queue: Queue) -> Ticket | None:
    """Who gets a slot now: the first of the line that has fewest, then of the longest without."""
    eligible = [one for one in _heads(queue.waiting) if _room(queue, one)]
    if not eligible:
        return None
    running = [one.line for one in queue.running]
    return min(
        eligible,
        key=lambda one: (running.count(one.line), queue.turns.get(one.line, -1), one.number),
    )


def _heads(waiting: Sequence[Ticket]) -> Iterator[Ticket]:
    """The first of each line."""
    seen = set()
    for one in waiting:
        if one.line not in seen:
            seen.add(one.line)
            yield one


def _room(queue: Queue, ticket: Ticket) -> bool:
    """Whether there is a slot for a step, or it needs none."""
    if queue.each is not None and _of(queue.running, ticket.user) >= queue.each:
        return False
    return taken((*queue.running, ticket)) <= queue.slots


def taken(running: Sequence[Ticket]) -> int:
    """How many slots these take."""
    beside = len({one.user for one in running if one.quick})
    return len(running) - min(beside, MAX_BESIDE)


def waiting_of(queue: Queue, user: str) -> int:
    """How many steps of a user wait."""
    return _of(queue.waiting, user)


def _of(tickets: Sequence[Ticket], user: str) -> int:
    return sum(one.user == user for one in tickets)


def admitted(queue: Queue) -> tuple[Queue, Ticket | None]:
    """The queue after the next one has got its slot, if there is one for somebody."""
    ticket = next_one(queue)
    if ticket is None:
        return queue, None
    after = replace(
        queue,
        waiting=tuple(one for one in queue.waiting if one != ticket),
        running=(*queue.running, ticket),
        turns={**queue.turns, ticket.line: queue.given},
        given=queue.given + 1,
    )
    return after, ticket


def before(queue: Queue, ticket: Ticket) -> int:
    """How many get a slot before `ticket`, should nobody come and the oldest always end first."""
    count = 0
    while ticket in queue.waiting:
        queue, one = admitted(queue)
        if one is None:
            queue = left(queue, queue.running[0])
        elif one != ticket:
            count += 1
    return count
