"""What a GPU is: what does not change by itself, and could change a number if it did."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import Realness
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ...host.nvml import Gpu, Nvml, is_divided, is_on_bus
from .. import cpu
from ..base import DeviceFacts
from .pinning import pinned

NOT_ON_BUS = "a GPU that is not on this machine's PCI bus"
_MW = 1000
_OF_HOST = ("architecture", "kernel_release")
_ARCHITECTURE = "NVML_DEVICE_ARCH_"


def realness(root: Path, pci_address: str) -> tuple[Realness, str | None, DeviceFacts]:
    """How real it is, what stands between it and the metal, and its host.

    It is as real as its host when the kernel knows a card of NVIDIA at its address. Whatever NVML
    says of another, it is simulated: nobody but NVML has seen it.
    """
    host = cpu.describe(root=root)
    if not is_on_bus(root, pci_address):
        return Realness.SIMULATED, NOT_ON_BUS, host
    return host.realness, host.virtualisation, host


def stack(library: Nvml, gpu: Gpu, host: DeviceFacts) -> tuple[StackItem, ...]:
    """Every fact that is told, with its name; power limits are those of now."""
    version = library.ask("nvmlSystemGetCudaDriverVersion_v2")
    own = {item.name: item.value for item in host.stack}
    found = {
        **{name: own[name] for name in _OF_HOST if name in own},
        "host.processor": host.processor_model,
        "host.microcode": own.get("microcode"),
        "host.governor": host.governor,
        "driver": library.ask("nvmlSystemGetDriverVersion"),
        "cuda_driver": None if version is None else f"{version // 1000}.{version % 1000 // 10}",
        "firmware": gpu.card("nvmlDeviceGetVbiosVersion"),
        "gpu.model": gpu.name,
        "gpu.architecture": _architecture(gpu),
        "gpu.compute_capability": _dotted(gpu.card("nvmlDeviceGetCudaComputeCapability")),
        "gpu.memory_bytes": str(memory_bytes(gpu)),
        "gpu.ecc": _switch(gpu.card("nvmlDeviceGetEccMode")),
        "gpu.mig": _mig(gpu),
        "gpu.persistence_mode": _switch(gpu.card("nvmlDeviceGetPersistenceMode")),
        "gpu.clocks": clocks(gpu),
        "gpu.clocks_pinned": pinned(gpu.uuid),
        "power_mode": power_mode(gpu),
    }
    return tuple(StackItem(name, str(value)) for name, value in found.items() if value)


def evidence(gpu: Gpu) -> tuple[StackItem, ...]:
    """What tells this unit from others."""
    found = {
        "uuid": gpu.uuid,
        "pci_address": gpu.pci_address,
        "serial": gpu.card("nvmlDeviceGetSerial"),
    }
    return tuple(StackItem(name, str(value)) for name, value in found.items() if value)


def memory_bytes(gpu: Gpu) -> int:
    """Memory of the GPU, or of its part of one."""
    found = gpu.own("nvmlDeviceGetMemoryInfo")
    return 0 if found is None else int(found.total)


def power_mode(gpu: Gpu) -> str | None:
    """What it may draw now, and within what that can be set: `300 W of 100 to 350 W`."""
    limit = gpu.card("nvmlDeviceGetPowerManagementLimit")
    bounds = gpu.card("nvmlDeviceGetPowerManagementLimitConstraints")
    if limit is None:
        return None
    low_high = "" if bounds is None else " of {:g} to {:g} W".format(*(one / _MW for one in bounds))
    return f"{limit / _MW:g} W{low_high}"


def clocks(gpu: Gpu) -> str | None:
    """The clocks that applications are given, as they are set: `sm 1980 MHz, memory 2619 MHz`."""
    target = gpu.value("NVML_CLOCK_ID_APP_CLOCK_TARGET")
    kinds = (("sm", "NVML_CLOCK_SM"), ("memory", "NVML_CLOCK_MEM"))
    told = [(name, gpu.card("nvmlDeviceGetClock", gpu.value(kind), target)) for name, kind in kinds]
    return ", ".join(f"{name} {mhz} MHz" for name, mhz in told if mhz) or None


def _mig(gpu: Gpu) -> str | None:
    mode = gpu.card("nvmlDeviceGetMigMode")
    if gpu.is_part:
        return f"instance {gpu.own('nvmlDeviceGetGpuInstanceId')}"
    return None if mode is None else "on" if is_divided(mode) else "off"


def _architecture(gpu: Gpu) -> str | None:
    """By the name that the bindings have for its number."""
    number = gpu.card("nvmlDeviceGetArchitecture")
    if number is None:
        return None
    return gpu.named(_ARCHITECTURE, number).lower() or str(number)


def _dotted(pair: tuple[int, int] | None) -> str | None:
    return None if pair is None else f"{pair[0]}.{pair[1]}"


def _switch(state: int | list[int] | None) -> str | None:
    """`on` or `off`; of two, the first is the present one."""
    now = state[0] if isinstance(state, list) else state
    return None if now is None else "on" if now else "off"
