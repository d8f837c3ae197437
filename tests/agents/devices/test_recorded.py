"""What a real machine tells, from a recording of the files that it has: here almost nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.agents.devices.cpu._conditions import CpuConditions
from bitgauge.agents.devices.cpu._preflight import read_preflight
from bitgauge.agents.devices.cpu._thermometer import temperature_file
from bitgauge.agents.meters import hwmon, rapl
from bitgauge.agents.meters.base import MeterLost
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.record.facts import Fact
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.meters import best_meter

from tests.agents.devices.recorded.capture import PATTERNS
from tests.labs.record import sources, stored
from tests.labs.values import facts

MACHINE = Path(__file__).with_name("recorded") / "epyc-zen5-vm"
ROOT = MACHINE / "root"
ABSENT = tuple((MACHINE / "absent.txt").read_text().splitlines())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_file_is_recorded_or_known_to_be_absent(pattern: str) -> None:
    assert bool(list(ROOT.glob(pattern))) != (pattern in ABSENT)


def test_nothing_else_is_in_the_recording() -> None:
    known = {path for pattern in PATTERNS for path in ROOT.glob(pattern)}
    assert {path for path in ROOT.rglob("*") if path.is_file()} == known
    assert set(ABSENT) <= set(PATTERNS)


def test_it_has_no_meter_and_says_why() -> None:
    described = rapl.describe(ROOT, architecture="x86_64")
    assert described is not None
    assert described.reason == "virtualised"
    assert hwmon.describe(ROOT) is None
    assert best_meter((described,)) is None
    with pytest.raises(MeterLost):
        rapl.open_reader(ROOT)
    with pytest.raises(MeterLost):
        hwmon.open_reader(ROOT)
    about = facts(profile=Profile.STANDARD, meters=(described,))
    energy = {one.key: one for one in analyse((), about)}["energy_mj"]
    assert (energy.value, energy.reason) == (None, "virtualised")


def test_its_conditions_are_what_it_tells_and_nothing_more() -> None:
    assert temperature_file(ROOT) is None
    reader = CpuConditions(ROOT, ticks_per_second=100)
    found = reader.read()
    reader.close()
    for value in (found.clock_mhz, found.temperature_c, found.throttle_count, found.thermal_status):
        assert math.isnan(value)
    assert found.steal_ticks >= 0
    assert found.psi_some_avg10 >= 0
    assert found.load_1m >= 0
    found_before = read_preflight(ROOT)
    for name in ("governor", "boost", "nominal_mhz", "max_mhz", "temperatures_c", "power_supply"):
        assert found_before[name] is None, name
    assert (found_before["cpus_online"], found_before["smt"]) == ("0-1", "off")
    assert (found_before["clock_source"], found_before["huge_pages"]) == ("tsc", "madvise")


def test_its_record_says_that_the_governor_is_not_told(tmp_path: Path) -> None:
    whole = sources(stored(tmp_path))
    told = []
    for one in whole.raw_files.files:
        assert one.raw is not None
        meta = dict(one.raw.meta)
        if "preflight" in meta:
            meta["preflight"] = read_preflight(ROOT)
        told.append(replace(one, raw=replace(one.raw, meta=meta)))
    surroundings = build(
        replace(whole, raw_files=replace(whole.raw_files, files=tuple(told)))
    ).environment
    unknown = Fact[str](reason="not_readable")
    assert surroundings.governor == surroundings.boost == surroundings.power_supply == unknown
    assert surroundings.temperature_before_c.reason == "not_readable"
    assert surroundings.nominal_clock_mhz.reason == "not_readable"
    assert surroundings.smt == Fact("off")
