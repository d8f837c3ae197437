"""Whether two forms of a model give the same outputs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Outputs = Sequence[npt.NDArray[Any]]

ROUNDING = 1e-4
"""Largest difference that counts as rounding, of the largest value of the output."""


def difference(before: Outputs, after: Outputs) -> str:
    """What two answers to the same inputs differ in beyond rounding; empty when in nothing.

    Numbers that are not floats are equal or not; a NaN or an infinity stays where it was.
    """
    if len(before) != len(after):
        return f"{len(after)} outputs instead of {len(before)}"
    for index, (old, new) in enumerate(zip(before, after, strict=True)):
        words = _differs(np.asarray(old), np.asarray(new))
        if words:
            return f"output {index} {words}"
    return ""


def _differs(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> str:
    if (old.shape, old.dtype) != (new.shape, new.dtype):
        return f"is {new.dtype}{list(new.shape)}, not {old.dtype}{list(old.shape)}"
    if np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
        return ""
    if old.dtype.kind != "f":
        return f"differs in {int(np.count_nonzero(old != new))} of {old.size} values"
    finite = np.isfinite(old)
    if not np.array_equal(np.where(finite, 0, old), np.where(np.isfinite(new), 0, new), True):
        return "is not finite at other places"
    largest = float(np.max(np.abs(old[finite]), initial=0.0))
    error = float(np.max(np.abs(old[finite].astype(np.float64) - new[finite]), initial=0.0))
    return "" if error <= ROUNDING * largest else f"is off by {error:.2g} of {largest:.2g}"
