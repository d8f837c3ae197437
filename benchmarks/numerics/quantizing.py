"""How operators quantize floating-point inputs themselves, at each call, before they multiply."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .saturation import Ints

Floats32 = npt.NDArray[np.float32]

U8_OF_CALL = "u8_of_call"
S8_OF_ROW = "s8_of_row"
S8_OF_ROW_SYMMETRIC = "s8_of_row_symmetric"
"""How an operator quantizes its input itself: unsigned with a scale of the whole call, or signed
with one for each row of a matrix and each image of a convolution, with a zero point or without."""


def quantize_dynamically(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], np.float32, int]:
    """Codes, scale and zero point as operator DynamicQuantizeLinear of ONNX defines them."""
    low = np.float32(min(float(x.min()), 0.0))
    high = np.float32(max(float(x.max()), 0.0))
    scale = np.float32((high - low) / np.float32(255)) if high > low else np.float32(1)
    zero = int(np.clip(np.rint(np.float32(0) - low / scale), 0, 255))
    codes = np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8)
    return codes, scale, zero


def quantize_rows(
    x: npt.NDArray[Any], *, symmetric: bool
) -> tuple[npt.NDArray[np.int8], Floats32, Ints]:
    """Codes, scales and zero points of 8 bits, one for each place of the first axis.

    As LiteRT's kernels take floats by constant integers: with a zero point where they are told so
    and always in XNNPACK, which nudges it to the nearer of two; else symmetric.
    """
    rows = x.reshape(len(x), -1).astype(np.float32)
    if symmetric:
        largest = np.abs(rows).max(axis=1, initial=0.0).astype(np.float32)
        scale = np.where(largest > 0, largest / np.float32(127), np.float32(1)).astype(np.float32)
        zero = np.zeros(len(x), np.int64)
        lowest = -127
    else:
        low = np.minimum(rows.min(axis=1, initial=0.0), 0).astype(np.float32)
        high = np.maximum(rows.max(axis=1, initial=0.0), 0).astype(np.float32)
        width = (high - low) / np.float32(255)
        scale = np.where(width > 0, width, np.float32(1)).astype(np.float32)
        zero = np.clip(np.rint(-128 - low / scale), -128, 127).astype(np.int64)
        lowest = -128
    codes = np.clip(np.rint(rows / scale[:, None]) + zero[:, None], lowest, 127).astype(np.int8)
    return codes.reshape(x.shape), scale[:, None], zero[:, None]
