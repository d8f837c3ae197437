"""A world with a meter of energy in it, which can go wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.protocol.energy import (
    EnergyBench,
    EnergyPlan,
    Surroundings,
    measure_energy,
)
from bitgauge.benchmarks.samples import BASELINE, CANDIDATE, EnergySamples
from bitgauge.benchmarks.stats.energy import (
    window_ns,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from tests.labs import values
from tests.labs.values import origin

TICK_NS = 100_000_000
READ_NS = 20_000
CALL_NS = 2_000_000
BARE_MW, LOADED_MW = 4_000.0, 5_000.0
BUSY_MW = (20_000.0, 12_000.0)
PLAN = EnergyPlan(window_ns(TICK_NS), 10_000_000_000, 3, TICK_NS)

Fault = Callable[[float, int], float]


class World:
    """A device with known power whose meter shows a new value every tick.

    Args:
        fault: what the meter shows in place of the truth, given that and the time.
        noise: relative, of the power of each call.
        tick_ns: between new values of the meter.
        slowed: how long heat has slowed it down at a time, in nanoseconds.
    """

    def __init__(
        self,
        fault: Fault | None = None,
        noise: float = 0.002,
        seed: int = 5,
        tick_ns: int = TICK_NS,
        slowed: Callable[[int], float] = lambda now_ns: math.nan,
    ) -> None:
        self.now_ns = 0
        self.consumed_mj = 0.0
        self.power_mw = BARE_MW
        self._shown = 0.0
        self._tick_ns = self._next_ns = tick_ns
        self._fault = fault
        self._noise = noise
        self._slowed = slowed
        self._rng = np.random.default_rng(seed)

    def spend(self, duration_ns: int, power_mw: float) -> None:
        end = self.now_ns + duration_ns
        while self.now_ns < end:
            step = min(end, self._next_ns) - self.now_ns
            self.now_ns += step
            self.consumed_mj += power_mw * step * 1e-9
            if self.now_ns == self._next_ns:
                self._shown = self.consumed_mj
                self._next_ns += self._tick_ns

    def counter(self) -> float:
        self.spend(READ_NS, self.power_mw)
        return self._fault(self._shown, self.now_ns) if self._fault else self._shown

    def rest(self, duration_ns: int) -> None:
        self.spend(duration_ns, self.power_mw)

    def call(self, letter: int) -> Callable[[], None]:
        def run() -> None:
            scale = 1 + self._noise * self._rng.standard_normal()
            self.spend(CALL_NS, BUSY_MW[letter] * scale)

        return run

    def prepare(self) -> list[Callable[[], None]]:
        self.power_mw = LOADED_MW
        return [self.call(BASELINE), self.call(CANDIDATE)]

    def cool(self) -> float:
        return 0.0

    def measured(
        self, plan: EnergyPlan = PLAN, foreign: float = 0.0, second: float = math.nan
    ) -> EnergySamples:
        bench = EnergyBench(
            self.counter,
            lambda: self.now_ns,
            self.rest,
            around=Surroundings(
                lambda: foreign * self.now_ns,
                second=lambda: second * self.consumed_mj,
                temperature_c=lambda: 40.0,
                clock_mhz=lambda: 3_000.0,
                slowdowns_ns=lambda: (self._slowed(self.now_ns), math.nan, math.nan),
                beside_mj=lambda: (3 * self.consumed_mj, math.nan),
            ),
            plan=plan,
        )
        rng = np.random.default_rng(7)
        measure_energy(bench, self.prepare, plan, rng, gap=lambda: None, cool=self.cool)
        seen_ns = self._tick_ns // 4
        told = replace(METER, uncertainty_relative=0.05, averaging_window_ns=seen_ns)
        return bench.samples(told)


# -- raw file and published numbers ---------------------------------------------------------
ORIGIN = origin(PassName.ENERGY, RawRole.BOTH, profile=Profile.STANDARD)
METER = MeterDescription("rapl", "energy", "counter", "package")


def facts(*meters: MeterDescription, profile: Profile = Profile.STANDARD) -> RunFacts:
    return values.facts(profile=profile, meters=meters)
