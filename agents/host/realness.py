"""Is this machine metal, a virtual machine or an emulator?

Careful rather than generous: where emulation cannot be told from a virtual machine the answer
is `emulated`, because an emulated time in the table would be a lie and a missing one is not.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import Realness

from .files import text

_TRANSLATOR, _EMULATOR = "qemu-", "qemu-user"
_ELF_MACHINES = {62: "x86_64", 183: "aarch64"}
_ELF_MACHINE_OFFSET = 18
# (vendor or product beginning, hypervisor) of the DMI tables, as their makers write them.
_DMI = (
    ("QEMU", "qemu"),
    ("KVM", "kvm"),
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Xen", "xen"),
    ("Parallels", "parallels"),
    ("Virtual Machine", "microsoft"),
    ("OpenStack", "openstack"),
    ("DigitalOcean", "digitalocean"),
    ("Hetzner", "hetzner"),
)
_CLOCKS = {"kvm-clock": "kvm", "xen": "xen", "hyperv_clocksource_tsc_page": "microsoft"}


def judge(root: Path, architecture: str, cpuinfo: Mapping[str, str]) -> tuple[Realness, str | None]:
    """How real the machine below `root` is, and what stands between it and the metal.

    Args:
        root: file system root.
        architecture: machine name that the kernel gave this process.
        cpuinfo: fields of the first processor.

    Returns:
        The realness, and the hypervisor or emulator by name (None on metal).
    """
    if emulator := user_mode_emulator(root, architecture, cpuinfo):
        return Realness.EMULATED, emulator
    if "QEMU TCG" in cpuinfo.get("model name", ""):
        return Realness.EMULATED, "qemu-tcg"
    dmi = _dmi_hypervisor(root)
    if architecture in ("aarch64", "arm64"):
        return _judge_arm(root, dmi)
    if "hypervisor" in cpuinfo.get("flags", "").split():
        return Realness.VIRTUAL_MACHINE, dmi or _clock_hypervisor(root) or "unknown"
    return (Realness.VIRTUAL_MACHINE, dmi) if dmi else (Realness.PHYSICAL, None)


def _judge_arm(root: Path, dmi: str | None) -> tuple[Realness, str | None]:
    """ARM has no hypervisor flag: the board speaks through its device tree or its DMI tables."""
    compatible = text(root / "proc/device-tree/compatible")
    if dmi == "qemu" or "linux,dummy-virt" in compatible:
        # The same board under KVM and under translation on another architecture; no file tells
        # the two apart.
        return Realness.EMULATED, "qemu"
    if dmi:
        return Realness.VIRTUAL_MACHINE, dmi
    if compatible or text(root / "sys/class/dmi/id/sys_vendor"):
        return Realness.PHYSICAL, None
    return Realness.VIRTUAL_MACHINE, "unknown"


def user_mode_emulator(root: Path, architecture: str, cpuinfo: Mapping[str, str]) -> str | None:
    """The emulator that translates this very process, if one does.

    qemu-user answers ``/proc/self/exe`` with the guest's program but leaves the link below
    ``task`` alone, and that one leads to the translator, by its name or as a program of the host's
    architecture. A cpuinfo of another architecture betrays it too.
    """
    program = root / f"proc/self/task/{os.getpid()}/exe"
    with contextlib.suppress(OSError):
        if os.path.basename(os.readlink(program)).startswith(_TRANSLATOR):
            return _EMULATOR
    native = _elf_machine(program)
    if (
        native is not None
        and native != architecture
        and {native, architecture} <= set(_ELF_MACHINES.values())
    ):
        return _EMULATOR
    if architecture in ("aarch64", "arm64") and ("vendor_id" in cpuinfo or "flags" in cpuinfo):
        return _EMULATOR
    return None


def _elf_machine(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(_ELF_MACHINE_OFFSET + 2)
    except OSError:
        return None
    if not head.startswith(b"\x7fELF") or len(head) < _ELF_MACHINE_OFFSET + 2:
        return None
    return _ELF_MACHINES.get(int.from_bytes(head[_ELF_MACHINE_OFFSET:], "little"))


def _dmi_hypervisor(root: Path) -> str | None:
    folder = root / "sys/class/dmi/id"
    product = text(folder / "product_name")
    if product.endswith(".metal"):
        return None  # a cloud's name on rented metal
    for named in (text(folder / "sys_vendor"), product):
        for beginning, name in _DMI:
            if named.startswith(beginning):
                return name
    return None


def _clock_hypervisor(root: Path) -> str | None:
    """The hypervisor whose clock the kernel could use, even when it prefers the TSC."""
    clocks = text(root / "sys/devices/system/clocksource/clocksource0/available_clocksource")
    return next((_CLOCKS[name] for name in clocks.split() if name in _CLOCKS), None)
