"""What the codes of a tensor stand for: by scale and zero point, and 8-bit floats as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .float8 import FLOAT8
from .graph import Codes
from .tensor_tally import Steps, Zeros

Arrays = Mapping[str, npt.NDArray[Any]]


def with_narrow_floats(observed: Arrays, codes: Mapping[str, Codes]) -> Arrays:
    """Tensors as they were observed, those of 8-bit floats as numbers in units of their scale.

    numpy has no such type, so that a runtime hands out their bits.
    """
    narrow = {
        name: FLOAT8[how.float8].numbers[observed[name].view(np.uint8)]
        for name, how in codes.items()
        if how.float8 and name in observed
    }
    return {**observed, **narrow} if narrow else observed


def parameters_of(
    how: Codes | None, values: Arrays, codes: npt.NDArray[Any]
) -> tuple[Steps, Zeros] | None:
    """Scale and zero point of a tensor, or one for each place of some of its axes.

    None when they are unknown, or told as one for each channel of an axis that is not told.
    """
    scale = values.get(how.scale) if how is not None else None
    if how is None or scale is None:
        return None
    zero = values.get(how.zero) if how.zero else np.zeros((), np.uint8)
    if zero is None or not (scale > 0).all():
        return None
    if scale.size == 1 and zero.size == 1:
        return float(scale.reshape(())), int(zero.reshape(()))
    if any(one.size != 1 and not _spread_over(one.shape, codes.shape) for one in (scale, zero)):
        return None
    return scale.astype(np.float32), zero.astype(np.int64)


def _spread_over(shape: tuple[int, ...], codes: tuple[int, ...]) -> bool:
    """Whether each axis is told apart: as long as that of the codes, or one for all of it."""
    return len(shape) == len(codes) and all(
        size in (1, whole) for size, whole in zip(shape, codes, strict=True)
    )


def numbers(x: npt.NDArray[Any], how: Codes | None, values: Arrays) -> npt.NDArray[Any] | None:
    """What a tensor stands for; None for codes whose scale is not known."""
    if x.dtype.kind == "f":
        return x
    parameters = parameters_of(how, values, x)
    if parameters is None:
        return None
    scale, zero = parameters
    real: npt.NDArray[Any] = (x.astype(np.float32) - zero) * np.float32(scale)
    return real
