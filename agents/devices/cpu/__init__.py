"""This machine's processor: x86-64 or ARM, metal or not.

Every fact is read below a root folder, so that tests run on directory trees of real machines.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ...host import cores, isa
from ...host.container import container
from ...host.files import kilobytes, text, whole
from ...host.realness import judge
from ...host.rest import Heat
from ..base import ConditionReader, DeviceFacts, Fact, Unit
from ._thermometer import temperature_c, temperature_file
from .boards import board

NAME = "cpu"
RANK = 10
HINT = "needs Linux on x86-64 or ARM"

_X86 = ("x86_64", "i686", "i386")
_ARM64 = ("aarch64", "arm64")


def probe() -> tuple[Unit, ...]:
    """The processors together are one unit; every Linux machine has them."""
    return (Unit(),) if platform.system() == "Linux" else ()


def conditions(unit: str = "") -> ConditionReader:
    """Reads clock, temperature, throttling, steal, pressure and foreign load."""
    from ._conditions import CpuConditions  # numpy, which the agent does without

    return CpuConditions()


def preflight(unit: str = "") -> dict[str, Fact]:
    """What surrounds a launch that is about to begin."""
    from ._preflight import read_preflight

    return read_preflight()


def rest(unit: str = "", *, root: Path = Path("/")) -> Heat:
    """The temperature of the processor."""
    file = temperature_file(root)
    return Heat(lambda: temperature_c(file))


def nodes(unit: str = "") -> tuple[Path, ...]:
    """A processor needs none."""
    return ()


def describe(
    unit: str = "",
    *,
    root: Path = Path("/"),
    architecture: str | None = None,
    kernel_release: str | None = None,
    hwcaps: tuple[int, int] | None = None,
    core_count: int | None = None,
) -> DeviceFacts:
    """What the machine below `root` is.

    What is not given is asked from the kernel; tests give a directory tree as `root`.
    """
    machine = architecture or platform.machine()
    release = kernel_release or platform.release()
    cpuinfo = text(root / "proc/cpuinfo")
    fields = isa.cpuinfo_fields(cpuinfo)
    flags = _flags(machine, fields, hwcaps)
    governor = text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or None
    realness, virtualisation = judge(root, machine, fields)
    stack = {
        "architecture": machine,
        "cpu_flags": " ".join(flags),
        "kernel_release": release,
        "microcode": fields.get("microcode", ""),
        "cores": _cores(root),
        "container": container(root) or "",
    }
    here = board(root)
    told = {} if here is None else here.stack(root)
    modes = (told.get("power_mode"), governor)
    stack |= told | {"power_mode": " ".join(filter(None, modes))}
    return DeviceFacts(
        hardware_class=(HardwareClass.EDGE_ARM if machine in _ARM64 else HardwareClass.CPU_ONLY),
        realness=realness,
        architecture=machine,
        processor_model=_model(root, machine, cpuinfo, fields),
        isa_flags=flags,
        core_count=core_count or len(os.sched_getaffinity(0)),
        memory_bytes=_memory_bytes(root),
        kernel_release=release,
        virtualisation=virtualisation,
        governor=governor,
        stack=tuple(StackItem(name, value) for name, value in stack.items() if value),
        evidence=_evidence(root),
    )


def _cores(root: Path) -> str:
    """Which processors run what is measured, where that is a choice; else empty.

    Of unlike kinds it is always said, since a launch may run on either.
    """
    mine, found = os.sched_getaffinity(0), cores.groups(root)
    parts = []
    for group in found:
        used = mine.intersection(cores.cpus_of(group.cpus))
        if used:
            parts.append(
                f"{cores.listed(used)} {group.kind}"
                if group.kind != "unknown"
                else cores.listed(used)
            )
    there = {cpu for group in found for cpu in cores.cpus_of(group.cpus)}
    return ", ".join(parts) if len(found) > 1 or mine < there else ""


def _flags(machine: str, fields: dict[str, str], hwcaps: tuple[int, int] | None) -> tuple[str, ...]:
    if machine in _X86:
        return isa.x86_flags(fields)
    if machine in _ARM64:
        words = hwcaps or (isa.auxiliary(isa.AT_HWCAP), isa.auxiliary(isa.AT_HWCAP2))
        return isa.arm_flags(*words)
    return tuple(sorted(set(fields.get("Features", "").split())))


def _model(root: Path, machine: str, cpuinfo: str, fields: dict[str, str]) -> str:
    if machine in _X86:
        return fields.get("model name", "")
    board = text(root / "proc/device-tree/model")
    cores = isa.arm_cores(cpuinfo) if "CPU part" in fields else ""
    return ", ".join(part for part in (board, cores) if part)


def _memory_bytes(root: Path) -> int:
    """Memory of the machine, or of this process's control group when that is less."""
    found = [kilobytes(root / "proc/meminfo", ("MemTotal",)).get("MemTotal")]
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            found.append(whole(root / f"sys/fs/cgroup/{group.lstrip('/')}/memory.max"))
        elif "memory" in controllers.split(","):
            base = root / f"sys/fs/cgroup/memory/{group.lstrip('/')}"
            found.append(whole(base / "memory.limit_in_bytes"))
    return min((value for value in found if value), default=0)


def _evidence(root: Path) -> tuple[StackItem, ...]:
    """Serials that this user may read, and the hardware addresses of real network cards."""
    found = {
        "board_serial": text(root / "proc/device-tree/serial-number"),
        "product_serial": text(root / "sys/class/dmi/id/product_serial"),
    }
    for card in sorted((root / "sys/class/net").glob("*")):
        if (card / "device").exists():
            found[f"mac.{card.name}"] = text(card / "address")
    return tuple(StackItem(name, value) for name, value in found.items() if value)
