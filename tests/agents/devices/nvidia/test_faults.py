"""Why a GPU cannot measure, each by its code and sentence: who has it, what hides or slows it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bitgauge.agents.devices import nvidia
from bitgauge.agents.devices.nvidia._watch import memory_taken
from bitgauge.agents.execution.attached import attached
from bitgauge.agents.execution.failures import failure_of
from bitgauge.agents.execution.run import RunFailed
from bitgauge.agents.execution.watched import Looking, cause_of, look_after
from bitgauge.agents.host import nvml
from bitgauge.agents.launcher.exit import ChildExit
from bitgauge.agents.passes.base import require_pace
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, NotFound

from tests.bench.one_launch import launch
from tests.labs.nvml.cards import Cards

UNIT = "GPU-5f3a0000-0000-4000-8000-000000000000"
GIB = 1 << 30


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def cards(built: Cards) -> Cards:
    built.say({})
    return built


@pytest.mark.parametrize(
    ("others", "used", "said"),
    [
        ({}, GIB, None),
        ({77: GIB}, 2 * GIB, None),  # less than a twentieth: it was not that
        ({77: 60 * GIB}, 61 * GIB, "Process 77 holds 60.0 of the 100.0 GiB"),
        ({7: GIB, 77: 9 * GIB}, 11 * GIB, "Process 77 and 1 more hold 10.0 of the 100.0 GiB"),
        ({77: None}, 50 * GIB, "Process 77 holds 50.0 of the 100.0 GiB"),
        ({77: None}, 5 * GIB, None),
        ({}, 50 * GIB, "Somebody whose processes are hidden holds 50.0"),
    ],
)
def test_whose_memory_is_in_the_way(
    others: Mapping[int, int | None], used: int, said: str | None
) -> None:
    found = memory_taken("GPU x", others, used, 100 * GIB)
    assert (found is None) == (said is None)
    if found is not None and said is not None:
        assert found.code is Code.DEVICE_MEMORY_TAKEN
        assert found.sentence.startswith(said)


def failed(code: str) -> RunFailed:
    """A run whose child said so."""
    ended = ChildExit(False, code=code, message="It needs more memory than the GPU has left.")
    return RunFailed(failure_of(ended, "pass memory, launch 0"))


def causes(states: list[str], folder: str, code: str) -> list[str]:
    """Why a run failed, in each state of the card."""
    found = []
    for one in states:
        Path(folder, "state").write_text("")
        look = look_after(nvidia, UNIT)
        Path(folder, "state").write_text(one)
        cause = asyncio.run(cause_of(failed(code), code, look))
        is_ours = isinstance(cause, BitgaugeError)
        found.append(cause.code.value if is_ours else "as the child said")  # type: ignore[attr-defined]
    return found


def test_a_run_without_memory_is_held_against_who_has_it(cards: Cards) -> None:
    states = {
        "0.pids 77:75000000000\n": "device_memory_taken",
        "0.pids 77:5\n": "as the child said",
        "": "as the child said",
        "0.used 100000000000\n": "device_memory_taken",
        "0.fail 15\n": "device_lost",
    }
    given: dict[str, Any] = {"states": list(states), "folder": str(cards.folder)}
    assert cards.call(causes, **given, code="out_of_device_memory") == list(states.values())
    others = cards.call(causes, **given, code="run_failed")
    assert others == ["as the child said"] * 4 + ["device_lost"], "of nothing else"


async def test_a_device_that_nobody_looks_after_explains_nothing() -> None:
    error = failed("out_of_device_memory")
    assert await cause_of(error, "out_of_device_memory", Looking()) is error


@pytest.mark.parametrize("slowed_ns", [math.nan, 0.0, 0.4e9, -5.0])
def test_a_device_that_keeps_its_pace_is_measured(slowed_ns: float) -> None:
    require_pace(slowed_ns, 10**9)


def test_a_device_that_is_slowed_down_from_the_first_second_on_is_not() -> None:
    with pytest.raises(BitgaugeError, match="in 70% of the warm-up") as raised:
        require_pace(0.7e9, 10**9)
    assert raised.value.code is Code.DEVICE_SLOWED
    assert "--pin-clocks" in raised.value.advice


def slowed(folder: str, field: int) -> str:
    """What a launch on a card comes to, one of whose counters says that it is always slow."""
    Path(folder, "state").write_text(f"0.field{field}.share 0.8\n")
    try:
        asyncio.run(
            launch(
                PassName.ABSOLUTE,
                [zoo.models()[0].path],
                zoo.evaluation_path(),
                device="nvidia",
                unit=UNIT,
            )
        )
    except RuntimeError as error:
        return str(error)
    return "measured"


@pytest.mark.child
@pytest.mark.parametrize(("field", "code"), [(270, "device_slowed"), (74, "measured")])
def test_a_real_launch_says_so_and_a_power_limit_is_how_the_card_was_set(
    cards: Cards, field: int, code: str
) -> None:
    assert code in cards.call(slowed, folder=str(cards.folder), field=field)


def probed(root: str) -> str:
    """What looking for cards comes to below a root."""
    try:
        return str(len(nvidia.probe(root=Path(root))))
    except BitgaugeError as error:
        return f"{error.code.value}: {error.sentence}"


def test_a_container_that_was_given_no_card_says_so(
    cards: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "has_library", lambda: False)
    assert nvidia.probe(root=tmp_path) == (), "a machine without a driver has no such device"
    module = tmp_path / "proc/driver/nvidia/version"
    module.parent.mkdir(parents=True)
    module.write_text("NVRM version: 580.95.05\n")
    said = probed(str(tmp_path))
    assert said == (
        "device_hidden: NVIDIA's kernel module is loaded, and its library libnvidia-ml.so.1 is not"
        " here."
    )
    assert "nvidia-container-toolkit" in CATALOGUE[Code.DEVICE_HIDDEN].advice
    lines: list[str] = []
    monkeypatch.setattr(nvidia, "probe", lambda: _hidden(tmp_path))
    with pytest.raises(NotFound):
        attached(["nvidia"], (), lines.append)
    assert any("kernel module is loaded" in one and "--gpus all" in one for one in lines)


def _hidden(root: Path) -> tuple[()]:
    nvml.require_given(root)
    return ()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"fail.nvmlInitWithFlags": 9}, "driver_missing"),
        ({"fail.nvmlInitWithFlags": 12}, "driver_missing"),
        ({"fail.nvmlInitWithFlags": 18}, "driver_missing"),
        ({"fail.nvmlInitWithFlags": 4}, "driver_missing"),
        ({}, "1"),
        ({"0.mig": 1}, "0"),
    ],
)
def test_a_driver_that_cannot_be_asked_has_its_code(
    cards: Cards, tmp_path: Path, state: dict[str, object], code: str
) -> None:
    cards.say(state)
    assert cards.call(probed, root=str(tmp_path)).startswith(code)


NAMED = (
    *(Code.DRIVER_MISSING, Code.DRIVER_TOO_OLD, Code.DRIVER_CHANGED, Code.DEVICE_HIDDEN),
    *(Code.DEVICE_DIVIDED, Code.DEVICE_TAKEN, Code.DEVICE_SLOWED, Code.DEVICE_LOST),
    *(Code.DEVICE_FAULT, Code.MEMORY_FAULT, Code.OUT_OF_DEVICE_MEMORY, Code.DEVICE_MEMORY_TAKEN),
    *(Code.RUNTIME_UNSUPPORTED, Code.FOREIGN_ENGINE, Code.CLOCKS_NOT_PINNED),
)


@pytest.mark.parametrize("code", NAMED)
def test_every_fault_has_its_remedy(code: Code) -> None:
    assert len(CATALOGUE[code].advice) > 20
