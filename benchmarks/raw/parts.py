"""The parts of raw files that several passes share: conditions, warm-up, checked arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from ..samples import BlockConditions, Floats, Ints, WarmUp
from ..vocabulary.errors import BadInput, Code
from .container import RawFile

_CONDITIONS = tuple(field.name for field in fields(BlockConditions))
_FIRST_CONDITIONS = 5
"""Conditions that every raw file has; files of older agents lack the rest."""


def condition_arrays(conditions: BlockConditions) -> dict[str, Floats]:
    """Conditions as arrays of a raw file."""
    return {name: getattr(conditions, name) for name in _CONDITIONS}


def conditions_of(raw: RawFile, blocks: int) -> BlockConditions:
    """Conditions of every block; what an older agent did not read is NaN."""
    names = _CONDITIONS[:_FIRST_CONDITIONS]
    later = tuple(name for name in _CONDITIONS[_FIRST_CONDITIONS:] if name in raw.arrays)
    return BlockConditions(**{name: floats_of(raw, name, blocks) for name in names + later})


def warm_arrays(warm: WarmUp) -> dict[str, Floats | Ints]:
    """Blocks of a warm-up as arrays of a raw file."""
    return {"warm_block_median_ns": warm.block_median_ns, "warm_letter": warm.letter}


def warm_meta(warm: WarmUp) -> dict[str, Any]:
    """Single facts of a warm-up as metadata."""
    return {
        "iteration_ns": list(warm.iteration_ns),
        "iterations": warm.iterations,
        "elapsed_ns": warm.elapsed_ns,
        "steady": warm.steady,
    }


def warm_of(raw: RawFile) -> WarmUp:
    """The warm-up of a raw file; `BadInput` when it does not describe it."""
    medians = floats_of(raw, "warm_block_median_ns")
    letter = ints_of(raw, "warm_letter", medians.size)
    try:
        meta = raw.meta["warm"]
        estimates: Sequence[Any] = meta["iteration_ns"]
        steady = meta["steady"]
        if not isinstance(steady, bool):
            raise TypeError("steady")
        return WarmUp(
            block_median_ns=medians,
            letter=letter,
            iteration_ns=tuple(int(value) for value in estimates),
            iterations=count_of(meta, "iterations"),
            elapsed_ns=count_of(meta, "elapsed_ns"),
            steady=steady,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise bad_raw(f"its metadata do not describe the warm-up ({error})") from error


def counts_of(raw: RawFile, name: str) -> tuple[int, ...]:
    """Whole numbers of the metadata; none when older agents do not tell them."""
    given = raw.meta.get(name, [])
    try:
        return tuple(count_of({name: value}, name) for value in given)
    except (TypeError, ValueError) as error:
        raise bad_raw(f"its metadata do not hold numbers as {name}") from error


def count_of(meta: dict[str, Any], name: str) -> int:
    """A whole number, not negative; KeyError or ValueError when there is none."""
    value = meta[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(name)
    return value


def _array(raw: RawFile, name: str, dtype: type[np.generic], size: int | None) -> Any:
    array = raw.arrays.get(name)
    if array is None or array.dtype != dtype or array.ndim != 1:
        raise bad_raw(f"array {name} is missing or of another type")
    if size is not None and array.size != size:
        raise bad_raw(f"array {name} holds {array.size} values instead of {size}")
    return array


def ints_of(raw: RawFile, name: str, size: int | None = None) -> Ints:
    """A one-dimensional int64 array of a raw file; `BadInput` when it is none of that size."""
    array: Ints = _array(raw, name, np.int64, size)
    return array


def floats_of(raw: RawFile, name: str, size: int | None = None) -> Floats:
    """A one-dimensional float64 array of a raw file; `BadInput` when it is none of that size."""
    array: Floats = _array(raw, name, np.float64, size)
    return array


def bad_raw(why: str) -> BadInput:
    """The error of a raw file that does not hold what it should."""
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
