"""What a kind of device is to the agent: everything that differs between devices, and only that.

A device module holds `NAME`, `RANK`, `HINT` and the functions of `DeviceModule`; the registry
finds it by the name of its file or folder. It imports heavy libraries inside its functions only,
because the agent holds these modules for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import (
    MeterDescription,
    RuntimeDescription,
    StackItem,
)

from ..host.rest import Heat

if TYPE_CHECKING:
    from bitgauge.benchmarks.samples import Conditions

Fact = str | float | None


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical unit of a kind.

    Attributes:
        key: what tells it for ever from others of its kind: a serial, a UUID; "" for a kind of
            which a machine has one.
        label: follows the agent's name in the unit's own; "" for what is the machine itself.
        host: what can do one thing at a time without disturbing it; "" for the machine that the
            agent runs on. A phone computes by itself and names itself.
    """

    key: str = ""
    label: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Equipment:
    """What executes artifacts, and what is metered, on the machine that runs a device's children.

    Attributes:
        problems: one line for each runtime and meter that cannot be used there.
    """

    runtimes: tuple[RuntimeDescription, ...] = ()
    meters: tuple[MeterDescription, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What can be found out about a device without measuring it.

    `DeviceDescription` is made of these, an identity, the runtimes and the meters.

    Attributes:
        architecture: machine name of the kernel: ``x86_64``, ``aarch64``.
        processor_model: as the vendor writes it; empty when unknown.
        isa_flags: instruction set flags, sorted.
        core_count: logical processors that this process may use.
        memory_bytes: memory of the machine, or of its limit when that is smaller.
        virtualisation: hypervisor or emulator by name; None on bare metal.
        governor: frequency governor; None where it cannot be read.
        stack: what can change a number without the device changing.
        evidence: serials and addresses that support the identity.
        equipment: its runtimes and meters, where they are not those of the agent's machine.
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
    equipment: Equipment | None = None


class ConditionReader(Protocol):
    """Reads what surrounds each block; made and read in the child, between blocks.

    Attributes:
        columns: the fields of `Conditions` that this unit can fill here; the others are NaN.
    """

    columns: tuple[str, ...]

    def read(self) -> Conditions:
        """The present values; it must be cheap."""
        ...

    def foreign_ns(self) -> float:
        """Time so far that others used what the unit's energy meter counts; NaN when unknown."""
        ...

    def close(self) -> None:
        """Gives back what the reader holds; further reads give NaN."""
        ...


class DeviceModule(Protocol):
    """The shape of a device module; `unit` is the key of one of the units that `probe` found."""

    NAME: str
    RANK: int
    HINT: str

    def probe(self) -> tuple[Unit, ...]:
        """The units of this kind that are here now; none where this machine is no such device."""
        ...

    def describe(self, unit: str) -> DeviceFacts:
        """What a unit is."""
        ...

    def conditions(self, unit: str) -> ConditionReader:
        """Opens what tells the conditions of a unit; called in the child."""
        ...

    def preflight(self, unit: str) -> dict[str, Fact]:
        """The state of a unit before a timed launch, stored with it (A-4); called in the child.

        Facts, not judgements: what could not be read is None and stays so.
        """
        ...

    def rest(self, unit: str) -> Heat:
        """How warm a unit is, and how warm it may be; called in the agent and in the child."""
        ...

    def nodes(self, unit: str) -> tuple[Path, ...]:
        """Device nodes that a child needs for a unit besides the harmless ones.

        For a GPU of NVIDIA these are ``nvidia*``, ``nvidia-caps/*``, ``nvhost*``, ``nvmap`` and
        ``nvgpu/*`` below /dev, for one of AMD ``kfd`` and ``dri/*``. The driver behind a node is
        within the artifact's reach: this confines faults, it is no wall against an attacker.
        """
        ...


class Watch(Protocol):
    """What looks after a unit for as long as an agent serves it."""

    def look(self) -> None:
        """Nothing where the unit is as it was when the watch began; it may block for a while.

        Raises:
            BitgaugeError: one of the codes in `errors.CORDONS`: what befell it; or who has it.
        """
        ...

    def explained(self, code: str) -> BitgaugeError | None:
        """What the unit tells of why a run failed with this code, while nothing of ours is there.

        None when it knows no more than the run itself.
        """
        ...


@runtime_checkable
class LookedAfter(Protocol):
    """What a kind has too whose units may fail by themselves, and say so."""

    def watch(self, unit: str) -> Watch:
        """Begins to look after a unit; called in the agent."""
        ...


@runtime_checkable
class SlowsDown(Protocol):
    """What a kind has too whose units protect themselves by working more slowly."""

    def slowed_ns(self, unit: str) -> float:
        """How long a unit was slowed down so far by heat or by its supply; NaN when not told.

        A limit that somebody has set, and that it keeps to, is no part of it.
        """
        ...


@runtime_checkable
class PinsClocks(Protocol):
    """What a kind has too whose clocks its owner may have pinned; called in the agent."""

    def pin(self, unit: str, mhz: int | None) -> str:
        """Holds the clock of a unit at so many MHz, or at its base clock; that in words.

        It lasts until `unpin`, whatever becomes of the process.

        Raises:
            Refused: `clocks_not_pinned`.
        """
        ...

    def unpin(self, unit: str) -> None:
        """Lets the clock of a unit go; nothing happens where it is free.

        Raises:
            BitgaugeError: it could not.
        """
        ...


class MemoryOfCard(Protocol):
    """A card's memory as this process uses it; made and read in the child.

    Attributes:
        reason: a key of the reasons why the process' own is not told; "" where it is.
    """

    reason: str

    def open_phase(self) -> None:
        """Forgets the peaks so far."""
        ...

    def peaks_bytes(self) -> tuple[int, int]:
        """The most since `open_phase`: of this process, and of everybody on the card."""
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...


@runtime_checkable
class HasMemory(Protocol):
    """What a kind has too whose units have a memory of their own."""

    def memory(self, unit: str) -> MemoryOfCard:
        """Begins to look at the memory of a unit; called before anything is loaded there."""
        ...


@runtime_checkable
class NamesDevice(Protocol):
    """What a kind has too whose units a library is told of by environment variables."""

    def variables(self, unit: str) -> dict[str, str]:
        """The variables of every child of a unit, so that it sees that unit and no other."""
        ...


@runtime_checkable
class OffersRuntimes(Protocol):
    """What a kind has too whose units do not execute whatever is installed beside the agent."""

    def offers(
        self, unit: str, installed: tuple[RuntimeDescription, ...]
    ) -> tuple[RuntimeDescription, ...]:
        """Those of the installed runtimes that a unit executes, as they are there."""
        ...


@runtime_checkable
class CarriesChildren(Protocol):
    """What a kind has too whose units are machines of their own, without an agent."""

    def carrier(self, unit: str) -> tuple[str, ...]:
        """The words of a program that stands where a child would, and runs it on the unit.

        It is given what the child would be: its module and arguments. None where nothing of ours
        runs on the unit.
        """
        ...


@runtime_checkable
class Hindered(Protocol):
    """What a kind has too whose units come and go, or tire."""

    def hindrance(self, unit: str) -> str | None:
        """Why a unit can do no job now, in one sentence; None when it can. It may block."""
        ...
