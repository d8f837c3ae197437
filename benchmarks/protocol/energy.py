"""Measuring energy: idle windows and windows in quads, on an injected meter, clock and calls.

It owns no sensor and no clock. Every window begins and ends where the meter shows a new value
(measurement.md C-3), so that what is counted is what was consumed in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..samples import (
    ARRAYS,
    CANDIDATE,
    OF_CARD_WINDOWS,
    SLOWDOWNS,
    WHOLE,
    EnergySamples,
)
from ..stats.energy import (
    BARE_IDLE,
    LOADED_IDLE,
    MAX_SPREAD,
    MIN_SCATTERED_WINDOWS,
    TOO_SHORT,
    Backwards,
    relative_spread,
    window_ns,
)
from ..vocabulary.meters import BESIDE
from ..vocabulary.reasons import COUNTER_BACKWARDS, COUNTER_STUCK, METER_LOST, NO_PERMISSION
from ..vocabulary.values.devices import MeterDescription
from .latency import Call, Clock, Gap

MAX_SILENT_PERIODS = 20
"""Update periods without a new value after which a meter is stuck."""

POLL_NS = 1_000_000_000
"""A counter is read this often inside a window too: one that comes round or falls is seen."""

MAX_LENGTHENINGS = 2
"""How often windows are made twice as long because their energy differs too much."""

SPARE_SHARE = 5
"""One in so many quads is measured again when the device was slowed down in it (A-9)."""

_PERIODS_SEEN = 9


class Lost(Exception):
    """The meter cannot be read any more."""


class Forbidden(Lost):
    """The meter may not be read."""


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
        max_window_ns: up to which a window grows when the meter is slower than it says, or its
            windows differ too much.
        scattered: whether each trial begins at a random moment of the update period.
        dropped_ns: of each such trial before its window begins.
    """

    window_ns: int
    idle_ns: int
    quads: int
    update_period_ns: int
    max_period_ns: int = 2_000_000_000
    max_window_ns: int = 0
    scattered: bool = False
    dropped_ns: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an energy pass reads beside its meter.

    Attributes:
        foreign_ns: processor time of other processes on the package so far, per processor of it;
            NaN when unknown.
        second: millijoules of a second meter since some moment; NaN when there is none.
        temperature_c: of the processor; NaN when unknown.
        clock_mhz: of the processor; NaN when unknown.
        slowdowns_ns: a card's counters in the order of `SLOWDOWNS`; NaN where it tells none.
        beside_mj: millijoules of a card's other scopes since some moment, in the order of
            `vocabulary.meters.BESIDE`; NaN where no meter tells them.
    """

    foreign_ns: Callable[[], float]
    second: Callable[[], float] = lambda: math.nan
    temperature_c: Callable[[], float] = lambda: math.nan
    clock_mhz: Callable[[], float] = lambda: math.nan
    slowdowns_ns: Callable[[], Sequence[float]] = lambda: (math.nan,) * len(SLOWDOWNS)
    beside_mj: Callable[[], Sequence[float]] = lambda: (math.nan,) * len(BESIDE)


class EnergyBench:
    """One meter and one clock.

    Args:
        counter: the meter.
        clock: monotonic nanoseconds.
        rest: does nothing for so many nanoseconds.
        around: what else is read.
        plan: how long the windows are.
    """

    def __init__(
        self,
        counter: Counter,
        clock: Clock,
        rest: Callable[[int], None],
        *,
        around: Surroundings,
        plan: EnergyPlan,
    ) -> None:
        self._counter, self._clock, self._rest = counter, clock, rest
        self._around = around
        self._plan = plan
        self._rows: list[dict[str, float]] = []
        self._longer = 1
        self.update_period_ns = plan.update_period_ns
        self.problem = ""

    def guarded(self, steps: Sequence[Callable[[], None]]) -> None:
        """Takes the steps until the meter fails; what it showed before that stays."""
        try:
            for step in steps:
                step()
        except Forbidden:
            self.problem = NO_PERMISSION
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
        begun = self._begin()
        for left_ns in range(self._plan.idle_ns, 0, -POLL_NS):
            self._rest(min(left_ns, POLL_NS))
            self._counter()
        self._end(letter, 0, begun)

    def window(self, letter: int, call: Call, delay_ns: int = 0) -> None:
        """One window of inferences.

        Args:
            letter: of what runs.
            call: one inference.
            delay_ns: of doing nothing before it; see `EnergyPlan.scattered`.
        """
        if self._plan.scattered:
            self._rest(delay_ns)
            self.run_for(self._plan.dropped_ns, call)
        begun = self._begin()
        iterations = self.run_for(self._length_ns(), call, begun["start_ns"])
        self._end(letter, iterations, begun)

    def run_for(self, length_ns: int, call: Call, start_ns: float | None = None) -> int:
        """Calls until so much time has passed since `start_ns`, or since now; how many."""
        started_ns = polled_ns = self._clock() if start_ns is None else start_ns
        iterations = 0
        while (now_ns := self._clock()) - started_ns < length_ns:
            if now_ns - polled_ns >= POLL_NS:
                self._counter()
                polled_ns = now_ns
            call()
            iterations += 1
        return iterations

    def lengthen(self) -> bool:
        """Makes windows twice as long if those so far differ too much and there is room (C-5).

        What was measured stays, as windows that were too short.

        Returns:
            Whether the quads have to be measured again.
        """
        timed = [row for row in self._rows if row["letter"] <= CANDIDATE]
        each = [
            np.array([row["energy_mj"] / max(row["iterations"], 1) for row in rows])
            for rows in ([row for row in timed if row["letter"] == letter] for letter in (0, 1))
            if rows
        ]
        if all(relative_spread(one) <= MAX_SPREAD for one in each):
            return False
        if 2 * self._length_ns() > self._plan.max_window_ns:
            return False
        self._longer *= 2
        for row in timed:
            row["letter"] += TOO_SHORT
        return True

    def slowed(self, windows: int) -> bool:
        """Whether something slowed the device down in one of the last so many windows."""
        return any(abs(row[name]) > 0 for row in self._rows[-windows:] for name in SLOWDOWNS)

    def _length_ns(self) -> int:
        needed_ns = min(window_ns(self.update_period_ns), self._plan.max_window_ns)
        return self._longer * max(self._plan.window_ns, needed_ns)

    def samples(
        self, meter: MeterDescription, *, second_meter: str = "", cooled: bool = True
    ) -> EnergySamples:
        """Every window so far, and what the meter says of itself."""
        columns: dict[str, Any] = {
            name: np.array(
                [row[name] for row in self._rows], np.int64 if name in WHOLE else np.float64
            )
            for name in ARRAYS
        }
        return EnergySamples(
            **columns,
            update_period_ns=self.update_period_ns,
            uncertainty_relative=meter.uncertainty_relative or 0.0,
            kind=meter.kind,
            scope=meter.scope,
            meter=meter.name,
            averaging_window_ns=meter.averaging_window_ns or 0,
            problem=self.problem,
            scattered=self._plan.scattered,
            second_meter=second_meter,
            cooled=cooled,
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

    def _begin(self) -> dict[str, float]:
        """The first edge of a window, and what else is read there."""
        energy_mj, start_ns = self._edge()
        return {
            "start_ns": start_ns,
            "energy_mj": energy_mj,
            "second_mj": self._around.second(),
            "foreign_ns": self._around.foreign_ns(),
            **self._of_card(),
        }

    def _end(self, letter: int, iterations: int, begun: dict[str, float]) -> None:
        """The last edge of a window; keeps the window."""
        energy_mj, end_ns = self._edge()
        foreign_ns = self._around.foreign_ns() - begun["foreign_ns"]
        of_card = {name: now - begun[name] for name, now in self._of_card().items()}
        self._rows.append(
            {
                "letter": letter,
                "start_ns": begun["start_ns"],
                "end_ns": end_ns,
                "energy_mj": energy_mj - begun["energy_mj"],
                "iterations": iterations,
                "foreign_share": foreign_ns / max(end_ns - begun["start_ns"], 1),
                "second_mj": self._around.second() - begun["second_mj"],
                "temperature_c": self._around.temperature_c(),
                "clock_mhz": self._around.clock_mhz(),
                **of_card,
            }
        )

    def _of_card(self) -> dict[str, float]:
        """What a card counts besides, by the names of the columns."""
        around = self._around
        told = (*around.slowdowns_ns(), *around.beside_mj())
        return dict(zip(OF_CARD_WINDOWS, told, strict=True))


def measure_energy(
    bench: EnergyBench,
    prepare: Callable[[], Sequence[Call]],
    plan: EnergyPlan,
    rng: np.random.Generator,
    *,
    gap: Gap,
    cool: Callable[[], float] = lambda: 0.0,
) -> None:
    """Every window of one launch: bare idle, loaded idle, quads, loaded idle.

    Quads whose windows differ too much are measured again with longer ones; those in which a
    card's counters say that something slowed it down, as they are.

    Args:
        bench: meter and clock; it keeps what was measured.
        prepare: makes the sessions and warms them up; gives one call, or baseline and candidate.
        plan: how long the windows are.
        rng: decides the order of each quad, and when scattered trials begin.
        gap: called between windows.
        cool: waits until the device is as cool as it was; how many seconds that took. What it
            cooled is warmed up again, before anything is counted.
    """
    calls: list[Call] = []

    def run(letter: int) -> None:
        gap()
        delay_ns = int(rng.integers(bench.update_period_ns)) if plan.scattered else 0
        bench.window(letter, calls[letter if len(calls) > 1 else 0], delay_ns)

    def quad() -> bool:
        """One quad; whether all of it counts."""
        if cool() > 0:
            bench.run_for(plan.dropped_ns, calls[0])
        first = int(rng.integers(2)) if len(calls) > 1 else CANDIDATE
        order = (first, 1 - first, 1 - first, first) if len(calls) > 1 else (first, first)
        for letter in order:
            run(letter)
        return not bench.slowed(len(order))

    def quads() -> None:
        left, spare = wanted, max(1, wanted // SPARE_SHARE)
        while left:
            if quad() or not spare:
                left -= 1
            else:
                spare -= 1  # it is measured again, as far as what is discarded may go

    def again() -> None:
        for _ in range(MAX_LENGTHENINGS):
            if not bench.lengthen():
                return
            quads()

    def load() -> None:
        calls.extend(prepare())

    wanted = max(plan.quads, MIN_SCATTERED_WINDOWS // 2) if plan.scattered else plan.quads

    bench.guarded(
        [
            bench.find_period,
            lambda: bench.idle(BARE_IDLE),
            load,
            gap,
            lambda: bench.idle(LOADED_IDLE),
            quads,
            again,
            gap,
            lambda: bench.idle(LOADED_IDLE),
        ]
    )
