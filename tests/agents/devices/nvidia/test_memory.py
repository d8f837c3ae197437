"""A card's memory by process: who is who, what is hidden, and a real child on a card of ours."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from bitgauge.agents.devices import nvidia
from bitgauge.agents.devices.nvidia._memory import own_entry
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.raw.memory import memory_samples
from bitgauge.benchmarks.vocabulary.enums import PassName

from tests.bench.one_launch import launch, plain
from tests.labs.nvml.cards import Cards

UNIT = "GPU-5f3a0000-0000-4000-8000-000000000000"
PART = "MIG-5f3a0010-0000-4000-8000-000000000000"
MIB = 1 << 20


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("nvml"))


@pytest.mark.parametrize(
    ("first", "listed", "own", "entry"),
    [
        ((), (9,), 9, 9),
        ((7,), (7, 9), 9, 9),
        ((7,), (7, 5_009), 9, 5_009),  # itself, as the host counts
        ((), (5_009, 5_010), 9, None),
        ((7,), (7,), 9, None),
        ((), (), 9, None),
    ],
)
def test_which_process_is_this_one(
    first: tuple[int, ...], listed: tuple[int, ...], own: int, entry: int | None
) -> None:
    assert own_entry(set(first), set(listed), own) == entry


def peaks(folder: str, unit: str, states: list[str]) -> list[list[Any]]:
    """What is told in each state, as a phase of its own; the states are polled meanwhile."""
    state, found = Path(folder, "state"), []
    before = state.read_text()
    memory = nvidia.memory(unit)
    for one in states:
        memory.open_phase()
        for text in one.split("|"):
            fresh = Path(folder, "state.new")
            fresh.write_text(before + text)
            fresh.replace(state)
            time.sleep(0.1)
        found.append([*memory.peaks_bytes(), memory.reason])
    memory.close()
    return found


def test_the_peak_of_a_process_is_its_own_and_polled(cards: Cards) -> None:
    cards.say({"0.used": 100})
    states = ["", "0.pids self:4096 77:9999\n|0.pids self:1024 77:9999\n", "0.pids self:512\n"]
    found = cards.call(peaks, folder=str(cards.folder), unit=UNIT, states=states)
    assert found == [[0, 100, "hidden_process"], [4096, 100, ""], [512, 100, ""]]


@pytest.mark.parametrize(
    ("before", "states", "told"),
    [
        ({"0.pids": "77:64"}, ["0.pids 77:64 5009:128\n"], [128, 100, ""]),
        ({"0.pids": "77:64"}, ["0.pids 77:64\n"], [0, 100, "hidden_process"]),
        ({}, ["0.pids self:?\n"], [0, 100, "uncounted_memory"]),
        ({}, ["0.fail.nvmlDeviceGetComputeRunningProcesses_v3 3\n"], [0, 100, "hidden_process"]),
        ({"0.mig": 1, "0.parts": 2}, ["0.pids self:256\n"], [256, 100, ""]),
    ],
)
def test_what_is_hidden_is_said(
    cards: Cards, before: dict[str, object], states: list[str], told: list[Any]
) -> None:
    cards.say({"0.used": 100, **before})
    unit = PART if "0.mig" in before else UNIT
    assert cards.call(peaks, folder=str(cards.folder), unit=unit, states=states) == [told]


def launched(folder: str) -> dict[str, Any]:
    """A launch of pass `memory` on the card, which counts memory of its child."""
    seen: list[str] = []

    def begun(pid: int) -> None:
        seen.append(psutil.Process(pid).environ()["CUDA_VISIBLE_DEVICES"])

    Path(folder, "state").write_text(f"0.used {900 * MIB}\n0.pids 77:5 self:{300 * MIB}\n")
    raw = asyncio.run(
        launch(
            PassName.MEMORY,
            [zoo.models()[0].path],
            zoo.evaluation_path(),
            confinement=replace(plain(), variables=nvidia.variables(UNIT)),
            begun=begun,
            device="nvidia",
            unit=UNIT,
        )
    )
    found = memory_samples(raw)
    return {
        "visible": seen,
        "own": found.device_peak_bytes,
        "card": found.card_peak_bytes,
        "reason": found.device_reason,
        "allocator": found.allocator_peak_bytes,
    }


@pytest.mark.child
def test_a_real_child_tells_its_memory_of_the_card_and_sees_that_card_alone(cards: Cards) -> None:
    found = cards.call(launched, folder=str(cards.folder))
    assert found["visible"] == [UNIT]
    assert found["own"][2] == 300 * MIB
    assert found["card"][2] == 900 * MIB
    assert (found["reason"], found["allocator"]) == ("", {})
