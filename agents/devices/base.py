"""What a kind of device tells of itself.

A device module holds `NAME`, `RANK`, `HINT`, `probe()` and `describe()`; the registry finds it
by its file name. It imports heavy libraries inside its functions only, because the agent holds
these modules for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.values.devices import StackItem


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What can be found out about a device without measuring it.

    `DeviceDescription` is made of these, an identity, the runtimes and the meters.

    Attributes:
        hardware_class: kind of hardware.
        realness: how real it is.
        architecture: machine name of the kernel: ``x86_64``, ``aarch64``.
        processor_model: as the vendor writes it; empty when unknown.
        isa_flags: instruction set flags, sorted.
        core_count: logical processors that this process may use.
        memory_bytes: memory of the machine, or of its limit when that is smaller.
        kernel_release: release of the kernel.
        virtualisation: hypervisor or emulator by name; None on bare metal.
        governor: frequency governor; None where it cannot be read.
        stack: what can change a number without the device changing.
        evidence: serials and addresses that support the identity.
    """

    hardware_class: HardwareClass
    realness: Realness
    architecture: str
    processor_model: str
    isa_flags: tuple[str, ...]
    core_count: int
    memory_bytes: int
    kernel_release: str
    virtualisation: str | None = None
    governor: str | None = None
    stack: tuple[StackItem, ...] = ()
    evidence: tuple[StackItem, ...] = ()


class DeviceModule(Protocol):
    """The shape of a device module."""

    NAME: str
    RANK: int
    HINT: str

    def probe(self) -> bool:
        """Whether this machine is such a device."""
        ...

    def describe(self, root: Path = Path("/")) -> DeviceFacts:
        """What the machine whose file system starts at `root` is."""
        ...
