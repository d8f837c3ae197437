"""Windows of energy in which a card's counters of slow-down moved, on a simulated device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.energy import energy
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.energy import energy_raw, energy_samples
from bitgauge.benchmarks.samples import CANDIDATE, OF_CARD_WINDOWS, EnergySamples
from bitgauge.benchmarks.stats.energy import counted, is_scattered
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, PassName, RawRole
from bitgauge.benchmarks.vocabulary.meters import best_meter, metering, meters_of, why_no_meter
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.meters import METER, ORIGIN, PLAN, World, facts
from tests.labs.values import detail

EIGHT = replace(PLAN, quads=5)


def published(samples: EnergySamples) -> dict[str, MetricValue]:
    raw: RawFile = energy_raw(ORIGIN, samples)
    groups = {(PassName.ENERGY, RawRole.BOTH): [raw]}
    return {one.key: one for one in energy(groups, facts(METER))}


def test_a_quad_that_was_slowed_down_goes_with_its_cause_and_is_measured_again() -> None:
    slowed = World(slowed=lambda now_ns: 7e6 if now_ns > 60e9 else 0.0).measured(EIGHT)
    assert int((slowed.letter == CANDIDATE).sum()) == 12, "six quads, of which one is spare"
    left, discarded = counted(slowed)
    assert (discarded.units, discarded.of, discarded.words()) == (4, 27, "throttle:4")
    assert int((left.letter == CANDIDATE).sum()) == 10
    found = published(slowed)
    assert all("discarded_blocks" in one.flags for one in found.values())
    assert detail(found["energy_mj"])["discarded_causes"] == "throttle:4"
    assert found["energy_ratio"].n == 5
    sound = published(World(slowed=lambda now_ns: 5.0).measured(EIGHT))
    assert sound["energy_mj"].value == pytest.approx(found["energy_mj"].value, rel=0.01)
    assert not sound["energy_mj"].flags


@pytest.mark.parametrize("slowed", [lambda now_ns: now_ns / 2, lambda now_ns: -now_ns / 2])
def test_a_device_that_is_slowed_down_all_the_time_has_no_joules(slowed: object) -> None:
    """One whose counters fall has another driver than before."""
    samples = World(slowed=slowed).measured(EIGHT)  # type: ignore[arg-type]
    assert int((samples.letter == CANDIDATE).sum()) == 12, "no more is spent on it"
    found = published(samples)
    assert {one.reason for one in found.values()} == {"invalid_discarded"}
    assert detail(found["energy_mj"])["discarded_causes"].startswith("throttle:")


def test_without_a_card_nothing_of_it_is_in_the_raw_file_and_all_counts() -> None:
    whole = World().measured()
    samples = replace(whole, module_mj=np.full(whole.letter.size, np.nan))
    raw = energy_raw(ORIGIN, samples)
    assert not set(OF_CARD_WINDOWS) & set(raw.arrays)
    again = energy_samples(raw)
    assert np.isnan(again.thermal_slowdown_ns).all()
    assert counted(again)[1].units == 0


def test_joules_of_another_scope_stand_beside_and_are_in_no_sum() -> None:
    alone = published(World().measured())
    told = detail(alone["energy_mj"])
    assert float(told["module_j"]) == pytest.approx(3 * float(told["total_j"]), rel=0.05)
    assert "memory_j" not in told


MODULE, OWN, HOST = (
    MeterDescription(name, "energy", "counter", scope)
    for name, scope in (("card_module", "module GH200"), ("nvml", "GPU GH200"), ("rapl", "package"))
)


def test_a_meter_of_another_scope_is_never_taken_for_the_cards_own() -> None:
    assert best_meter([MODULE]) is None
    assert why_no_meter([replace(MODULE, reason="no_permission")]) == "no_sensor"
    there = meters_of([HOST, MODULE, OWN], HardwareClass.GPU_NVIDIA)
    assert HOST not in there
    chosen = metering(there)
    assert (chosen.best, chosen.second, chosen.beside) == ("nvml", "", ("card_module",))
    assert metering([]).best == metering([replace(OWN, reason="no_sensor")]).best == ""


def test_a_counter_that_sees_a_quarter_begins_anywhere_and_has_eight_windows() -> None:
    assert is_scattered(100_000_000, 25_000_000, counts=True)
    scattered = replace(PLAN, scattered=True, quads=1, dropped_ns=1_000_000_000)
    samples = World().measured(scattered)
    assert int((samples.letter == CANDIDATE).sum()) == 8
    starts = samples.start_ns[samples.letter <= CANDIDATE]
    assert np.unique(np.diff(starts)).size > starts.size // 2, "no two distances alike"
