"""Device facts from directory trees.

The trees are made here after the kernel's documents: proc_cpuinfo(5), the DMI tables of
Documentation/ABI/testing/sysfs-class-dmi, the device tree of the named board, and the traps seen
with qemu-user (host cpuinfo inside an ARM userland).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from bitgauge.agents.devices import cpu
from bitgauge.agents.host import isa
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

X86 = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz
microcode\t: 0xd0003d1
flags\t\t: fpu sse avx2 avx512_vnni{extra}
"""
PI5 = """processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes asimddp
CPU implementer\t: 0x41
CPU part\t: 0xd0b

processor\t: 1
CPU implementer\t: 0x41
CPU part\t: 0xd0b
"""
ASIMD_ASIMDDP = 1 << 1 | 1 << 20
I8MM_BF16 = 1 << 13 | 1 << 14


def tree(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def put(root: Path, path: str, content: str | bytes) -> None:
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content if isinstance(content, bytes) else content.encode())


def describe(root: Path, architecture: str = "x86_64", hwcaps: tuple[int, int] = (0, 0)) -> object:
    return cpu.describe(
        root=root, architecture=architecture, kernel_release="6.6.1", hwcaps=hwcaps, core_count=4
    )


def test_an_x86_server_on_metal(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=""))
    put(tmp_path, "proc/meminfo", "MemTotal:       16303428 kB\n")
    put(tmp_path, "sys/class/dmi/id/sys_vendor", "Dell Inc.\n")
    put(tmp_path, "sys/class/dmi/id/product_serial", "ABC123\n")
    put(tmp_path, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n")
    facts = cpu.describe(root=tmp_path, architecture="x86_64", kernel_release="6.6.1", core_count=4)
    assert facts.hardware_class is HardwareClass.CPU_ONLY
    assert (facts.realness, facts.virtualisation) == (Realness.PHYSICAL, None)
    assert facts.processor_model.startswith("Intel(R) Xeon")
    assert facts.isa_flags == ("avx2", "avx512_vnni", "fpu", "sse")
    assert facts.memory_bytes == 16303428 * 1024
    assert facts.governor == "performance"
    assert StackItem("power_mode", "performance") in facts.stack
    assert StackItem("microcode", "0xd0003d1") in facts.stack
    assert facts.evidence == (StackItem("product_serial", "ABC123"),)


def test_a_translator_of_the_same_architecture_is_found_by_its_name(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=""))
    program = tmp_path / f"proc/self/task/{os.getpid()}/exe"
    program.parent.mkdir(parents=True)
    program.symlink_to("/usr/bin/qemu-x86_64")
    facts = cpu.describe(root=tmp_path, architecture="x86_64")
    assert (facts.realness, facts.virtualisation) == (Realness.EMULATED, "qemu-user")


@pytest.mark.parametrize(
    ("dmi", "clocks", "extra", "expected"),
    [
        ({"sys_vendor": "QEMU"}, "", " hypervisor", "qemu"),
        ({"sys_vendor": "Amazon EC2", "product_name": "m5.large"}, "", " hypervisor", "amazon"),
        ({"product_name": "Virtual Machine"}, "", " hypervisor", "microsoft"),
        ({}, "tsc kvm-clock", " hypervisor", "kvm"),
        ({}, "tsc", " hypervisor", "unknown"),
    ],
)
def test_virtual_machines(
    tmp_path: Path, dmi: dict[str, str], clocks: str, extra: str, expected: str
) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=extra))
    for name, value in dmi.items():
        put(tmp_path, f"sys/class/dmi/id/{name}", value)
    clock = "sys/devices/system/clocksource/clocksource0/available_clocksource"
    put(tmp_path, clock, clocks)
    facts = cpu.describe(root=tmp_path, architecture="x86_64")
    assert (facts.realness, facts.virtualisation) == (Realness.VIRTUAL_MACHINE, expected)


def test_rented_metal_is_metal(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=""))
    put(tmp_path, "sys/class/dmi/id/sys_vendor", "Amazon EC2")
    put(tmp_path, "sys/class/dmi/id/product_name", "m5.metal")
    assert cpu.describe(root=tmp_path, architecture="x86_64").realness is Realness.PHYSICAL


def test_translated_x86_is_emulated(tmp_path: Path) -> None:
    text = X86.replace("Intel(R) Xeon(R) Platinum 8375C", "QEMU TCG CPU version 2.5+")
    put(tmp_path, "proc/cpuinfo", text.format(extra=" hypervisor"))
    assert cpu.describe(root=tmp_path, architecture="x86_64").realness is Realness.EMULATED


def test_a_raspberry_pi(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", PI5)
    put(tmp_path, "proc/device-tree/model", b"Raspberry Pi 5 Model B Rev 1.0\0")
    put(tmp_path, "proc/device-tree/compatible", b"raspberrypi,5-model-b\0brcm,bcm2712\0")
    put(tmp_path, "proc/device-tree/serial-number", b"10000000abcdef01\0")
    facts = cpu.describe(root=tmp_path, architecture="aarch64", hwcaps=(ASIMD_ASIMDDP, I8MM_BF16))
    assert facts.hardware_class is HardwareClass.EDGE_ARM
    assert facts.realness is Realness.PHYSICAL
    assert facts.processor_model == "Raspberry Pi 5 Model B Rev 1.0, 2x Cortex-A76"
    assert facts.isa_flags == ("asimd", "asimddp", "bf16", "i8mm")
    assert facts.evidence == (StackItem("board_serial", "10000000abcdef01"),)


def test_an_arm_userland_on_an_x86_host_is_emulated(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=""))
    facts = cpu.describe(root=tmp_path, architecture="aarch64", hwcaps=(ASIMD_ASIMDDP, 0))
    assert (facts.realness, facts.virtualisation) == (Realness.EMULATED, "qemu-user")
    assert facts.isa_flags == ("asimd", "asimddp")


def test_a_translator_below_an_arm_cpuinfo_is_found(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", PI5)
    put(tmp_path, "proc/device-tree/compatible", b"raspberrypi,5-model-b\0")
    head = b"\x7fELF" + bytes(14) + struct.pack("<H", 62)  # e_machine of x86-64, elf(5)
    put(tmp_path, f"proc/self/task/{os.getpid()}/exe", head)
    facts = cpu.describe(root=tmp_path, architecture="aarch64", hwcaps=(0, 0))
    assert (facts.realness, facts.virtualisation) == (Realness.EMULATED, "qemu-user")


@pytest.mark.parametrize(
    ("files", "realness", "name"),
    [
        ({"proc/device-tree/compatible": "linux,dummy-virt"}, Realness.EMULATED, "qemu"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, Realness.EMULATED, "qemu"),
        ({"sys/class/dmi/id/sys_vendor": "Amazon EC2"}, Realness.VIRTUAL_MACHINE, "amazon"),
        ({}, Realness.VIRTUAL_MACHINE, "unknown"),
    ],
)
def test_arm_that_is_no_board(
    tmp_path: Path, files: dict[str, str], realness: Realness, name: str
) -> None:
    put(tmp_path, "proc/cpuinfo", PI5)
    for path, content in files.items():
        put(tmp_path, path, content)
    facts = cpu.describe(root=tmp_path, architecture="aarch64", hwcaps=(0, 0))
    assert (facts.realness, facts.virtualisation) == (realness, name)


@pytest.mark.parametrize(
    ("group", "path"),
    [
        ("0::/lab/agent\n", "sys/fs/cgroup/lab/agent/memory.max"),
        ("4:memory:/lab\n", "sys/fs/cgroup/memory/lab/memory.limit_in_bytes"),
    ],
)
def test_a_memory_limit_counts_as_the_memory(tmp_path: Path, group: str, path: str) -> None:
    put(tmp_path, "proc/cpuinfo", X86.format(extra=""))
    put(tmp_path, "proc/meminfo", "MemTotal:       16303428 kB\n")
    put(tmp_path, "proc/self/cgroup", group)
    put(tmp_path, path, "536870912\n")
    assert cpu.describe(root=tmp_path, architecture="x86_64").memory_bytes == 536870912
    put(tmp_path, path, "max\n")
    assert cpu.describe(root=tmp_path, architecture="x86_64").memory_bytes == 16303428 * 1024


def test_an_empty_tree_gives_facts_without_inventing_any(tmp_path: Path) -> None:
    facts = cpu.describe(root=tmp_path, architecture="riscv64", kernel_release="6", core_count=1)
    assert (facts.processor_model, facts.isa_flags, facts.memory_bytes) == ("", (), 0)
    assert facts.governor is None


def test_hwcap_tables_name_every_bit_once() -> None:
    every = isa.arm_flags(2**64 - 1, 2**64 - 1)
    assert len(every) == len(set(every)) == 32 - 0 + 45
    assert isa.arm_flags(0, 0) == ()
