"""GPUs as the driver's library tells them, through the real bindings; see `fake_nvml.c`."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.devices import cpu, nvidia
from bitgauge.agents.devices.nvidia.processes import others
from bitgauge.agents.doctor.base import Patient
from bitgauge.agents.doctor.examinations import nvidia as examination
from bitgauge.benchmarks.protocol.latency import ConditionLog
from bitgauge.benchmarks.samples import OF_CARDS
from bitgauge.benchmarks.stats.discards import blocks_with_cause
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.fingerprint import changed, fingerprint
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from tests.labs.nvml.cards import ROOT, Cards

FIRST, SECOND = (f"GPU-5f3a000{gpu}-0000-4000-8000-000000000000" for gpu in (0, 1))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    return Cards(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def cards(built: Cards) -> Cards:
    built.say({})
    return built


def described(root: str = "/") -> list[Any]:
    """Units with their facts, or the error that they are."""
    try:
        units = nvidia.probe()
        facts = [asdict(nvidia.describe(one.key, root=Path(root))) for one in units]
    except BitgaugeError as error:
        return [error.code.value, error.sentence]
    told = [
        one
        | {
            kind: {item["name"]: item["value"] for item in one[kind]}
            for kind in ("stack", "evidence")
        }
        for one in facts
    ]
    return [[one.key, one.label, fact] for one, fact in zip(units, told, strict=True)]


def test_two_cards_are_two_devices_that_nobody_else_has_seen(cards: Cards, tmp_path: Path) -> None:
    cards.say({"gpus": 2, "1.limit": 400_000, "1.name": "NVIDIA L4"})
    (first, label, facts), (second, _, other) = cards.call(described)
    assert (first, label, second) == (FIRST, "gpu-5f3a0000", SECOND)
    assert (facts["hardware_class"], facts["realness"]) == ("gpu_nvidia", "simulated")
    assert "not on this machine's PCI bus" in facts["virtualisation"]
    assert facts["evidence"]["pci_address"] == "0000:f0:00.0"
    assert facts["stack"]["power_mode"] == "700 W of 200 to 700 W"
    assert (other["processor_model"], other["stack"]["power_mode"]) == (
        "NVIDIA L4",
        "400 W of 200 to 700 W",
    )
    wanted = {
        "driver": "580.95.05",
        "cuda_driver": "13.0",
        "firmware": "96.00.BC.00.01",
        "gpu.architecture": "hopper",
        "gpu.compute_capability": "9.0",
        "gpu.ecc": "on",
        "gpu.mig": "off",
        "gpu.persistence_mode": "on",
        "gpu.clocks": "sm 1980 MHz, memory 2619 MHz",
        "gpu.memory_bytes": "150754820096",
    }
    assert facts["stack"] | wanted == facts["stack"]
    # On the bus of a machine it is as real as that.
    bus = tmp_path / "sys/bus/pci/devices/0000:f0:00.0"
    bus.mkdir(parents=True)
    (bus / "vendor").write_text("0x10de\n")
    real, beside = cards.call(described, root=str(tmp_path))
    assert (real[2]["realness"], beside[2]["realness"]) == ("physical", "simulated")


@pytest.mark.parametrize(
    ("state", "named"),
    [
        ({"0.limit": 400_000}, "power_mode"),
        ({"0.persistence": 0}, "gpu.persistence_mode"),
        ({"0.set_sm_mhz": 1305}, "gpu.clocks"),
        ({"driver": "590.10"}, "driver"),
        ({"0.ecc": 0}, "gpu.ecc"),
    ],
)
def test_what_can_change_a_number_is_another_stack(
    cards: Cards, state: dict[str, object], named: str
) -> None:
    """One name with two power limits is two devices to the table."""

    def stack() -> list[StackItem]:
        ((_, _, facts),) = cards.call(described)
        return [StackItem(name, value) for name, value in facts["stack"].items()]

    before = stack()
    cards.say(state)
    now = stack()
    assert changed(before, now) == (named,)
    assert fingerprint(before) != fingerprint(now)


def test_cards_and_their_host_are_measured_in_turn(cards: Cards) -> None:
    cards.say({"gpus": 2})
    assert cards.call(hosts) == ["", "", ""], "one host: see `turns`"


def hosts() -> list[str]:
    """Which host each unit shares."""
    return [one.host for one in (*nvidia.probe(), *cpu.probe())]


def test_a_card_keeps_the_contract_of_devices(cards: Cards) -> None:
    cards.say({"gpus": 2, "0.mig": 1, "0.parts": 2})
    (part, label, facts), _, whole = cards.call(described)
    assert (part[:4], label, whole[0]) == ("MIG-", "mig-5f3a0010", SECOND)
    assert (facts["stack"]["gpu.mig"], facts["memory_bytes"]) == ("instance 1", 150754820096 // 7)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/contracts/test_device.py"]
    done = subprocess.run(
        [*command, "-k", "nvidia or every_module"],
        cwd=ROOT,
        env=cards.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "no nvidia" not in done.stdout


MOVED = {
    "": "",
    "0.field269": "throttle",
    "0.field270": "throttle",
    "0.field271": "power_limit",
    "0.field74": "power_limit",
    "0.field76": "sync_boost",
}


def blocks(folder: str, moved: list[str]) -> dict[str, Any]:
    """What is kept of a block for each counter that moved in it, and the preflight before them."""
    state = Path(folder, "state")
    before, untouched = nvidia.preflight(FIRST), state.read_text()
    reader = nvidia.conditions(FIRST)
    log = ConditionLog(reader.read)
    for one in moved:
        state.write_text(untouched)
        start = reader.read()
        state.write_text(f"{untouched}{one} 5\n")
        log.close(start, reader.read(), backwards=False)
    kept = log.columns()
    n = len(moved)
    causes = blocks_with_cause(kept, np.full(n, 1e9), np.zeros(n, np.int64))
    reader.close()
    assert math.isnan(reader.read().clock_mhz)
    own = ("throttle", "power_limit", "sync_boost")
    return {
        "causes": [" ".join(name for name in own if causes[name][at]) for at in range(n)],
        "kept": {name: getattr(kept, name).tolist() for name in ("clock_mhz", *OF_CARDS)},
        "before": before,
    }


def test_a_block_in_which_a_counter_moved_has_its_cause(cards: Cards) -> None:
    cards.say({"0.reasons": 0x44, "0.pids": "77", "0.compute_mode": 3})
    found = cards.call(blocks, folder=str(cards.folder), moved=list(MOVED))
    assert found["causes"] == list(MOVED.values())
    kept, before = found["kept"], found["before"]
    told = [kept[name][0] for name in ("clock_mhz", *OF_CARDS)]
    assert told == [1980, 2619, 70_000, 0, 1, 0, 0, 0]
    assert before["gpu_clock_reasons"] == "SwPowerCap HwThermalSlowdown"
    assert (before["compute_mode"], before["nominal_mhz"]) == ("exclusive_process", 1980)


@pytest.mark.parametrize(
    ("first", "now", "own", "count"),
    [
        ((), (), 9, 0),
        ((), (9,), 9, 0),
        ((), (5_009,), 9, 0),  # itself, as the host counts
        ((), (5_009, 5_010), 9, 1),
        ((7,), (7, 5_009), 9, 1),
        ((7, 9), (7, 9), 9, 1),
    ],
)
def test_who_else_is_on_a_card(
    first: tuple[int, ...], now: tuple[int, ...], own: int, count: int
) -> None:
    assert others(set(first), set(now), own) == count


def befallen(folder: str, states: list[str]) -> list[str]:
    """The code and sentence of what befalls the first card in each state, from a sound one on."""
    state, found = Path(folder, "state"), []
    for one in states:
        state.write_text("")
        watch = nvidia.watch(FIRST)
        watch.look()
        state.write_text(one)
        try:
            watch.look()
            found.append("nothing")
        except BitgaugeError as error:
            found.append(f"{error.code.value}: {error.sentence}")
    return found


BEFALLEN = {
    "0.temperature 90\n": "nothing",
    "0.fail 15\n": "device_lost: The GPU does not answer any more: GPU is lost",
    "0.fail 999\n": "device_lost: .* Unknown Error",
    "0.fail 18\n": "driver_changed: .* its library and its kernel module differ",
    "0.xid 79\n": f"device_fault: The driver of GPU {FIRST} reported Xid 79",
    "0.mig 1\n": f"device_divided: GPU {FIRST} is divided now",
    "0.compute_mode 3\n0.pids 77 5\n": f"device_taken: GPU {FIRST} is exclusive, and process 5 has",
    "0.compute_mode 3\n": "nothing",
    "0.pids 77\n": "nothing",
    "0.uncorrected 2\n": "memory_fault: .* 2 errors that nothing corrected",
    "driver 590.10\n": "driver_changed: .* is 590.10; when it registered it was 580.95.05",
}


def test_what_befalls_a_card_has_its_code(cards: Cards) -> None:
    found = cards.call(befallen, folder=str(cards.folder), states=list(BEFALLEN))
    for said, wanted in zip(found, BEFALLEN.values(), strict=True):
        assert re.match(wanted, said)


def told(root: str) -> str:
    """What the doctor finds, in a line."""
    found = examination.examine(Patient(Path(root), Path(root)))
    return "; ".join(f"{one.state.value} {one.found}" for one in found)


@pytest.mark.parametrize(
    ("state", "files", "said"),
    [
        ({}, (), "good NVIDIA H200, 700 W of 200 to 700 W"),
        ({}, ("proc/driver/nvidia/version",), "mend .* its node /dev/nvidiactl is not here"),
        ({"fail.nvmlInitWithFlags": 18}, (), "mend .* library and its kernel module differ in ver"),
        ({"fail.nvmlInitWithFlags": 9}, (), "mend .* kernel module is not loaded"),
        ({"fail.nvmlInitWithFlags": 13}, (), "mend .* older than what nvidia-ml-py asks of it"),
        ({"gpus": 0}, (), "note it knows no card"),
        ({"0.mig": 1}, (), "mend MIG is on and the card has no instance"),
        ({"0.compute_mode": 3, "0.pids": "77"}, (), "mend it is exclusive, and process 77 has it"),
        ({"0.compute_mode": 2}, (), "mend its compute mode is prohibited"),
        ({"0.fail": 15}, (), "mend The GPU does not answer any more: GPU is lost."),
    ],
)
def test_the_doctor_says_what_is_in_the_way(
    cards: Cards, tmp_path: Path, state: dict[str, object], files: tuple[str, ...], said: str
) -> None:
    cards.say(state)
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("NVRM version: 580.95.05\n")
    assert re.match(said, cards.call(told, root=str(tmp_path)))
