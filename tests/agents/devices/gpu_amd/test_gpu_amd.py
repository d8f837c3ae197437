"""AMD's cards, by the files that the documents of the kernel's amdgpu and amdkfd describe."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import pytest
from bitgauge.agents.devices import gpu_amd
from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

from tests.labs.agent import open_lab, until
from tests.labs.trees import put

_OURS = "sys/class/drm/card1/device"
_KFD = "sys/class/kfd/kfd"
_HWMON = f"{_OURS}/hwmon/hwmon4"
_UNIQUE = "8f8d2c1b0a9e7766"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with one AMD card, one of another maker and a connector of ours."""
    uevent = "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n"
    properties = "cpu_cores_count 0\nsimd_count 192\nsimd_per_cu 2\ngfx_target_version 110000\n"
    files = {
        f"{_OURS}/vendor": "0x1002\n",
        f"{_OURS}/uevent": uevent,
        f"{_OURS}/revision": "0xc8\n",
        f"{_OURS}/unique_id": f"{_UNIQUE}\n",
        f"{_OURS}/vbios_version": "113-EXT80225-L03\n",
        f"{_OURS}/mem_info_vram_total": f"{24 << 30}\n",
        f"{_OURS}/power_dpm_force_performance_level": "auto\n",
        f"{_OURS}/pp_dpm_sclk": "0: 500Mhz\n1: 2371Mhz *\n",
        f"{_OURS}/drm/renderD129/dev": "226:129\n",
        f"{_HWMON}/temp1_input": "41000\n",
        f"{_HWMON}/temp1_label": "edge\n",
        f"{_HWMON}/temp2_input": "47000\n",
        f"{_HWMON}/temp2_label": "junction\n",
        f"{_HWMON}/freq1_input": "2371000000\n",
        f"{_HWMON}/power1_cap": "327000000\n",
        f"{_KFD}/topology/nodes/0/properties": "cpu_cores_count 16\ndrm_render_minor 0\n",
        f"{_KFD}/topology/nodes/1/properties": f"{properties}drm_render_minor 129\n",
        f"{_KFD}/proc/4711/pasid": "32769\n",
        "sys/class/drm/card1-DP-1/status": "connected\n",
        "sys/class/drm/card0/device/vendor": "0x8086\n",
        "sys/class/drm/card0/device/uevent": "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n",
        "sys/class/dmi/id/sys_vendor": "A maker of boards\n",
        "dev/kfd": "",
        "dev/dri/renderD129": "",
        "dev/dri/renderD128": "",
    }
    for path, text in files.items():
        put(tmp_path, path, text)
    return tmp_path


def test_a_card_is_what_its_driver_says(root: Path) -> None:
    [unit] = gpu_amd.probe(root=root)
    assert (unit.key, unit.label) == (_UNIQUE, "gpu-0000-03-00.0")
    facts = gpu_amd.describe(_UNIQUE, root=root)
    assert facts.hardware_class is HardwareClass.GPU_AMD
    assert (facts.memory_bytes, facts.core_count, facts.isa_flags) == (24 << 30, 96, ("gfx1100",))
    told = {item.name: item.value for item in (*facts.stack, *facts.evidence)}
    assert told["gpu.pci_id"] == "1002:744c"
    assert (told["driver"], told["power_limit_uw"]) == ("amdgpu", "327000000")
    assert told["pci_slot"] == "0000:03:00.0"
    put(root, "sys/module/amdgpu/version", "6.8.5\n")
    put(root, f"{_OURS}/product_name", "Radeon of a test\n")
    again = gpu_amd.describe(_UNIQUE, root=root)
    assert again.processor_model == "Radeon of a test"
    assert "amdgpu 6.8.5" in [item.value for item in again.stack]


def test_what_surrounds_a_launch_on_it(root: Path) -> None:
    reader = gpu_amd.conditions(_UNIQUE, root=root)
    assert reader.columns == ("clock_mhz", "temperature_c")
    now = reader.read()
    assert (now.clock_mhz, now.temperature_c) == (2371.0, 47.0)
    reader.close()
    assert math.isnan(reader.read().clock_mhz)
    assert gpu_amd.rest(_UNIQUE, root=root).read_c() == 47.0
    facts = gpu_amd.preflight(_UNIQUE, root=root)
    assert (facts["power_limit_w"], facts["core_clock_mhz"]) == (327.0, 2371.0)
    assert (facts["compute_processes"], facts["memory_clock_mhz"]) == (1, None)
    names = [path.name for path in gpu_amd.nodes(_UNIQUE, root=root)]
    assert names == ["kfd", "renderD129"]


def test_a_card_without_a_number_of_its_own_is_known_by_its_place(root: Path) -> None:
    put(root, f"{_OURS}/unique_id", "0\n")
    assert [one.key for one in gpu_amd.probe(root=root)] == ["0000:03:00.0"]
    with pytest.raises(LookupError, match="not here any more"):
        gpu_amd.describe(_UNIQUE, root=root)
    put(root, f"{_OURS}/uevent", "DRIVER=vfio-pci\nPCI_SLOT_NAME=0000:03:00.0\n")
    assert gpu_amd.probe(root=root) == ()


@pytest.mark.parametrize(("version", "name"), [(90010, "gfx90a"), (100302, "gfx1032"), (0, "")])
def test_a_target_is_called_as_compilers_call_it(version: int, name: str) -> None:
    assert gpu_amd._target(version) == name


def test_what_computes_on_the_processor_does_not_run_there() -> None:
    here = RuntimeDescription("onnxruntime", "1", providers=("CPUExecutionProvider",))
    there = RuntimeDescription("onnxruntime", "1", providers=("MIGraphXExecutionProvider",))
    assert gpu_amd.offers(_UNIQUE, (here, there)) == (there,)


async def test_an_agent_registers_it_and_nothing_that_computes_on_the_processor(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("probe", "describe", "rest", "nodes"):
        monkeypatch.setattr(gpu_amd, name, functools.partial(getattr(gpu_amd, name), root=root))
    folder = tmp_path_factory.mktemp("lab")
    async with open_lab(folder, devices=("gpu_amd",)) as lab, lab.agent():
        await until(lambda: lab.coordinator.devices)
    (device,) = lab.coordinator.devices
    assert (device.name, device.runtimes) == ("bench-gpu-0000-03-00.0", ())
    assert device.hardware_class is HardwareClass.GPU_AMD
    assert {one.name: one.value for one in device.evidence}["unique_id"] == _UNIQUE
