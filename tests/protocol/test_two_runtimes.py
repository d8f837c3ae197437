"""An artifact against itself while another runtime's blocks take turns with its own (A-11).

Simulated machines with fixed seeds; what the certificate asks for decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.certificate import COMPARISONS, AaResult, judge
from bitgauge.benchmarks.protocol.latency import measure_pair
from bitgauge.benchmarks.samples import Conditions
from bitgauge.benchmarks.stats.paired import difference_of, pool_launches, quad_log_ratios
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.noisy_clock import CALM, MS, NoisyClock
from tests.labs.values import warmed

QUICK = PLANS[Profile.QUICK]
COLD = 1.3
"""How much longer the first call takes after another session had the caches."""
SPINS_MS = 40
"""How long a pool of threads goes on after its session was called."""


class Child:
    """Two sessions of one runtime and, in every gap, a block of another runtime's."""

    def __init__(self, machine: NoisyClock, slowed: float = 1.0) -> None:
        self.machine, self.slowed = machine, slowed
        self._last, self._spins_until = "", 0

    def session(self, name: str) -> Callable[[], None]:
        """What a pool that spins costs, the second session pays alone."""
        pays = self.slowed if name == "b" else 1.0
        warm, cold, spun = (self.machine.call(MS * much) for much in (1.0, COLD, pays))

        def run() -> None:
            if self._last != name:
                cold()
            elif self.machine.clock() < self._spins_until:
                spun()
            else:
                warm()
            self._last = name
            if name == "a":
                self._spins_until = self.machine.clock() + SPINS_MS * MS

        return run

    def gap(self) -> None:
        """A block of the other runtime."""
        self.machine.call(5 * MS)()
        self._last = "other"


def certified(kind: str, slowed: float) -> AaResult:
    found = []
    for seed in range(COMPARISONS):
        child = Child(NoisyClock(seed, kind), slowed)
        pair = measure_pair(
            child.session("a"),
            child.session("b"),
            warm=warmed(MS, MS),
            clock=child.machine.clock,
            plan=QUICK,
            rng=np.random.default_rng(seed),
            gap=child.gap,
            conditions=Conditions,
        )
        pooled = pool_launches([quad_log_ratios(pair)])
        assert pooled is not None
        ratio = math.exp(pooled.interval.point)
        found.append(MetricValue("latency_ratio", ratio, difference=difference_of(pooled.interval)))
    return judge(found, COMPARISONS, QUICK.margin)


@pytest.mark.parametrize("kind", [CALM, "drift"])
def test_caches_that_another_runtime_took_are_no_difference(kind: str) -> None:
    result = certified(kind, 1.0)
    assert result.passed, result.reason


def test_a_pool_that_spins_into_the_other_s_block_costs_the_certificate() -> None:
    result = certified(CALM, 1.05)
    assert not result.passed
    assert result.false_positives > COMPARISONS / 2
