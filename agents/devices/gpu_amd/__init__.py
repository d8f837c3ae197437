"""AMD's graphics processors, by what the kernel's amdgpu driver tells. Never run on one.

Sources: the kernel's Documentation/gpu/amdgpu (driver-misc: product_name, serial_number, unique_id,
mem_info_vram_total; thermal: hwmon, power_dpm_force_performance_level, gpu_busy_percent) and the
topology of its compute driver (amdkfd: kfd/topology/nodes/N/properties). Nothing of ROCm is needed
to know what a device is.

A runtime that computes on the host's processor does not run here: only what says that it offers
one of `PROVIDERS` does.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from ...host import isa
from ...host.files import text, whole
from ...host.realness import judge
from ...host.rest import Heat
from ..base import ConditionReader, DeviceFacts, Fact, Unit
from . import _sensors

NAME = "gpu_amd"
RANK = 30
HINT = "needs an AMD graphics processor with the kernel's driver amdgpu"

PROVIDERS = ("MIGraphXExecutionProvider", "ROCMExecutionProvider")
"""What a runtime names among its providers when it computes on such a device."""

_VENDOR = 0x1002
_DRIVER = "amdgpu"
_CARD = re.compile(r"card\d+")


def probe(*, root: Path = Path("/")) -> tuple[Unit, ...]:
    """Each card that the driver has taken, by its own number, else by its place in the machine."""
    return tuple(
        Unit(key=_key(card), label=f"gpu-{_slot(card).replace(':', '-')}") for card in _cards(root)
    )


def offers(unit: str, installed: tuple[RuntimeDescription, ...]) -> tuple[RuntimeDescription, ...]:
    """The runtimes that compute on the card."""
    del unit  # they are alike to a runtime
    return tuple(one for one in installed if set(PROVIDERS) & set(one.providers))


def describe(unit: str, *, root: Path = Path("/")) -> DeviceFacts:
    """What a card is, and in which machine.

    Raises:
        LookupError: it is not here any more.
    """
    card, machine = card_of(unit, root), platform.machine()
    fields = isa.cpuinfo_fields(text(root / "proc/cpuinfo"))
    realness, virtualisation = judge(root, machine, fields)
    node = _compute_node(root, card)
    target = _target(node.get("gfx_target_version", 0))
    told = _uevent(card)
    stack = {
        "architecture": machine,
        "kernel_release": platform.release(),
        "gpu.pci_id": told.get("PCI_ID", "").lower(),
        "gpu.revision": text(card / "revision"),
        "gpu.isa": target,
        "gpu.firmware": text(card / "vbios_version"),
        # A driver of AMD's own packages has a version; the kernel's has that of the kernel.
        "driver": f"{_DRIVER} {text(root / f'sys/module/{_DRIVER}/version')}".strip(),
        "power_mode": text(card / "power_dpm_force_performance_level"),
        "power_limit_uw": text(_sensors.hwmon(card) / "power1_cap"),
    }
    return DeviceFacts(
        hardware_class=HardwareClass.GPU_AMD,
        realness=realness,
        architecture=machine,
        processor_model=text(card / "product_name") or f"AMD GPU {stack['gpu.pci_id']}",
        isa_flags=(target,) if target else (),
        core_count=max(node.get("simd_count", 0) // max(node.get("simd_per_cu", 0), 1), 1),
        memory_bytes=whole(card / "mem_info_vram_total") or 0,
        kernel_release=platform.release(),
        virtualisation=virtualisation,
        governor=stack["power_mode"] or None,
        stack=tuple(StackItem(name, value) for name, value in stack.items() if value),
        evidence=tuple(
            StackItem(name, value)
            for name, value in (
                ("pci_slot", _slot(card)),
                ("unique_id", text(card / "unique_id")),
                ("serial_number", text(card / "serial_number")),
            )
            if value
        ),
    )


def conditions(unit: str, *, root: Path = Path("/")) -> ConditionReader:
    """Reads the card's clock and its hottest sensor."""
    from ._conditions import GpuConditions  # numpy, which the agent does without

    return GpuConditions(card_of(unit, root))


def preflight(unit: str, *, root: Path = Path("/")) -> dict[str, Fact]:
    """What state the card is in before a launch."""
    return _sensors.preflight(card_of(unit, root), root)


def rest(unit: str, *, root: Path = Path("/")) -> Heat:
    """The temperature of the card's hottest sensor."""
    return Heat(_sensors.thermometer(card_of(unit, root)))


def nodes(unit: str, *, root: Path = Path("/")) -> tuple[Path, ...]:
    """The compute driver's node, and the card's own for rendering, without its display."""
    render = sorted((card_of(unit, root) / "drm").glob("renderD*"))
    wanted = (root / "dev/kfd", *(root / "dev/dri" / one.name for one in render))
    return tuple(path for path in wanted if path.exists())


def card_of(unit: str, root: Path) -> Path:
    """The folder of a card's device.

    Raises:
        LookupError: it is not here any more.
    """
    for card in _cards(root):
        if _key(card) == unit:
            return card
    raise LookupError(f"the AMD GPU {unit} is not here any more")


def _cards(root: Path) -> list[Path]:
    """The devices that the driver has taken, by their places."""
    found = [
        folder / "device"
        for folder in (root / "sys/class/drm").glob("card*")
        if _CARD.fullmatch(folder.name)
    ]
    ours = (one for one in found if _number(text(one / "vendor")) == _VENDOR)
    return sorted((one for one in ours if _uevent(one).get("DRIVER") == _DRIVER), key=_slot)


def _key(card: Path) -> str:
    unique = text(card / "unique_id")
    return unique if _number(unique) else _slot(card)


def _slot(card: Path) -> str:
    return _uevent(card).get("PCI_SLOT_NAME", "")


def _uevent(card: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in text(card / "uevent").splitlines())
    return {name: value for name, _, value in lines}


def _number(word: str) -> int:
    """A number as sysfs writes it in hexadecimal, with 0x or without; 0 for what is none."""
    try:
        return int(word, 16)
    except ValueError:
        return 0


def _compute_node(root: Path, card: Path) -> dict[str, int]:
    """What the compute driver tells of a card, found by its node for rendering; {} for nothing."""
    minors = {one.name.removeprefix("renderD") for one in (card / "drm").glob("renderD*")}
    for file in sorted((root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties")):
        pairs = (line.split() for line in text(file).splitlines())
        told = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
        if str(told.get("drm_render_minor", "")) in minors:
            return told
    return {}


def _target(version: int) -> str:
    """What compilers call it: 110000 is gfx1100, 90010 gfx90a; empty for none."""
    if not version:
        return ""
    return f"gfx{version // 10_000}{version // 100 % 100:x}{version % 100:x}"
