"""The store's readers: questions are answered beside the thread that writes, and never hold it up.

Each reader is a thread with a connection of its own, opened to read. A question sees one moment of
the database and has a budget. Who asks much waits for themselves: readers are given away in turns,
and one caller never has all of them.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from ..decisions import slots
from ..decisions.slots import Queue, Ticket
from .sql.budget import Budget
from .store import Store

T = TypeVar("T")

MAX_READERS = 3
MAX_READERS_OF_ONE = 2
MAX_WAITING_QUESTIONS = 100
SWITCH_S = 0.0005
_log = logging.getLogger(__name__)


class _Reader:
    """One thread, and its connection once it was needed."""

    def __init__(self, number: int, open_store: Callable[[], Store]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"reader-{number}")
        self._open_store = open_store
        self._store: Store | None = None

    def begin(self, work: Callable[[Store], T], budget: Budget) -> asyncio.Future[T]:
        """Start to answer."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._answer, work, budget)

    def _answer(self, work: Callable[[Store], T], budget: Budget) -> T:
        budget.require_time()
        if self._store is None:
            self._store = self._open_store()
        with self._store.moment(budget):
            return work(self._store)

    async def close(self) -> None:
        """Finish what is being answered and close the connection."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()


class Readers:
    """Answers questions about one database. It is used from one event loop."""

    def __init__(
        self, open_store: Callable[[], Store], make_budget: Callable[[], Budget] = Budget
    ) -> None:
        """`open_store` opens the database to read; `make_budget` says what a question may cost."""
        # Each step of SQLite gives the interpreter away, and whoever only computes gives it back
        # after this time: at the usual 5 ms a renewal of 20 statements takes 0.2 s beside two
        # plans that are made, and a list of 50 jobs a second.
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
        self._make_budget = make_budget
        self._free = [_Reader(number, open_store) for number in range(MAX_READERS)]
        self._all = tuple(self._free)
        self._queue = Queue(MAX_READERS, MAX_READERS_OF_ONE)
        self._turns: dict[Ticket, asyncio.Future[_Reader]] = {}
        self._numbers = itertools.count()
        self._budgets: set[Budget] = set()

    async def ask(self, work: Callable[[Store], T], by: str) -> T:
        """Answer a question once it is its turn.

        Args:
            work: the question. It is stopped when nobody waits for it any more.
            by: who asks; empty: the coordinator itself, whose questions have no limit.

        Raises:
            Refused: `ASKED_TOO_MUCH`, it is beyond its budget, or too many of this caller wait.
        """
        if by and slots.waiting_of(self._queue, by) >= MAX_WAITING_QUESTIONS:
            raise Refused(
                Code.ASKED_TOO_MUCH,
                f"{MAX_WAITING_QUESTIONS} questions of {by} wait for an answer.",
            )
        ticket = Ticket(next(self._numbers), by, quick=False)
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        self._queue = slots.joined(self._queue, ticket)
        self._give()
        try:
            reader = await turn
        except asyncio.CancelledError:
            self._left(ticket, turn.result() if turn.done() and not turn.cancelled() else None)
            raise
        budget = self._make_budget() if by else Budget(math.inf, sys.maxsize)
        self._budgets.add(budget)
        answer = reader.begin(work, budget)
        answer.add_done_callback(lambda _: self._answered(ticket, reader, budget))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            budget.stop()
            raise

    def _answered(self, ticket: Ticket, reader: _Reader, budget: Budget) -> None:
        self._budgets.discard(budget)
        self._left(ticket, reader)

    def _left(self, ticket: Ticket, reader: _Reader | None) -> None:
        """A question waits no longer, or its reader is free again."""
        self._turns.pop(ticket, None)
        self._queue = slots.left(self._queue, ticket)
        if reader is not None:
            self._free.append(reader)
        self._give()

    def _give(self) -> None:
        while True:
            self._queue, ticket = slots.admitted(self._queue)
            if ticket is None:
                return
            turn = self._turns[ticket]
            if turn.cancelled():  # and about to say so
                self._queue = slots.left(self._queue, ticket)
            else:
                turn.set_result(self._free.pop())

    async def close(self) -> None:
        """Stop what is being answered and close every connection."""
        for budget in self._budgets:
            budget.stop()
        for reader in self._all:
            try:
                await reader.close()
            except BitgaugeError as error:
                _log.warning("a reader could not be closed: %s", error)
