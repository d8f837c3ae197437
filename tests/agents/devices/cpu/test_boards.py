"""What only a kind of board tells, from files as the makers' documents describe them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.agents.devices import cpu
from bitgauge.agents.devices.cpu import boards
from bitgauge.agents.devices.cpu._preflight import read_preflight

from tests.labs.trees import put

_PI = "raspberrypi,5-model-b\0brcm,bcm2712"
_ORIN = "nvidia,p3767-0005\0nvidia,tegra234"
_FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
_FREQ = "sys/devices/system/cpu/cpu0/cpufreq"


def _silent(_command: tuple[str, ...]) -> None:
    return None


def _pi(root: Path) -> Path:
    put(root, "proc/device-tree/compatible", _PI)
    put(root, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    put(root, "proc/device-tree/chosen/bootloader/version", "4d6f7a1d9d4d\0")
    return root


def _jetson(root: Path) -> Path:
    put(root, "proc/device-tree/compatible", _ORIN)
    put(root, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n")
    put(root, "var/lib/nvpmodel/status", "pmode:0002")
    put(root, "etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=2 NAME=25W >\n")
    put(root, f"{_FREQ}/scaling_governor", "schedutil\n")
    put(root, f"{_FREQ}/scaling_max_freq", "1728000\n")
    return root


def _stack(root: Path) -> dict[str, str]:
    facts = cpu.describe(root=root, architecture="aarch64", hwcaps=(3, 0), core_count=4)
    return {item.name: item.value for item in facts.stack}


def test_other_machines_are_no_board(tmp_path: Path) -> None:
    assert boards.board(tmp_path) is None
    assert list(boards.hindrances(tmp_path, _silent)) == []


def test_a_raspberry_pi_names_its_firmware(tmp_path: Path) -> None:
    assert _stack(_pi(tmp_path))["firmware"] == "4d6f7a1d9d4d"
    assert read_preflight(tmp_path)["firmware_limited"] is None


@pytest.mark.parametrize(
    ("bits", "now", "past"),
    [
        ("0", [], "nothing"),
        ("50000", [], "the supply's voltage is too low, the processor is throttled"),
        ("50005", ["the supply's voltage is too low", "the processor is throttled"], None),
    ],
)
def test_what_its_firmware_limits_is_told_now_and_since_the_start(
    tmp_path: Path, bits: str, now: list[str], past: str | None
) -> None:
    put(_pi(tmp_path), _FIRMWARE, f"{bits}\n")
    assert [one.found for one in boards.hindrances(tmp_path, _silent)] == now
    if past is not None:
        assert read_preflight(tmp_path)["firmware_limited"] == past


def test_without_that_file_vcgencmd_is_asked(tmp_path: Path) -> None:
    def vcgencmd(command: tuple[str, ...]) -> str:
        assert command == ("vcgencmd", "get_throttled")
        return "throttled=0x8\n"

    found = [one.found for one in boards.hindrances(_pi(tmp_path), vcgencmd)]
    assert found == ["the soft temperature limit is reached"]
    assert list(boards.hindrances(tmp_path, lambda _command: "VCHI failed")) == []


def test_a_jetson_names_mode_and_release(tmp_path: Path) -> None:
    stack = _stack(_jetson(tmp_path))
    assert (stack["power_mode"], stack["firmware"]) == ("25W schedutil", "L4T 36.4.3")
    put(tmp_path, "etc/nvpmodel.conf", "")
    assert _stack(tmp_path)["power_mode"] == "mode 2 schedutil"


@pytest.mark.parametrize(("low", "held"), [("1728000", "yes"), ("115200", "no")])
def test_a_jetson_says_whether_its_clocks_are_held(tmp_path: Path, low: str, held: str) -> None:
    put(_jetson(tmp_path), f"{_FREQ}/scaling_min_freq", f"{low}\n")
    assert read_preflight(tmp_path)["clocks_held"] == held
    assert len(list(boards.hindrances(tmp_path, _silent))) == (held == "no")


def _like(count: int) -> Callable[[Path], None]:
    return lambda root: put(root, "sys/devices/system/cpu/online", f"0-{count - 1}\n")


def test_the_stack_names_cores_only_where_they_are_a_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _like(4)(tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2, 3})
    assert "cores" not in _stack(tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {2, 3})
    assert _stack(tmp_path)["cores"] == "2-3"
    for number in range(4):
        put(
            tmp_path,
            f"sys/devices/system/cpu/cpu{number}/cpu_capacity",
            f"{512 * (1 + number % 2)}",
        )
        put(
            tmp_path,
            f"sys/devices/system/cpu/cpu{number}/regs/identification/midr_el1",
            "0x414fd0b0" if number % 2 else "0x412fd050",
        )
    assert _stack(tmp_path)["cores"] == "3 Cortex-A76, 2 Cortex-A55"
