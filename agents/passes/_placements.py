"""Two sessions that are made anew between quads, so that a ratio does not hang on one placement.

Where a session's weights lie in memory is a lottery that lasts as long as the session. Measured
on a 2-core Zen 5 virtual machine with one model of 1.2 MB against itself (batch 1, 60 quads per
process, 16 processes): the ratio of two sessions of one process differed from 1 by 1.1 % (SD),
up to 2.6 %, while the interval over the quads of that process was a fifth of that; equal models
came out as different. Each quad on sessions of its own draws the lottery anew, and the interval
covers it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

import numpy as np

from ..runtimes.base import Session
from ._batches import Feeds

Call = Callable[[], None]

_RUNS = 3  # of a new session before it is timed; each block begins with one uncounted run more


class Placements:
    """Calls of several sessions that stay the same while the sessions behind them change.

    Args:
        load: makes the session of one letter.
        feeds: the batches that calls rotate over, per letter.
        letters: how many sessions there are.
        rng: decides in which order they are made.
    """

    def __init__(
        self,
        load: Callable[[int], Session],
        feeds: Callable[[Session], Sequence[Feeds]],
        letters: int,
        rng: np.random.Generator,
    ) -> None:
        self._load = load
        self._feeds = feeds
        self._rng = rng
        self._sessions: list[Session | None] = [None] * letters
        self._following: list[Callable[[], Call]] = [lambda: _nothing] * letters
        self._placed_ns = 0
        self._cost_ns = 0
        self.count = 0
        self.place()

    def calls(self) -> list[Call]:
        """One call per letter; it takes the next batch each time (60 ns beside the call)."""
        return [self._call(letter) for letter in range(len(self._sessions))]

    def place(self) -> None:
        """Makes every session anew, in random order, each before its predecessor goes."""
        started = time.perf_counter_ns()
        for letter in map(int, self._rng.permutation(len(self._sessions))):
            session = self._load(letter)
            feeds = self._feeds(session)
            for _ in range(_RUNS):
                session.run(feeds[0])
            bound = [session.bind(batch) for batch in feeds]
            self._following[letter] = itertools.cycle(bound).__next__
            self._sessions[letter] = session
        self.count += 1
        self._placed_ns = time.perf_counter_ns()
        self._cost_ns = self._placed_ns - started

    def between_quads(self) -> None:
        """Makes the sessions anew once they have been timed for as long as making them takes.

        So a launch takes at most twice as long, and a model that is slow to load, whose weights
        no cache holds anyway, keeps its sessions for several quads.
        """
        if time.perf_counter_ns() - self._placed_ns >= self._cost_ns:
            self.place()

    def _call(self, letter: int) -> Call:
        following = self._following

        def call() -> None:
            following[letter]()()

        return call


def _nothing() -> None:
    """Stands for a session that has not been made."""
