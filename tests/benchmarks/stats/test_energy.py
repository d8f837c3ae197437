"""Energy: rules and estimates on simulated meters, with known truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.energy import energy
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.protocol.energy import (
    EnergyBench,
    EnergyPlan,
    Forbidden,
    Lost,
    Surroundings,
    measure_energy,
)
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.energy import energy_raw, energy_samples
from bitgauge.benchmarks.record.facts import Details
from bitgauge.benchmarks.record.record import Energy
from bitgauge.benchmarks.samples import ARRAYS, BASELINE, CANDIDATE, EnergySamples
from bitgauge.benchmarks.stats.energy import (
    BARE_IDLE,
    LOADED_IDLE,
    TOO_SHORT,
    Backwards,
    Integrated,
    Unwrapped,
    disagreement,
    dropped_ns,
    energy_of,
    energy_ratio_of,
    is_scattered,
    why_unusable,
    window_ns,
)
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.meters import best_meter, meters_of, why_no_meter
from bitgauge.benchmarks.vocabulary.reasons import NO_RAW_DATA
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription
from hypothesis import given
from hypothesis import strategies as st

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
    """

    def __init__(
        self,
        fault: Fault | None = None,
        noise: float = 0.002,
        seed: int = 5,
        tick_ns: int = TICK_NS,
    ) -> None:
        self.now_ns = 0
        self.consumed_mj = 0.0
        self.power_mw = BARE_MW
        self._shown = 0.0
        self._tick_ns = self._next_ns = tick_ns
        self._fault = fault
        self._noise = noise
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
            ),
            plan=plan,
        )
        rng = np.random.default_rng(7)
        measure_energy(bench, self.prepare, plan, rng, gap=lambda: None, cool=self.cool)
        seen_ns = self._tick_ns // 4
        told = replace(METER, uncertainty_relative=0.05, averaging_window_ns=seen_ns)
        return bench.samples(told)


def test_the_truth_is_inside_and_the_parts_are_told_apart() -> None:
    samples = World().measured()
    assert why_unusable(samples, CANDIDATE) is None
    assert samples.update_period_ns == pytest.approx(TICK_NS, rel=0.01)
    found = energy_of(samples, CANDIDATE)
    truth = BUSY_MW[CANDIDATE] * CALL_NS * 1e-9
    assert found.total_mj == pytest.approx(truth, rel=0.01)
    assert found.active_mj == pytest.approx(truth - LOADED_MW * CALL_NS * 1e-9, rel=0.02)
    assert found.windows == 6
    assert found.u_gain == pytest.approx(0.05 * found.total_mj)
    expected = BUSY_MW[CANDIDATE] * TICK_NS * 1e-9 / math.sqrt(6) / (PLAN.window_ns / CALL_NS)
    assert found.u_edge == pytest.approx(expected / math.sqrt(6), rel=0.1)
    assert found.spread < 0.01


def test_the_ratio_covers_the_truth_and_leaves_the_gain_out() -> None:
    covered = 0
    for seed in range(40):
        found = energy_ratio_of(World(noise=0.05, seed=seed).measured())
        assert found is not None
        covered += found.low <= BUSY_MW[1] / BUSY_MW[0] <= found.high
        assert found.high / found.low < 1.15
    assert covered >= 36


def falls(shown: float, now_ns: int) -> float:
    return shown if now_ns < 40e9 else shown - 50_000


def sticks(shown: float, now_ns: int) -> float:
    return shown if now_ns < 40e9 else 123.0


def vanishes(shown: float, now_ns: int) -> float:
    if now_ns > 40e9:
        raise Lost("gone")
    return shown


def forbids(shown: float, now_ns: int) -> float:
    if now_ns > 40e9:
        raise Forbidden("not for you")
    return shown


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(sticks, "counter_stuck"), (vanishes, "meter_lost"), (forbids, "no_permission")],
)
def test_a_meter_that_fails_costs_the_energy_and_keeps_what_it_showed(
    fault: Fault, reason: str
) -> None:
    samples = World(fault).measured()
    assert samples.problem == reason
    assert why_unusable(samples, CANDIDATE) == reason
    assert 0 < samples.letter.size < 15


def test_a_meter_that_cannot_be_read_at_all_costs_the_energy_only() -> None:
    def gone(shown: float, now_ns: int) -> float:
        raise Lost("gone")

    samples = World(gone).measured()
    assert (samples.problem, samples.letter.size) == ("meter_lost", 0)
    assert why_unusable(samples, CANDIDATE) == "meter_lost"


def test_a_counter_that_falls_is_not_believed() -> None:
    unwrapped = Unwrapped(None)
    samples = World(lambda shown, now_ns: unwrapped.add(falls(shown, now_ns))).measured()
    assert samples.problem == "counter_backwards"


def test_a_counter_that_comes_round_is_one_that_does_not() -> None:
    wraps = 70_000.0
    unwrapped = Unwrapped(wraps)
    plain = World().measured()
    round_ = World(lambda shown, _now: unwrapped.add(shown % wraps)).measured()
    assert np.allclose(plain.energy_mj, round_.energy_mj)


def test_short_windows_and_dead_or_shared_meters_are_refused() -> None:
    short = World().measured(replace(PLAN, window_ns=PLAN.window_ns // 2))
    assert why_unusable(short, CANDIDATE) == "window_too_short"
    shared = World().measured(foreign=0.05)
    assert why_unusable(shared, CANDIDATE) == "shared_device"
    good = World().measured()
    flat = replace(good, energy_mj=np.asarray(good.duration_ns * 5e-6))
    assert why_unusable(flat, CANDIDATE) == "meter_without_response"
    few = replace(
        good, **{name: getattr(good, name)[:6] for name in ("letter", "start_ns", "end_ns")}
    )
    few = replace(
        few,
        **{name: getattr(good, name)[:6] for name in ARRAYS},
    )
    assert why_unusable(few, CANDIDATE) == "insufficient_samples"


@pytest.mark.parametrize("tick_ns", [101_000_000, 130_000_000, 190_000_000])
def test_a_meter_slower_than_it_says_gets_longer_windows(tick_ns: int) -> None:
    plan = replace(PLAN, max_window_ns=10_000_000_000)
    samples = World(tick_ns=tick_ns).measured(plan)
    assert samples.update_period_ns == pytest.approx(tick_ns, rel=0.01)
    assert why_unusable(samples, CANDIDATE) is None
    slow = World(tick_ns=400_000_000).measured(plan)
    assert why_unusable(slow, CANDIDATE) == "window_too_short"


def test_readings_closer_than_the_sensors_values_make_it_no_faster() -> None:
    assert World(tick_ns=TICK_NS // 2).measured().update_period_ns == TICK_NS


def test_without_the_idle_power_nothing_is_above_it() -> None:
    good = World().measured()
    kept = good.letter != LOADED_IDLE
    samples = replace(good, **{name: getattr(good, name)[kept] for name in ARRAYS})
    assert why_unusable(samples, CANDIDATE) == "insufficient_samples"


def test_windows_are_as_long_as_the_meter_needs() -> None:
    assert window_ns(1_000_000) == 5_000_000_000
    assert window_ns(TICK_NS) == 5_000_000_000
    assert window_ns(10 * TICK_NS) == 50_000_000_000


@given(st.lists(st.floats(0, 900), min_size=1, max_size=50), st.floats(0, 1e6))
def test_unwrapping_gives_back_the_steps(steps: list[float], start: float) -> None:
    wraps = 2_000.0
    unwrapped, true = Unwrapped(wraps), start
    unwrapped.add(true % wraps)
    for step in steps:
        true += step
        total = unwrapped.add(true % wraps)
    assert total == pytest.approx(sum(steps), abs=1e-3)


@given(st.floats(0.1, 1e5), st.integers(1, 10**9))
def test_a_counter_never_falls_unseen(height: float, step: int) -> None:
    unwrapped = Unwrapped(None)
    unwrapped.add(height)
    with pytest.raises(Backwards):
        unwrapped.add(height - height * step / 10**9)


def test_power_is_integrated_by_trapezoids() -> None:
    integrated = Integrated()
    integrated.add(0.0, 0)
    assert integrated.add(10_000.0, 2_000_000_000) == pytest.approx(10_000.0)


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


# -- raw file and published numbers ---------------------------------------------------------
ORIGIN = origin(PassName.ENERGY, RawRole.BOTH, profile=Profile.STANDARD)
METER = MeterDescription("rapl", "energy", "counter", "package")


def facts(*meters: MeterDescription, profile: Profile = Profile.STANDARD) -> RunFacts:
    return values.facts(profile=profile, meters=meters)


def published(raw: RawFile | None, about: RunFacts) -> dict[str, tuple[float | None, str | None]]:
    groups = {(PassName.ENERGY, RawRole.BOTH): [raw]} if raw else {}
    return {one.key: (one.value, one.reason) for one in energy(groups, about)}


def test_joules_are_published_with_their_uncertainty() -> None:
    raw = energy_raw(ORIGIN, World().measured())
    total, active, ratio = energy({(PassName.ENERGY, RawRole.BOTH): [raw]}, facts(METER))
    assert total.value is not None
    assert total.low is not None
    assert total.high is not None
    assert total.low < total.value * 0.92
    assert total.high > total.value * 1.08
    assert active.value is not None
    assert active.value < total.value
    assert ratio.value == pytest.approx(BUSY_MW[1] / BUSY_MW[0], rel=0.02)
    assert {item.name for item in total.detail} >= {"meter", "scope", "u_gain", "power_w"}
    said = {item.name: item.value for item in total.detail}
    assert (said["meter"], said["meter_kind"]) == ("rapl", "counter")
    assert float(said["seen_fraction"]) == pytest.approx(0.25, rel=0.01)
    assert float(said["idle_before_w"]) == pytest.approx(LOADED_MW / 1_000, rel=0.01)
    assert float(said["u_gain"]) == pytest.approx(0.05, rel=1e-3)
    told = Details(total, NO_RAW_DATA).of(Energy)
    assert not [name for name, fact in told.items() if fact.value is None], "what a record says"
    each_mj = float(said["total_j"]) * 1_000 / int(said["inferences"])
    assert each_mj == pytest.approx(total.value, rel=1e-3)


@pytest.mark.parametrize(
    ("meters", "profile", "reason"),
    [
        ((), Profile.STANDARD, "no_sensor"),
        ((replace(METER, reason="virtualised"),), Profile.STANDARD, "virtualised"),
        (
            (replace(METER, reason="virtualised"), replace(METER, reason="no_permission")),
            Profile.STANDARD,
            "no_permission",
        ),
        ((METER,), Profile.QUICK, "not_in_profile"),
        ((METER,), Profile.STANDARD, "pass_missing"),
    ],
)
def test_no_energy_has_its_reason(
    meters: tuple[MeterDescription, ...], profile: Profile, reason: str
) -> None:
    found = published(None, facts(*meters, profile=profile))
    assert set(found.values()) == {(None, reason)}


def test_a_replay_is_nobodys_joules() -> None:
    raw = energy_raw(ORIGIN, replace(World().measured(), kind="simulated"))
    assert set(published(raw, facts(METER)).values()) == {(None, "simulated_meter")}


def test_the_best_kind_is_taken() -> None:
    gpu = replace(METER, name="nvml", scope="GPU NVIDIA H200")
    assert meters_of((gpu, METER), HardwareClass.CPU_ONLY) == (METER,)
    assert meters_of((gpu, METER), HardwareClass.GPU_NVIDIA) == (gpu,)
    rail = replace(METER, name="hwmon", kind="rail_sensor")
    broken = replace(METER, name="wall", kind="wall_analyzer", reason="no_permission")
    assert best_meter((METER, rail, broken)) == rail
    assert best_meter((broken,)) is None
    assert why_no_meter((replace(METER, quantity="memory"),)) == "no_sensor"


def test_a_raw_file_comes_back_and_a_damaged_one_is_refused() -> None:
    samples = World().measured()
    raw = energy_raw(ORIGIN, samples)
    back = energy_samples(raw)
    assert np.array_equal(back.energy_mj, samples.energy_mj)
    assert (back.kind, back.problem) == ("counter", "")
    assert {BARE_IDLE, LOADED_IDLE} <= set(back.letter.tolist())
    for name in raw.arrays:
        with pytest.raises(BadInput):
            energy_samples(RawFile(raw.meta, {**raw.arrays, name: raw.arrays[name][:-1]}))
        with pytest.raises(BadInput):
            energy_samples(
                RawFile(raw.meta, {key: one for key, one in raw.arrays.items() if key != name})
            )
    for change in ({"update_period_ns": 0}, {"uncertainty_relative": 2.0}, {"problem": "bored"}):
        with pytest.raises(BadInput):
            energy_samples(RawFile({**raw.meta, **change}, raw.arrays))
