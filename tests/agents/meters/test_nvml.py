"""The meter of a GPU through the real bindings, on a library that answers like a card."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from bitgauge.agents import registry
from bitgauge.agents.meters.base import MeterLost, of_unit
from bitgauge.agents.passes.energy import MeteredCounter
from bitgauge.benchmarks.protocol.energy import EnergyBench, EnergyPlan, Lost, Surroundings
from bitgauge.benchmarks.stats.energy import Backwards

from tests.labs.nvml.cards import Cards

SECOND = "GPU-5f3a0001-0000-4000-8000-000000000000"
PART = "MIG-5f3a0020-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("nvml"))


def metered(folder: str, unit: str, states: list[str]) -> dict[str, Any]:
    """What a unit's meter says of itself, shows, and shows once the state is another."""
    found = registry.find("meters", ())
    described, _ = registry.describe_meters(found, "nvidia", unit)
    told: dict[str, Any] = {
        "described": asdict(next(one for one in described if one.name == "nvml"))
    }
    if told["described"]["reason"]:
        return told
    module: Any = of_unit(found.get("nvml"), "nvidia", unit)
    told["mj"] = module.open_reader().read().value
    second = module.open_second()
    told["mw"] = second and second.read().value
    counter = MeteredCounter(module.open_reader, 1)
    plan = EnergyPlan(1, 1, 1, update_period_ns=1)
    bench = EnergyBench(
        counter, time.monotonic_ns, print, around=Surroundings(lambda: 0.0), plan=plan
    )
    bench.find_period()
    told["period_ms"] = bench.update_period_ns / 1e6
    told["then"] = []
    for state in states:
        Path(folder, "state").write_text(state)
        try:
            counter()
            told["then"].append("read")
        except (Lost, Backwards, MeterLost) as error:
            told["then"].append(f"{type(error).__name__}: {error}")
    return told


def test_each_card_has_its_own_meter_and_its_period_is_found(cards: Cards) -> None:
    cards.say(
        {"gpus": 2, "1.name": "NVIDIA L4", "1.energy": 9e12, "1.power": 24_000, "1.period_ms": 60}
    )
    lost = ["gpus 2\n1.energy 1\n", "gpus 2\n1.fail 15\n"]
    found = cards.call(metered, folder=str(cards.folder), unit=SECOND, states=lost)
    assert (found["described"]["scope"], found["described"]["reason"]) == ("GPU NVIDIA L4", None)
    assert found["mj"] > 9e12
    assert found["mw"] == 24_000
    assert 40 < found["period_ms"] < 200
    assert found["then"][0] == "Backwards: "
    assert found["then"][1] == "Lost: The GPU does not answer any more: GPU is lost."


@pytest.mark.parametrize(
    ("state", "unit", "reason"),
    [
        ({"fail.nvmlInitWithFlags": 4}, SECOND, "no_permission"),
        ({"fail.nvmlInitWithFlags": 9}, SECOND, "no_sensor"),
        ({"gpus": 1}, SECOND, "no_sensor"),
        ({"gpus": 2, "1.fail.nvmlDeviceGetTotalEnergyConsumption": 3}, SECOND, "no_sensor"),
        ({"0.mig": 1, "0.parts": 2}, PART, "shared_device"),
    ],
)
def test_a_meter_that_cannot_be_used_says_why(
    cards: Cards, state: dict[str, object], unit: str, reason: str
) -> None:
    cards.say(state)
    found = cards.call(metered, folder=str(cards.folder), unit=unit, states=[])
    assert found["described"]["reason"] == reason
