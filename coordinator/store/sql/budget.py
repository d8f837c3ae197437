"""What one question may cost: time, and rows that are kept in memory.

It is counted where SQLite is asked, so that whatever is asked ends: a statement that runs too long
is interrupted within some thousand of its steps, and so is whoever asks many short ones.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

LONGEST_QUESTION_S = 10.0
MAX_KEPT_BYTES = 32 << 20
_STEPS = 2000
"""Steps of SQLite's machine between two looks at the clock: some 0.1 ms."""


@dataclass(eq=False)
class Budget:
    """Of one question; it may be stopped from another thread.

    Attributes:
        longest_s: how long it may be worked on.
        kept_bytes: text and blobs of rows that may be held at a time or one after the other.
        now_s: a clock that only goes forward.
    """

    longest_s: float = LONGEST_QUESTION_S
    kept_bytes: int = MAX_KEPT_BYTES
    now_s: Callable[[], float] = time.monotonic
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        self._until_s = self.now_s() + self.longest_s
        self._left_bytes = self.kept_bytes

    def stop(self) -> None:
        """Nobody waits for the answer any more."""
        self._stopped.set()

    @property
    def spent(self) -> bool:
        """Whether no more time may be spent."""
        return self._stopped.is_set() or self.now_s() > self._until_s

    def require_time(self) -> None:
        """Refuse to go on once the time is spent, for what asks SQLite nothing."""
        if self.spent:
            raise Refused(
                Code.ASKED_TOO_MUCH,
                f"The answer was not found within {self.longest_s:g} s.",
            )

    def kept(self, rows: Iterator[sqlite3.Row]) -> Iterator[sqlite3.Row]:
        """The rows, as long as they may all be held."""
        for row in rows:
            self._left_bytes -= sum(len(one) for one in row if isinstance(one, (str, bytes)))
            if self._left_bytes < 0:
                raise Refused(
                    Code.ASKED_TOO_MUCH,
                    f"The answer needs more than {self.kept_bytes >> 20} MiB of the database.",
                )
            yield row


class Budgeted(sqlite3.Connection):
    """A connection that is opened to read, perhaps within a budget."""

    budget: Budget | None = None


@contextlib.contextmanager
def within(budget: Budget, connection: sqlite3.Connection) -> Iterator[None]:
    """Hold whatever is read in the block to `budget`."""
    if isinstance(connection, Budgeted):
        connection.budget = budget
    connection.set_progress_handler(lambda: budget.spent, _STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
        if isinstance(connection, Budgeted):
            connection.budget = None
