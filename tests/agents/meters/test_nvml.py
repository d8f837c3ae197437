"""The meter of a GPU through the real bindings, on a library that answers like a card."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.meters.base import MeterLost, of_unit
from bitgauge.agents.passes.energy import MeteredCounter
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.protocol.energy import EnergyBench, EnergyPlan, Lost, Surroundings
from bitgauge.benchmarks.raw.energy import energy_samples
from bitgauge.benchmarks.samples import CANDIDATE
from bitgauge.benchmarks.stats.energy import Backwards
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from tests.bench.one_launch import launch
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


def test_a_counter_may_come_round_and_may_not_be_reset(cards: Cards) -> None:
    high = "gpus 2\n1.energy 18446744000000000000\n"
    cards.say({"gpus": 2, "1.energy": 18446743000000000000})
    states = [high, "gpus 2\n1.energy 100\n", "gpus 2\n1.energy 0\n1.power 0\n"]
    found = cards.call(metered, folder=str(cards.folder), unit=SECOND, states=states)
    assert found["then"] == ["read", "read", "Backwards: "]


def scopes() -> list[list[Any]]:
    """The meters of the second card: name, scope, kind, and what each shows."""
    found = registry.find("meters", ())
    described, failed = registry.describe_meters(found, "nvidia", SECOND)
    assert not failed
    shown: list[list[Any]] = []
    for one in described:
        if one.name != "high_water" and one.reason is None and one.name != "rapl":
            module: Any = of_unit(found.get(one.name), "nvidia", SECOND)
            value = module.open_reader().read().value
            shown.append([one.name, one.scope, one.kind, value])
    return shown


def test_scopes_are_meters_of_their_own_where_a_card_has_them(cards: Cards) -> None:
    cards.say({"gpus": 2, "1.field185.1": 90_000, "1.field186.2": 7_000, "1.name": "GH200"})
    told = {one[0]: one[1:] for one in cards.call(scopes)}
    assert told["card_module"] == ["module GH200", "polled_power", 90_000]
    assert told["card_memory"] == ["memory GH200", "polled_power", 7_000]
    assert told["nvml"][:2] == ["GPU GH200", "counter"]
    cards.say({"gpus": 2})
    assert {one[0] for one in cards.call(scopes)} & {"card_module", "card_memory"} == set()


def one_pass(folder: str) -> dict[str, Any]:
    """A short pass of energy in a real child on the second card."""
    raw = asyncio.run(
        launch(
            PassName.ENERGY,
            [zoo.models()[0].path],
            zoo.evaluation_path(),
            profile=Profile.STANDARD,
            overrides=Overrides(warmup_ms=1, budget_ms=120),
            device="nvidia",
            unit=SECOND,
            meter="nvml",
            beside=("card_module", "card_memory"),
        )
    )
    found = energy_samples(raw)
    return {
        "windows": int((found.letter == CANDIDATE).sum()),
        "watts": (found.power_mw / 1e3).tolist(),
        "second": found.second_meter,
        "apart": float(np.abs(found.second_mj / found.energy_mj - 1).max()),
        "slowed": found.power_slowdown_ns.tolist(),
        "module": float((found.module_mj / found.energy_mj).mean()),
        "memory": bool(np.isfinite(found.memory_mj).any()),
        "problem": found.problem,
        "period_ms": found.update_period_ns / 1e6,
    }


@pytest.mark.child
def test_a_real_pass_reads_counter_power_scopes_and_slowdowns(cards: Cards) -> None:
    cards.say({"gpus": 2, "1.period_ms": 40, "1.field186.1": 140_000, "1.field74": 9})
    found = cards.call(one_pass, folder=str(cards.folder))
    assert (found["problem"], found["second"], found["memory"]) == ("", "nvml power", False)
    assert found["windows"] >= 8
    assert found["watts"] == pytest.approx([70.0] * len(found["watts"]), rel=0.35)
    assert set(found["slowed"]) == {0.0}, "a counter that stands still slowed nothing down"
    assert found["module"] == pytest.approx(2.0, rel=0.5)
    assert found["period_ms"] >= 40 * 0.9


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
