"""The state of a GPU and its host before a timed launch (measurement.md A-4); the child's alone."""

from __future__ import annotations

import math

from ...host.nvml import Gpu, Nvml
from .. import cpu
from ..base import Fact
from ._thermometer import temperature_c
from .facts import clocks, power_mode
from .processes import foreign_processes

_REASON = "nvmlClocksEventReason"
_COMPUTE_MODE = "NVML_COMPUTEMODE_"
_SCOPES = ("NVML_POWER_SCOPE_GPU", "NVML_POWER_SCOPE_MODULE", "NVML_POWER_SCOPE_MEMORY")
_OF_PROCESSOR = ("nominal_mhz", "max_mhz", "temperatures_c", "power_mode")
"""What the host tells of its processor, under names that are the card's here."""


def read_preflight(unit: str) -> dict[str, Fact]:
    """Frequencies in MHz, power in milliwatts, memory in bytes; the host's facts beside them."""
    host = {f"host_{k}" if k in _OF_PROCESSOR else k: v for k, v in cpu.preflight().items()}
    with Nvml() as library:
        return host | _of_card(unit, library.gpu(unit))


def _of_card(unit: str, gpu: Gpu) -> dict[str, Fact]:
    sm, default = gpu.value("NVML_CLOCK_SM"), gpu.value("NVML_CLOCK_ID_APP_CLOCK_DEFAULT")
    celsius = temperature_c(gpu)
    mode = gpu.card("nvmlDeviceGetComputeMode")
    memory = gpu.own("nvmlDeviceGetMemoryInfo")
    return {
        "nominal_mhz": gpu.card("nvmlDeviceGetClock", sm, default),
        "gpu_clocks": clocks(gpu),
        "gpu_clock_reasons": reasons(gpu),
        "temperatures_c": None if math.isnan(celsius) else f"gpu={celsius:.1f}",
        "power_mode": power_mode(gpu),
        "power_scopes_mw": scopes(gpu),
        "power_mw": gpu.card("nvmlDeviceGetPowerUsage"),
        "performance_state": gpu.card("nvmlDeviceGetPerformanceState"),
        "compute_mode": None if mode is None else gpu.named(_COMPUTE_MODE, mode).lower() or None,
        "memory_used_bytes": None if memory is None else int(memory.used),
        "foreign_processes": foreign_processes(unit, gpu),
    }


def scopes(gpu: Gpu) -> str | None:
    """The mean power of the card, its module and its memory, as far as it tells them."""
    words = ("gpu", "module", "memory")
    asked = [("NVML_FI_DEV_POWER_AVERAGE", name) for name in _SCOPES]
    told = zip(words, gpu.fields(asked), strict=True)
    return " ".join(f"{word}={value:.0f}" for word, value in told if value is not None) or None


def reasons(gpu: Gpu) -> str | None:
    """Why its clocks are what they are now: `SwPowerCap HwSlowdown`; `none` for no reason."""
    mask = gpu.card("nvmlDeviceGetCurrentClocksEventReasons")
    if mask is None:
        return None
    bits = (1 << bit for bit in range(64) if mask & 1 << bit)
    return " ".join(gpu.named(_REASON, bit) or hex(bit) for bit in bits) or "none"
