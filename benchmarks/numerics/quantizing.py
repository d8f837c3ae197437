"""How numbers become codes, and back.

By the scale of a tensor, and in operators that quantize their inputs themselves at each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .saturation import Ints

Floats32 = npt.NDArray[np.float32]

U8_OF_CALL = "u8_of_call"
S8_TO_EVEN = "s8_to_even"
S8_AWAY = "s8_away"
S8_SYMMETRIC = "s8_symmetric"
"""How an operator quantizes its input itself: unsigned with a scale of the whole call, or signed
with one for each row of a matrix and each image of a convolution. Of these XNNPACK rounds halves to
even codes, LiteRT's own kernels away from zero, with a zero point or symmetric."""


def codes_of(
    values: npt.NDArray[Any], kind: npt.DTypeLike, scale: float, zero: int
) -> npt.NDArray[Any]:
    """Codes of type `kind` that stand for `values`: rounded to even and clipped.

    In float32, as LiteRT's QUANTIZE does it.
    """
    limits = np.iinfo(np.dtype(kind))
    codes = np.rint(values / np.float32(scale)) + zero
    held: npt.NDArray[Any] = np.clip(codes, limits.min, limits.max).astype(kind)
    return held


def numbers_of(codes: npt.NDArray[Any], scale: float, zero: int) -> Floats32:
    """The numbers that codes stand for."""
    values: Floats32 = (codes.astype(np.float32) - np.float32(zero)) * np.float32(scale)
    return values


def quantize_dynamically(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], np.float32, int]:
    """Codes, scale and zero point as operator DynamicQuantizeLinear of ONNX defines them."""
    low = np.float32(min(float(x.min()), 0.0))
    high = np.float32(max(float(x.max()), 0.0))
    scale = np.float32((high - low) / np.float32(255)) if high > low else np.float32(1)
    zero = int(np.clip(np.rint(np.float32(0) - low / scale), 0, 255))
    codes = np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8)
    return codes, scale, zero


def quantize_rows(x: npt.NDArray[Any], how: str) -> tuple[npt.NDArray[np.int8], Floats32, Ints]:
    """Codes of 8 bits, with scales and zero points (M, 1) of each place of the first axis.

    In float32 as the kernels do it: a value that lies between two codes falls as theirs does.
    """
    rows = x.reshape(len(x), -1).astype(np.float32)
    if how == S8_SYMMETRIC:
        largest = np.abs(rows).max(axis=1, initial=0.0).astype(np.float32)
        largest = np.where(largest > 0, largest, np.float32(127)).astype(np.float32)
        codes = _away(rows * (np.float32(127) / largest)[:, None])
        zero = np.zeros((len(x), 1), np.int64)
        return _held(codes, -127, x.shape), (largest / np.float32(127))[:, None], zero
    low = np.minimum(rows.min(axis=1, initial=0.0), 0).astype(np.float32)
    high = np.maximum(rows.max(axis=1, initial=0.0), 0).astype(np.float32)
    width = np.where(high > low, high - low, np.float32(255)).astype(np.float32)
    if how == S8_TO_EVEN:
        per_step = np.float32(255) / width
        zero = np.clip(np.rint(-128 - low * per_step), -128, 127).astype(np.int64)[:, None]
        codes = np.rint(rows * per_step[:, None]) + zero
        return _held(codes, -128, x.shape), (np.float32(1) / per_step)[:, None], zero
    step = width.astype(np.float64) / 255
    zero = np.clip(_away(-128 - low / step), -128, 127).astype(np.int64)[:, None]
    scale = step.astype(np.float32)[:, None]
    codes = _away(zero.astype(np.float32) + rows * (np.float32(1) / scale))
    return _held(codes, -128, x.shape), scale, zero


def _away(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rounded, halves away from zero."""
    rounded: npt.NDArray[Any] = np.trunc(values + np.copysign(values.dtype.type(0.5), values))
    return rounded


def _held(codes: npt.NDArray[Any], low: int, shape: tuple[int, ...]) -> npt.NDArray[np.int8]:
    held: npt.NDArray[np.int8] = np.clip(codes, low, 127).astype(np.int8).reshape(shape)
    return held


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
