"""This machine's processor: x86-64 or ARM, metal or not.

Every fact is read below a root folder, so that tests run on directory trees of real machines.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ..host import isa
from ..host.realness import judge
from .base import DeviceFacts

NAME = "cpu"
RANK = 10
HINT = "needs Linux on x86-64 or ARM"

_X86 = ("x86_64", "i686", "i386")
_ARM64 = ("aarch64", "arm64")


def probe() -> bool:
    """Whether this is Linux; every Linux machine has a processor."""
    return platform.system() == "Linux"


def describe(
    root: Path = Path("/"),
    *,
    architecture: str | None = None,
    kernel_release: str | None = None,
    hwcaps: tuple[int, int] | None = None,
    core_count: int | None = None,
) -> DeviceFacts:
    """What the machine below `root` is.

    Args:
        root: file system root.
        architecture: machine name; asked from the kernel when not given.
        kernel_release: kernel release; asked from the kernel when not given.
        hwcaps: AT_HWCAP and AT_HWCAP2; asked from the kernel when not given.
        core_count: usable processors; this process's affinity when not given.
    """
    machine = architecture or platform.machine()
    release = kernel_release or platform.release()
    text = _text(root / "proc/cpuinfo")
    fields = isa.cpuinfo_fields(text)
    flags = _flags(machine, fields, hwcaps)
    governor = _text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None
    realness, virtualisation = judge(root, machine, fields)
    stack = {
        "architecture": machine,
        "cpu_flags": " ".join(flags),
        "kernel_release": release,
        "microcode": fields.get("microcode", ""),
        "power_mode": governor or "",
    }
    return DeviceFacts(
        hardware_class=(HardwareClass.EDGE_ARM if machine in _ARM64 else HardwareClass.CPU_ONLY),
        realness=realness,
        architecture=machine,
        processor_model=_model(root, machine, text, fields),
        isa_flags=flags,
        core_count=core_count or len(os.sched_getaffinity(0)),
        memory_bytes=_memory_bytes(root),
        kernel_release=release,
        virtualisation=virtualisation,
        governor=governor,
        stack=tuple(StackItem(name, value) for name, value in stack.items() if value),
        evidence=_evidence(root),
    )


def _flags(machine: str, fields: dict[str, str], hwcaps: tuple[int, int] | None) -> tuple[str, ...]:
    if machine in _X86:
        return isa.x86_flags(fields)
    if machine in _ARM64:
        words = hwcaps or (isa.auxiliary(isa.AT_HWCAP), isa.auxiliary(isa.AT_HWCAP2))
        return isa.arm_flags(*words)
    return tuple(sorted(set(fields.get("Features", "").split())))


def _model(root: Path, machine: str, text: str, fields: dict[str, str]) -> str:
    if machine in _X86:
        return fields.get("model name", "")
    board = _text(root / "proc/device-tree/model")
    cores = isa.arm_cores(text) if "CPU part" in fields else ""
    return ", ".join(part for part in (board, cores) if part)


def _memory_bytes(root: Path) -> int:
    """Memory of the machine, or of this process's control group when that is less."""
    found = [_meminfo_bytes(root)]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            found.append(_limit(root / f"sys/fs/cgroup/{group.lstrip('/')}/memory.max"))
        elif "memory" in controllers.split(","):
            base = root / f"sys/fs/cgroup/memory/{group.lstrip('/')}"
            found.append(_limit(base / "memory.limit_in_bytes"))
    return min((value for value in found if value), default=0)


def _meminfo_bytes(root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _limit(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdigit() else 0


def _evidence(root: Path) -> tuple[StackItem, ...]:
    """Serials that this user may read, and the hardware addresses of real network cards."""
    found = {
        "board_serial": _text(root / "proc/device-tree/serial-number"),
        "product_serial": _text(root / "sys/class/dmi/id/product_serial"),
    }
    for card in sorted((root / "sys/class/net").glob("*")):
        if (card / "device").exists():
            found[f"mac.{card.name}"] = _text(card / "address")
    return tuple(StackItem(name, value) for name, value in found.items() if value)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip().strip("\0")
    except OSError:
        return ""
