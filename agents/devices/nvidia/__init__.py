"""GPUs of NVIDIA: one device for each card, and for each MIG instance of a divided one.

Everything is asked of the driver by NVML, and nothing is ever set but clocks that their owner has
pinned. What a card is named and what it
may draw are two things: its power limit is part of its stack, so that one name with two limits
never shares a fingerprint.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

from ...host import nvml
from ...host.rest import Heat
from ..base import ConditionReader, DeviceFacts, Fact, MemoryOfCard, Unit, Watch
from . import pinning

NAME = "nvidia"
RANK = 30
HINT = f"needs NVIDIA's driver and: {nvml.EXTRA}"

PROVIDERS = frozenset(("cuda", "tensorrt", "CUDAExecutionProvider", "TensorrtExecutionProvider"))
"""What a runtime names among its providers when it computes on such a card."""
OF_CANDIDATES = ("execution", "tf32")
"""Options that the reference is not given: on such a card it is eager, and TF32 off (11.1)."""
_LABEL_CHARACTERS = 8


def probe(*, root: Path = Path("/")) -> tuple[Unit, ...]:
    """Every GPU that can compute, by its UUID.

    Raises:
        BitgaugeError: `device_hidden`, the kernel has the driver and this process is not given it;
            `driver_missing`, it cannot be used.
    """
    if not nvml.is_there():
        if nvml.has_bindings():
            nvml.require_given(root)
        return ()
    with nvml.Nvml() as library:
        return tuple(_unit(gpu.uuid) for gpu in library.gpus())


def _unit(uuid: str) -> Unit:
    """`GPU-5f3a1c22-...` is labelled `gpu-5f3a1c22`, an instance `mig-...`."""
    kind, _, serial = uuid.partition("-")
    return Unit(key=uuid, label=f"{kind.lower()}-{serial[:_LABEL_CHARACTERS]}")


def offers(unit: str, installed: tuple[RuntimeDescription, ...]) -> tuple[RuntimeDescription, ...]:
    """What computes on the card; what computes on its host would be given the card's name."""
    del unit  # they are alike to a runtime
    return tuple(
        replace(one, providers=tuple(name for name in one.providers if name in PROVIDERS))
        if not one.simulated
        else one
        for one in installed
        if one.simulated or PROVIDERS & set(one.providers)
    )


def describe(unit: str, *, root: Path = Path("/")) -> DeviceFacts:
    """What a GPU is, and what of its host can change its numbers."""
    from .facts import evidence, memory_bytes, realness, stack  # the CPU's module, too

    with nvml.Nvml() as library:
        gpu = library.gpu(unit)
        real, under, host = realness(root, gpu.pci_address)
        return DeviceFacts(
            hardware_class=HardwareClass.GPU_NVIDIA,
            realness=real,
            architecture=host.architecture,
            processor_model=gpu.name,
            isa_flags=(),
            core_count=host.core_count,
            memory_bytes=memory_bytes(gpu),
            kernel_release=host.kernel_release,
            virtualisation=under,
            governor=host.governor,
            stack=stack(library, gpu, host),
            evidence=evidence(gpu),
        )


def pin(unit: str, mhz: int | None) -> str:
    """Locks its clock; see `base.PinsClocks`."""
    return pinning.pin(unit, mhz)


def unpin(unit: str) -> None:
    """Lets its clock go."""
    pinning.unpin(unit)


def watch(unit: str) -> Watch:
    """Looks for a lost card, its faults, errors of its memory, and another driver."""
    from ._watch import GpuWatch

    return GpuWatch(unit)


def variables(unit: str) -> dict[str, str]:
    """CUDA sees this card, or this MIG instance, and no other; in the order that NVML has."""
    return {"CUDA_VISIBLE_DEVICES": unit, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def slowed_ns(unit: str) -> float:
    """By heat and by the brake of its supply; see `base.SlowsDown`."""
    from ._slowdowns import faults_ns

    with nvml.Nvml() as library:
        return faults_ns(library.gpu(unit))


def memory(unit: str) -> MemoryOfCard:
    """Polls what the driver counts for this process; see `base.HasMemory`."""
    from ._memory import PolledMemory

    return PolledMemory(unit)


def conditions(unit: str) -> ConditionReader:
    """Reads clocks, temperature, power, what slowed it down, and who else is on it."""
    from ._conditions import NvidiaConditions  # numpy, which the agent does without

    return NvidiaConditions(unit)


def preflight(unit: str) -> dict[str, Fact]:
    """The state of a GPU before a timed launch."""
    from ._preflight import read_preflight

    return read_preflight(unit)


def rest(unit: str) -> Heat:
    """The temperature of the GPU."""
    from ._thermometer import Thermometer

    return Heat(Thermometer(unit).read_c)


def nodes(unit: str, *, root: Path = Path("/")) -> tuple[Path, ...]:
    """Its own node, those that every GPU needs, and of an instance those of its capabilities."""
    with nvml.Nvml() as library:
        gpu = library.gpu(unit)
        minor = gpu.card("nvmlDeviceGetMinorNumber")
    names = ["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools"]
    names += [f"nvidia{minor}"] if minor is not None else []
    found = [root / "dev" / name for name in names]
    found += sorted((root / "dev/nvidia-caps").glob("nvidia-cap*")) if gpu.is_part else []
    return tuple(one for one in found if one.exists())
