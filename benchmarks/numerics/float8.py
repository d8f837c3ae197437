"""Floats of 8 bits, which numpy has not: what each of their codes is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Float8:
    """One type of 8 bits.

    Attributes:
        largest: of its numbers.
        reach: what still rounds to that.
        numbers: what each of its 256 codes is.
    """

    largest: float
    reach: float
    numbers: npt.NDArray[np.float32]


def _float8(exponent_bits: int, largest: float, *, finite: bool) -> Float8:
    """The type; `finite` ones have no infinity, and NaN in their last code alone."""
    mantissa_bits, codes = 7 - exponent_bits, np.arange(256)
    bias = (1 << (exponent_bits - 1)) - 1
    exponent = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    part = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    normal = exponent > 0
    held = (part + normal) * 2.0 ** (np.where(normal, exponent, 1) - bias)
    if finite:
        held[(codes & 127) == 127] = np.nan
    else:
        top = exponent == exponent.max()
        held[top] = np.where(part[top] == 0, np.inf, np.nan)
    step = largest - np.sort(held[np.isfinite(held) & (held < largest)])[-1]
    signed: npt.NDArray[np.float32] = np.where(codes < 128, held, -held).astype(np.float32)
    return Float8(largest, largest + step / 2, signed)


FLOAT8 = {"e4m3": _float8(4, 448.0, finite=True), "e5m2": _float8(5, 57_344.0, finite=False)}
"""By the name that recipes have for it."""
