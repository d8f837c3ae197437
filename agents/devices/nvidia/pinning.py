"""Clocks of a GPU that its owner has pinned: locked by the driver until they are reset.

Source: NVML's reference on nvmlDeviceSetGpuLockedClocks: it needs root, outlives the process, and
ends with a reset or the driver. No question tells a lock of before: it is gone afterwards, and
whoever asks for pinned clocks is told so.
"""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ...host.nvml import Nvml

_PINNED: dict[str, str] = {}
"""By unit, what this process has pinned: part of what the unit is, as long as it lasts."""


def pinned(unit: str) -> str | None:
    """What the clock of a unit is pinned to by this process; None when it is not."""
    return _PINNED.get(unit)


def pin(unit: str, mhz: int | None) -> str:
    """Locks the clock of a unit's multiprocessors; what it is locked to, in words.

    Args:
        unit: by UUID; of an instance it is its whole card.
        mhz: the clock; None for the one that the card keeps within its power, its base clock.

    Raises:
        Refused: `clocks_not_pinned`, with the reason.
    """
    with Nvml() as library:
        gpu = library.gpu(unit)
        clock = gpu.value("NVML_CLOCK_LIMIT_ID_TDP") if mhz is None else mhz
        why = gpu.change("nvmlDeviceSetGpuLockedClocks", clock, clock)
    if why:
        raise Refused(Code.CLOCKS_NOT_PINNED, f"The clocks of GPU {unit} are not pinned: {why}.")
    _PINNED[unit] = "base clock" if mhz is None else f"{mhz} MHz"
    return _PINNED[unit]


def unpin(unit: str) -> None:
    """Lets the clock of a unit go; nothing happens where it is free.

    Raises:
        Refused: `clocks_not_pinned`, it could not be let go.
        BitgaugeError: the card or its driver is gone.
    """
    with Nvml() as library:
        why = library.gpu(unit).change("nvmlDeviceResetGpuLockedClocks")
    if why:
        raise Refused(Code.CLOCKS_NOT_PINNED, f"The clocks of GPU {unit} stay pinned: {why}.")
    _PINNED.pop(unit, None)
