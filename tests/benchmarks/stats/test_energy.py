"""Energy: rules and estimates on simulated meters, with known truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.energy import energy
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.protocol.energy import Forbidden, Lost
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.energy import energy_raw, energy_samples
from bitgauge.benchmarks.record.facts import Details
from bitgauge.benchmarks.record.record import Energy
from bitgauge.benchmarks.samples import ARRAYS, CANDIDATE, OF_CARD_WINDOWS
from bitgauge.benchmarks.stats.energy import (
    BARE_IDLE,
    LOADED_IDLE,
    Backwards,
    Integrated,
    Unwrapped,
    energy_of,
    energy_ratio_of,
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

from tests.labs.rooms.meters import (
    BUSY_MW,
    CALL_NS,
    LOADED_MW,
    METER,
    ORIGIN,
    PLAN,
    TICK_NS,
    Fault,
    World,
    facts,
)


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
    few = replace(few, **{name: getattr(good, name)[:6] for name in ARRAYS})
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
        if name in OF_CARD_WINDOWS:
            continue  # other devices have none of them
        with pytest.raises(BadInput):
            energy_samples(
                RawFile(raw.meta, {key: one for key, one in raw.arrays.items() if key != name})
            )
    for change in ({"update_period_ns": 0}, {"uncertainty_relative": 2.0}, {"problem": "bored"}):
        with pytest.raises(BadInput):
            energy_samples(RawFile({**raw.meta, **change}, raw.arrays))
