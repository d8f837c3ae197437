"""Energy meters on constructed directory trees, and on this machine.

The trees follow the kernel's documents: power/powercap (``energy_uj``, ``max_energy_range_uj``,
``name``), hwmon/sysfs-interface (``powerN_input`` in microwatts, ``energyN_input`` in microjoules),
hwmon/ina3221 (``inN_label``, ``inN_input`` in millivolts, ``currN_input`` in milliamperes); rail
names are those of NVIDIA's Jetson Linux developer guide, section "Power Monitor".
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
from bitgauge.agents import registry
from bitgauge.agents.meters import hwmon, nvml, rapl
from bitgauge.agents.meters.base import MeterForbidden, MeterLost
from bitgauge.benchmarks.common.plugins import Found
from bitgauge.benchmarks.vocabulary.meters import second_meter
from bitgauge.benchmarks.vocabulary.reasons import REASONS
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

RAPL = "sys/class/powercap/intel-rapl:"
HWMON = "sys/class/hwmon/hwmon"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def package(number: int, energy: int = 5_000_000) -> dict[str, str]:
    zone = f"{RAPL}{number}"
    return {
        f"{zone}/name": f"package-{number}",
        f"{zone}/energy_uj": str(energy),
        f"{zone}/max_energy_range_uj": "262143328850",
        f"{zone}:0/name": "core",
        f"{zone}:0/energy_uj": "1",
    }


def test_a_package_counter_is_read_in_millijoules(tmp_path: Path) -> None:
    root = tree(tmp_path, package(0))
    described = rapl.describe(root, architecture="x86_64")
    assert described is not None
    assert (described.reason, described.scope, described.kind) == (None, "package", "counter")
    reader = rapl.open_reader(root)
    assert reader.is_counter
    assert reader.wraps_at_mj == pytest.approx(262_143_328.851)
    assert reader.read().value == 5_000.0
    tree(tmp_path, package(0, 7_000_000))
    assert reader.read().value == 7_000.0
    reader.close()


def test_without_root_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(tmp_path, package(0))
    monkeypatch.setattr(os, "access", lambda *_: False)
    described = rapl.describe(root, architecture="x86_64")
    assert described is not None
    assert described.reason == "no_permission"


def test_two_packages_need_a_process_pinned_to_one(tmp_path: Path) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    at = "sys/devices/system/cpu/cpu{}/topology/physical_package_id"
    one = tree(tmp_path / "one", package(0) | package(1) | {at.format(cpu): "1" for cpu in cpus})
    described = rapl.describe(one, architecture="x86_64")
    assert described is not None
    assert described.reason is None
    unknown = tree(tmp_path / "both", package(0) | package(1))
    described = rapl.describe(unknown, architecture="x86_64")
    assert described is not None
    assert described.reason == "shared_device"
    (unknown / at.format(cpus[0])).parent.mkdir(parents=True)
    shares = {at.format(cpu): str(place % 2) for place, cpu in enumerate(cpus)}
    both = tree(unknown, shares)
    described = rapl.describe(both, architecture="x86_64")
    assert described is not None
    assert described.reason == ("shared_device" if len(cpus) > 1 else None)


def test_a_virtual_machine_has_none_and_arm_never(tmp_path: Path) -> None:
    root = tree(tmp_path, {"proc/cpuinfo": "processor : 0\nflags : fpu hypervisor avx2"})
    described = rapl.describe(root, architecture="x86_64")
    assert described is not None
    assert described.reason == "virtualised"
    assert rapl.describe(root, architecture="aarch64") is None
    with pytest.raises(MeterLost):
        rapl.open_reader(root)


def jetson(number: int = 1) -> dict[str, str]:
    chip = f"{HWMON}{number}"
    rails = (("VDD_IN", 5_024, 1_200), ("VDD_CPU_GPU_CV", 5_016, 400), ("VDD_SOC", 5_016, 300))
    files = {f"{chip}/name": "ina3221"}
    for channel, (label, volts, amperes) in enumerate(rails, start=1):
        files[f"{chip}/in{channel}_label"] = label
        files[f"{chip}/in{channel}_input"] = str(volts)
        files[f"{chip}/curr{channel}_input"] = str(amperes)
    return files


def test_a_jetsons_total_is_the_product_of_volts_and_amperes(tmp_path: Path) -> None:
    root = tree(tmp_path, {f"{HWMON}0/name": "nvme", f"{HWMON}0/power1_input": "9"} | jetson())
    described = hwmon.describe(root)
    assert described is not None
    assert (described.scope, described.kind, described.reason) == ("VDD_IN", "rail_sensor", None)
    reader = hwmon.open_reader(root)
    assert not reader.is_counter
    assert reader.read().value == pytest.approx(5_024 * 1_200 / 1_000)
    reader.close()


@pytest.mark.parametrize("chip", ["amdgpu", "nvme", "BAT0", "i915"])
def test_the_power_of_something_else_is_not_taken(tmp_path: Path, chip: str) -> None:
    root = tree(tmp_path, {f"{HWMON}0/name": chip, f"{HWMON}0/power1_input": "9000000"})
    assert hwmon.describe(root) is None
    with pytest.raises(MeterLost):
        hwmon.open_reader(root)


def test_generic_sensors_and_socket_counters(tmp_path: Path) -> None:
    board = tree(tmp_path / "a", {f"{HWMON}3/name": "ina226", f"{HWMON}3/power1_input": "7500000"})
    reader = hwmon.open_reader(board)
    assert (reader.is_counter, reader.read().value) == (False, 7_500.0)
    reader.close()
    files = {
        f"{HWMON}0/name": "amd_energy",
        f"{HWMON}0/energy1_label": "Ecore000",
        f"{HWMON}0/energy1_input": "1",
        f"{HWMON}0/energy2_label": "Esocket0",
        f"{HWMON}0/energy2_input": "64000000",
    }
    server = hwmon.open_reader(tree(tmp_path / "b", files))
    assert (server.is_counter, server.read().value) == (True, 64_000.0)
    server.close()


def test_a_whole_machines_meter_says_how_slowly_it_averages(tmp_path: Path) -> None:
    """As the kernel's hwmon/acpi_power_meter has it: an average, and its interval."""
    files = {
        f"{HWMON}0/name": "power_meter",
        f"{HWMON}0/power1_average": "91000000",
        f"{HWMON}0/power1_average_interval": "1000",
    }
    described = hwmon.describe(tree(tmp_path, files))
    assert described is not None
    assert (described.scope, described.update_period_ns) == ("power_meter", 1_000_000_000)


def test_one_of_two_sockets_is_not_taken_for_both(tmp_path: Path) -> None:
    files = {f"{HWMON}0/name": "amd_energy"}
    for number in (0, 1):
        files[f"{HWMON}0/energy{number + 1}_label"] = f"Esocket{number}"
        files[f"{HWMON}0/energy{number + 1}_input"] = "64000000"
    described = hwmon.describe(tree(tmp_path, files))
    assert described is not None
    assert described.reason == "shared_device"


def test_a_sensor_that_vanishes_is_lost(tmp_path: Path) -> None:
    root = tree(tmp_path, jetson())
    reader = hwmon.open_reader(root)
    (root / f"{HWMON}1/curr1_input").write_text("")
    with pytest.raises(MeterLost):
        reader.read()
    reader.close()
    reader.close()


def test_what_may_not_be_read_is_not_just_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tree(tmp_path, package(0))
    reader = rapl.open_reader(root)

    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "pread", refuse)
    with pytest.raises(MeterForbidden):
        reader.read()
    reader.close()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MeterForbidden):
        rapl.open_reader(root)


def test_another_meter_of_the_same_scope_checks_the_best(tmp_path: Path) -> None:
    rapl_like = MeterDescription("rapl", "energy", "counter", "package")
    files = {
        f"{HWMON}0/name": "amd_energy",
        f"{HWMON}0/energy2_label": "Esocket0",
        f"{HWMON}0/energy2_input": "64000000",
    }
    socket = hwmon.describe(tree(tmp_path, files))
    assert socket is not None
    assert second_meter(rapl_like, (rapl_like, socket)) == socket
    board = replace(socket, scope="VDD_IN")
    assert second_meter(rapl_like, (rapl_like, board)) is None
    assert second_meter(rapl_like, (rapl_like, replace(socket, reason="no_permission"))) is None


def test_a_meter_whose_description_fails_is_named_and_left_out() -> None:
    def fall() -> None:
        raise RuntimeError("no bus\nmore")

    found = Found("meters", {"mine": cast(ModuleType, SimpleNamespace(describe=fall))})
    assert registry.describe_meters(found) == ((), ("mine: it failed: RuntimeError: no bus",))


def test_a_machine_without_that_gpu_says_nothing(tmp_path: Path) -> None:
    assert nvml.describe(root=tmp_path) is None


def test_this_machine_has_a_meter_or_a_reason() -> None:
    for module in (rapl, hwmon):
        described = module.describe()
        if described is None:
            continue
        if described.reason is not None:
            assert described.reason in REASONS
            continue
        reader = module.open_reader()
        assert reader.read().value >= 0
        reader.close()


def test_a_real_gpu_counts_up() -> None:
    described = nvml.describe()
    if described is None or described.reason is not None:
        pytest.skip("NOT RUN: missing hardware, no NVIDIA GPU with an energy counter")
    reader = nvml.open_reader()
    first = reader.read()
    while (now := reader.read()).value == first.value:
        assert now.at_ns - first.at_ns < 5_000_000_000
    assert now.value > first.value
    reader.close()
