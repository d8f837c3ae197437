"""Values that say what a device is and how it stands."""

from __future__ import annotations

from dataclasses import dataclass

from ..enums import (
    Capability,
    FormatFamily,
    HardwareClass,
    Health,
    Realness,
)
from .credentials import AaCertificate


@dataclass(frozen=True, slots=True)
class StackItem:
    """One named input of a stack fingerprint, stored so that a difference can be named."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RuntimeOption:
    """An option of a runtime's session that may be measured.

    `values` is what it may be, its default left out: that would be a second name of one row.
    `words` says what it brings and costs, as the end of a sentence.
    """

    name: str
    values: tuple[str, ...]
    words: str = ""


@dataclass(frozen=True, slots=True)
class RuntimeDescription:
    """A runtime as the device advertises it; results of a `simulated` one never enter the table.

    `fingerprint` is the SHA-256 of the stack items that can change its numbers, `kernel_modes` the
    probe map by operator, types and option, `anchors` the most that was ever observed of it.
    `artifact_kinds` is what it takes (empty: it does not say), `options` what may be measured with
    it, `exact_options` what makes its kernels exact, `capabilities` what it can show besides.
    """

    name: str
    version: str
    providers: tuple[str, ...] = ()
    families: tuple[FormatFamily, ...] = ()
    versions: tuple[StackItem, ...] = ()
    fingerprint: str = ""
    simulated: bool = False
    kernel_modes: tuple[StackItem, ...] = ()
    anchors: tuple[StackItem, ...] = ()
    artifact_kinds: tuple[str, ...] = ()
    options: tuple[RuntimeOption, ...] = ()
    exact_options: tuple[StackItem, ...] = ()
    capabilities: tuple[Capability, ...] = ()


@dataclass(frozen=True, slots=True)
class MeterDescription:
    """A source of one physical quantity; `reason` says why it cannot be used, None that it can."""

    name: str
    quantity: str
    kind: str
    scope: str
    update_period_ns: int | None = None
    uncertainty_relative: float | None = None
    averaging_window_ns: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """One physical unit, as its agent describes it at registration.

    Once it has registered, `name` is its registered name and `aliases` the others by which the
    coordinator knows it; what an agent says of those is not heard.
    """

    device_id: str
    name: str
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
    runtimes: tuple[RuntimeDescription, ...] = ()
    meters: tuple[MeterDescription, ...] = ()
    tags: tuple[StackItem, ...] = ()
    evidence: tuple[StackItem, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """An agent's process, by where it runs: its machine's name for itself, and its address.

    It serves since it registered first; of one that was refused it is when that was last.
    """

    host: str
    address: str
    since_unix_ns: int

    @property
    def words(self) -> str:
        """Which one it is, in a sentence."""
        return f"{self.host or 'a machine without name'} at {self.address or 'an unknown address'}"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device as people see it; `state` is `idle`, `busy` or `unreachable`.

    `cordoned` says why it gets no job, `note` what else people should know of it now.
    `aa_certificates` holds the newest of each runtime, and its newest rehearsal. Unless it is
    `confirmed` nobody has said that it is what it says it is. `rival` is another process with its
    id that was refused lately.
    """

    description: DeviceDescription
    state: str
    last_seen_unix_ns: int
    agent_version: str
    job_id: str | None = None
    health: Health = Health.GOOD
    cordoned: str | None = None
    retired: bool = False
    certificate_expires_unix_ns: int | None = None
    checked_unix_ns: int | None = None
    check_job_id: str | None = None
    note: str | None = None
    aa_certificates: tuple[AaCertificate, ...] = ()
    confirmed: bool = True
    agent: Instance | None = None
    rival: Instance | None = None
