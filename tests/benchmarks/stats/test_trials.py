"""Two meters, scattered trials, longer windows and cooling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.energy import energy
from bitgauge.benchmarks.raw.energy import energy_raw, energy_samples
from bitgauge.benchmarks.samples import ARRAYS, BASELINE, CANDIDATE, EnergySamples
from bitgauge.benchmarks.stats.energy import (
    LOADED_IDLE,
    TOO_SHORT,
    disagreement,
    dropped_ns,
    energy_of,
    is_scattered,
    why_unusable,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole

from tests.labs.rooms.meters import (
    BARE_MW,
    BUSY_MW,
    CALL_NS,
    METER,
    ORIGIN,
    PLAN,
    TICK_NS,
    World,
    facts,
)


# -- two meters, scattered trials, longer windows, cooling ----------------------------------
def test_two_meters_that_differ_cost_the_energy_and_both_are_told() -> None:
    apart = World().measured(second=0.85)
    assert why_unusable(apart, CANDIDATE) == "meters_disagree"
    assert why_unusable(World().measured(second=0.95), CANDIDATE) is None
    assert why_unusable(World().measured(), CANDIDATE) is None
    raw = energy_raw(ORIGIN, replace(apart, second_meter="nvml power"))
    assert energy_samples(raw).second_mj == pytest.approx(0.85 * apart.energy_mj, rel=0.05)
    for one in energy({(PassName.ENERGY, RawRole.BOTH): [raw]}, facts(METER)):
        assert (one.value, one.reason) == (None, "meters_disagree")
        said = {item.name: item.value for item in one.detail}
        assert said["second_meter"] == "nvml power"
        assert float(said["second_meter_j"]) == pytest.approx(
            0.85 * float(said["meter_j"]), rel=0.02
        )
        assert float(said["meters_differ"]) == pytest.approx(0.15, abs=0.02)


def test_meters_that_differ_only_when_idle_disagree_too() -> None:
    good = World().measured(second=1.0)
    idle = good.letter == LOADED_IDLE
    apart = replace(good, second_mj=np.where(idle, good.energy_mj * 1.75, good.second_mj))
    found = disagreement(apart, CANDIDATE)
    assert found is not None
    assert found.relative == pytest.approx(0.75, abs=0.01)
    assert why_unusable(apart, CANDIDATE) == "meters_disagree"


class Rising(World):
    """A meter that shows the last half second's mean, and when its calls began."""

    def __init__(self) -> None:
        super().__init__()
        self.begins: list[int] = []
        self._rose_ns = 0

    def rest(self, duration_ns: int) -> None:
        super().rest(duration_ns)
        self._rose_ns = 0

    def call(self, letter: int) -> Callable[[], None]:
        plain = super().call(letter)

        def run() -> None:
            if not self._rose_ns:
                self._rose_ns = self.now_ns + 900_000_000
                self.begins.append(self.now_ns)
            if self.now_ns < self._rose_ns:
                self.spend(CALL_NS, BARE_MW)
            else:
                plain()

        return run


def test_a_meter_that_sees_a_part_gets_eight_scattered_trials() -> None:
    world = Rising()
    plan = replace(PLAN, scattered=True, dropped_ns=dropped_ns(TICK_NS, TICK_NS // 4))
    samples = world.measured(plan)
    for letter in (BASELINE, CANDIDATE):
        assert samples.of(letter).letter.size == 8
    phases = np.array(world.begins) % TICK_NS / TICK_NS
    assert len(phases) == 16
    assert np.histogram(phases, bins=4, range=(0, 1))[0].min() >= 1
    assert why_unusable(samples, CANDIDATE) is None
    truth = BUSY_MW[CANDIDATE] * CALL_NS * 1e-9
    assert energy_of(samples, CANDIDATE).total_mj == pytest.approx(truth, rel=0.01)
    few = replace(samples, **{name: getattr(samples, name)[:-4] for name in ARRAYS})
    assert why_unusable(few, CANDIDATE) == "insufficient_samples"
    undropped = Rising().measured(replace(plan, dropped_ns=0))
    assert energy_of(undropped, CANDIDATE).total_mj < 0.95 * truth


@pytest.mark.parametrize(
    ("update", "seen", "counts", "scattered"),
    [(100, 25, True, True), (100, 100, True, False), (100, 0, True, False), (1, 1, False, True)],
)
def test_who_is_scattered(update: int, seen: int, counts: bool, scattered: bool) -> None:
    assert is_scattered(update, seen, counts=counts) is scattered


def test_what_is_dropped_covers_the_rise() -> None:
    assert dropped_ns(TICK_NS, TICK_NS) == 1_000_000_000
    assert dropped_ns(10 * TICK_NS, 10 * TICK_NS) == 4_000_000_000


def wanders(shown: float, now_ns: int) -> float:
    return shown + 1_000 * math.sin(2 * math.pi * now_ns / 13.7e9)


def test_windows_that_differ_are_made_longer_and_the_short_ones_stay() -> None:
    plan = replace(PLAN, max_window_ns=4 * PLAN.window_ns)
    samples = World(wanders).measured(plan)
    assert int(samples.of(CANDIDATE).duration_ns.min()) >= 2 * PLAN.window_ns
    assert energy_of(samples, CANDIDATE).spread <= 0.01
    assert samples.of(TOO_SHORT + CANDIDATE).letter.size >= 6
    back = energy_samples(energy_raw(ORIGIN, samples))
    assert np.array_equal(back.letter, samples.letter)
    assert flags_of(samples) == set()
    kept = World(wanders).measured(replace(plan, max_window_ns=PLAN.window_ns))
    assert kept.of(TOO_SHORT + CANDIDATE).letter.size == 0
    assert flags_of(kept) == {"unsteady_energy"}


def flags_of(samples: EnergySamples) -> set[str]:
    raw = energy_raw(ORIGIN, samples)
    total, *_ = energy({(PassName.ENERGY, RawRole.BOTH): [raw]}, facts(METER))
    assert total.value is not None
    return set(total.flags)


def test_what_cooled_is_warmed_up_uncounted() -> None:
    class Cooling(Rising):
        def cool(self) -> float:
            self.rest(2_000_000_000)
            return 2.0

    plan = replace(PLAN, dropped_ns=1_000_000_000)
    samples = Cooling().measured(plan)
    truth = BUSY_MW[CANDIDATE] * CALL_NS * 1e-9
    assert energy_of(samples, CANDIDATE).total_mj == pytest.approx(truth, rel=0.01)
    cold = Cooling().measured(replace(plan, dropped_ns=0))
    assert energy_of(cold, CANDIDATE).spread > 0.01
    assert flags_of(replace(samples, cooled=False)) == {"not_cooled"}
