"""Every meter module keeps the same contract."""

from __future__ import annotations

import pytest
from bitgauge.agents import registry
from bitgauge.agents.meters.base import MeterModule
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

FOUND = registry.find("meters", ())


@pytest.fixture(params=sorted(FOUND.modules))
def meter(request: pytest.FixtureRequest) -> MeterModule:
    module: MeterModule = FOUND.get(request.param)
    return module


def test_nothing_is_skipped() -> None:
    assert FOUND.problems == ()
    assert "high_water" in FOUND.modules


def test_a_meter_says_what_it_measures_or_that_it_is_not_there(meter: MeterModule) -> None:
    described = meter.describe()
    assert described == meter.describe()
    if described is None:
        pytest.skip(f"NOT RUN: missing hardware, {meter.NAME}: {meter.HINT}")
    assert isinstance(described, MeterDescription)
    assert described.name == meter.NAME
    assert described.quantity in ("memory", "energy", "power", "temperature")
    assert described.kind
    assert described.scope
