"""Measuring energy: idle windows and windows in quads, on an injected meter, clock and calls.

It owns no sensor and no clock. Every window begins and ends where the meter shows a new value
(measurement.md C-3), so that what is counted is what was consumed in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .energy import BARE_IDLE, LOADED_IDLE, Backwards, EnergySamples, window_ns
from .protocol import Call, Clock, Gap
from .reasons import COUNTER_BACKWARDS, COUNTER_STUCK, METER_LOST
from .samples import CANDIDATE

MAX_SILENT_PERIODS = 20
"""Update periods without a new value after which a meter is stuck."""

POLL_NS = 1_000_000_000
"""A counter is read this often inside a window too: one that comes round or falls is seen."""

_PERIODS_SEEN = 9


class Lost(Exception):
    """The meter cannot be read any more."""


class Stuck(Exception):
    """The meter shows no new value."""


class Counter(Protocol):
    """A meter as a counter that only grows."""

    def __call__(self) -> float:
        """Millijoules since some moment.

        Raises:
            Lost: it cannot be read any more.
            Backwards: it fell.
        """
        ...


@dataclass(frozen=True, slots=True)
class EnergyPlan:
    """How long the windows are.

    Attributes:
        window_ns: of inferences.
        idle_ns: of doing nothing.
        quads: quads of windows; without a candidate, half as many pairs of windows each.
        update_period_ns: of the meter, as it says; it is measured.
        max_period_ns: the longest update period that is waited for.
        max_window_ns: up to which a window grows when the meter is slower than it says.
    """

    window_ns: int
    idle_ns: int
    quads: int
    update_period_ns: int
    max_period_ns: int = 2_000_000_000
    max_window_ns: int = 0


class EnergyBench:
    """One meter and one clock.

    Args:
        counter: the meter.
        clock: monotonic nanoseconds.
        rest: does nothing for so many nanoseconds.
        foreign_ns: processor time of other processes so far; NaN when unknown.
        plan: how long the windows are.
    """

    def __init__(
        self,
        counter: Counter,
        clock: Clock,
        rest: Callable[[int], None],
        *,
        foreign_ns: Callable[[], float],
        plan: EnergyPlan,
    ) -> None:
        self._counter, self._clock, self._rest = counter, clock, rest
        self._foreign_ns = foreign_ns
        self._plan = plan
        self._rows: list[tuple[int, int, int, float, int, float]] = []
        self.update_period_ns = plan.update_period_ns
        self.problem = ""

    def guarded(self, steps: Sequence[Callable[[], None]]) -> None:
        """Takes the steps until the meter fails; what it showed before that stays."""
        try:
            for step in steps:
                step()
        except Lost:
            self.problem = METER_LOST
        except Stuck:
            self.problem = COUNTER_STUCK
        except Backwards:
            self.problem = COUNTER_BACKWARDS

    def find_period(self) -> None:
        """Measures how often the meter shows a new value: the median of some intervals (C-2).

        It is never less than the meter says: readings in between of a power meter add nothing.
        """
        edges = [self._edge()[1] for _ in range(_PERIODS_SEEN)]
        self.update_period_ns = max(int(np.median(np.diff(edges))), self._plan.update_period_ns)

    def idle(self, letter: int) -> None:
        """One window in which nothing runs."""
        start_mj, start_ns = self._edge()
        foreign = self._foreign_ns()
        for left_ns in range(self._plan.idle_ns, 0, -POLL_NS):
            self._rest(min(left_ns, POLL_NS))
            self._counter()
        end_mj, end_ns = self._edge()
        self._note(letter, start_ns, end_ns, end_mj - start_mj, 0, foreign)

    def window(self, letter: int, call: Call) -> None:
        """One window of inferences."""
        start_mj, start_ns = self._edge()
        foreign = self._foreign_ns()
        iterations, polled_ns = 0, start_ns
        needed_ns = min(window_ns(self.update_period_ns), self._plan.max_window_ns)
        length_ns = max(self._plan.window_ns, needed_ns)
        while (now_ns := self._clock()) - start_ns < length_ns:
            if now_ns - polled_ns >= POLL_NS:
                self._counter()
                polled_ns = now_ns
            call()
            iterations += 1
        end_mj, end_ns = self._edge()
        self._note(letter, start_ns, end_ns, end_mj - start_mj, iterations, foreign)

    def samples(
        self,
        *,
        kind: str,
        scope: str,
        uncertainty_relative: float,
        meter: str = "",
        averaging_window_ns: int = 0,
    ) -> EnergySamples:
        """Every window so far, and what the meter says of itself."""
        rows = self._rows
        letter, start, end, energy, iterations, share = (
            [row[column] for row in rows] for column in range(6)
        )
        return EnergySamples(
            letter=np.array(letter, np.int64),
            start_ns=np.array(start, np.int64),
            end_ns=np.array(end, np.int64),
            energy_mj=np.array(energy, np.float64),
            iterations=np.array(iterations, np.int64),
            foreign_share=np.array(share, np.float64),
            update_period_ns=self.update_period_ns,
            uncertainty_relative=uncertainty_relative,
            kind=kind,
            scope=scope,
            meter=meter,
            averaging_window_ns=averaging_window_ns,
            problem=self.problem,
        )

    def _edge(self) -> tuple[float, int]:
        """Waits until the meter shows a new value; that value, and when."""
        before, since = self._counter(), self._clock()
        patience = max(MAX_SILENT_PERIODS * self.update_period_ns, self._plan.max_period_ns)
        while True:
            now, at_ns = self._counter(), self._clock()
            if now != before:
                return now, at_ns
            if at_ns - since > patience:
                raise Stuck

    def _note(  # noqa: PLR0917  (one row)
        self,
        letter: int,
        start_ns: int,
        end_ns: int,
        energy_mj: float,
        iterations: int,
        foreign_before: float,
    ) -> None:
        share = (self._foreign_ns() - foreign_before) / max(end_ns - start_ns, 1)
        self._rows.append((letter, start_ns, end_ns, energy_mj, iterations, share))


def measure_energy(
    bench: EnergyBench,
    prepare: Callable[[], Sequence[Call]],
    plan: EnergyPlan,
    rng: np.random.Generator,
    gap: Gap,
) -> None:
    """Every window of one launch: bare idle, loaded idle, quads, loaded idle.

    Args:
        bench: meter and clock; it keeps what was measured.
        prepare: makes the sessions and warms them up; gives one call, or baseline and candidate.
        plan: how long the windows are.
        rng: decides the order of each quad.
        gap: called between windows.
    """
    calls: list[Call] = []

    def run(letter: int) -> None:
        gap()
        bench.window(letter, calls[letter if len(calls) > 1 else 0])

    def quad() -> None:
        first = int(rng.integers(2)) if len(calls) > 1 else CANDIDATE
        order = (first, 1 - first, 1 - first, first) if len(calls) > 1 else (first, first)
        for letter in order:
            run(letter)

    def load() -> None:
        calls.extend(prepare())

    bench.guarded(
        [
            bench.find_period,
            lambda: bench.idle(BARE_IDLE),
            load,
            gap,
            lambda: bench.idle(LOADED_IDLE),
            *([quad] * plan.quads),
            gap,
            lambda: bench.idle(LOADED_IDLE),
        ]
    )
