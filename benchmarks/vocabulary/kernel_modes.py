"""Kernel modes: what integer kernels really do, as the saturation probe finds it.

The probe map holds, by operator, types and option (``QLinearMatMul.u8s8.const``), one mode. A
run's mode is the worst among the operators that it executed (DESIGN 10.9). `kernel_cases` says
which answer means which mode. Nothing here needs numpy, because the idle agent has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .enums import FormatFamily
from .fingerprint import KERNEL
from .values.devices import StackItem

EXACT = "exact"
FLOAT = "float"
FP32_ACCUMULATOR = "fp32acc"
FP16_ACCUMULATOR = "fp16acc"
NARROW_ACCUMULATOR = "narrow_acc"
TF32 = "tf32"
FP16_INFINITE = "fp16_inf"
FP16_SATURATING = "fp16_sat"
FP8_SATURATING = "fp8_sat"
FP8_INFINITE = "fp8_inf"
FP8_NAN = "fp8_nan"
UNSUPPORTED = "unsupported"
UNKNOWN = "unknown"
WRAP16 = "wrap16"
INEXACT = "inexact"
SAT16 = "sat16"

MEANING: dict[str, str] = {
    EXACT: "every accumulation is the exact integer",
    FLOAT: "computed in floating point between dequantized tensors",
    FP32_ACCUMULATOR: "half-precision products are summed in single precision",
    TF32: "factors of float32 are rounded to 10 bits of fraction before they are multiplied",
    NARROW_ACCUMULATOR: "summed with fewer bits than single precision: small products are lost",
    FP16_ACCUMULATOR: "half-precision products are summed in half precision: sums stop at 2,048",
    FP16_INFINITE: "65,520 and more become infinite in half precision, as IEEE 754 wants",
    FP16_SATURATING: "65,520 and more stay at half precision's largest, 65,504",
    FP8_SATURATING: "what FP8 cannot hold stays at its largest",
    FP8_INFINITE: "what FP8 cannot hold becomes infinite",
    FP8_NAN: "what FP8 cannot hold becomes NaN",
    UNSUPPORTED: "the runtime has no kernel for it",
    UNKNOWN: "the probe did not find out",
    WRAP16: "two products are added in 16 bits and wrap around: exact unless both are -128 x -128",
    INEXACT: "neither the exact integer nor what 16 bits would make of it",
    SAT16: "adjacent products are added in 16 bits and saturate",
}
"""Every mode, from harmless to worst, and what it means."""

PROBE_VERSION = 8
"""Raised when what is probed or how it is classified changes: maps that are kept are then old."""

_RANK = {mode: rank for rank, mode in enumerate(MEANING)}


def worst(modes: Iterable[str]) -> str:
    """The worst of `modes`; one that is not known counts as `unknown`.

    Raises:
        ValueError: there are none.
    """
    return max((mode if mode in _RANK else UNKNOWN for mode in modes), key=_RANK.__getitem__)


def kernel_mode(executed: Iterable[str], probe_map: Mapping[str, str]) -> str | None:
    """The mode of a run.

    Args:
        executed: integer operators that it executed, as the probe map names them.
        probe_map: mode by name; a name that is not there counts as `unknown`.

    Returns:
        The worst mode; None when nothing ran in integer kernels or nothing was probed.
    """
    names = tuple(executed)
    if not names or not probe_map:
        return None
    return worst(probe_map.get(name, UNKNOWN) for name in names)


_NARROW = {FormatFamily.FP8: "f8"}
"""What the types of products of a family begin with in the map, where it is asked for them."""


def widens(family: FormatFamily, probe_map: Mapping[str, str]) -> bool:
    """Whether products of a family are computed of wider floats, each one that was asked for.

    What executes such an artifact rounds values to the format and multiplies float32, so that it
    shows what the format predicts and not what it costs. Nothing is said where nothing was asked.
    """
    kind = _NARROW.get(family)
    asked = [] if kind is None else [name for name in probe_map if f".{kind}" in name]
    return bool(asked) and all(probe_map[name] in (FLOAT, UNSUPPORTED) for name in asked)


def probe_map_of(stack: Iterable[StackItem]) -> dict[str, str]:
    """The probe map in the stack of a run."""
    return {
        item.name.removeprefix(KERNEL): item.value for item in stack if item.name.startswith(KERNEL)
    }
