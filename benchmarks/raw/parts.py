"""The parts of raw files that several passes share: metadata, conditions, warm-up, arrays."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import msgspec
import numpy as np

from ..common.fits import Misfit, Whole, fitted
from ..common.npz import Arrays
from ..samples import OF_CARDS, BlockConditions, Bools, Floats, Ints, Texts, WarmUp
from ..vocabulary.errors import BadInput, Code
from .container import RawFile

T = TypeVar("T", bound=msgspec.Struct)
MAX_ROWS = 100_000
"""Tensors or operators of one raw file, each of which becomes an object."""
_CONDITIONS = tuple(field.name for field in fields(BlockConditions))


class WarmMeta(msgspec.Struct, frozen=True):
    """Single facts of a warm-up."""

    iteration_ns: tuple[Whole, ...]
    iterations: Whole
    elapsed_ns: Whole
    steady: bool


def meta_of(raw: RawFile, kind: type[T], lack: str = "its metadata are not those of its pass") -> T:
    """The metadata of a raw file that `kind` declares; others are not looked at.

    Args:
        raw: the file.
        kind: what its metadata must hold.
        lack: what is wrong when they do not.

    Raises:
        BadInput: code `bad_raw`, with what is wrong and where.
    """
    try:
        found: T = fitted(raw.meta, kind)
    except Misfit as error:
        raise bad_raw(f"{lack} ({error})") from error
    return found


def told(kind: type[msgspec.Struct], value: object) -> dict[str, Any]:
    """The metadata that `kind` declares, from the attributes of `value`: `meta_of` backwards."""
    return {name: getattr(value, name) for name in kind.__struct_fields__}


def arrays_of(samples: object) -> Arrays:
    """The arrays among the fields of a dataclass, by name; what is None is left out."""
    told = {field.name: getattr(samples, field.name) for field in fields(samples)}  # type: ignore[arg-type]
    return {name: value for name, value in told.items() if isinstance(value, np.ndarray)}


def conditions_of(raw: RawFile, blocks: int) -> BlockConditions:
    """Conditions of every block; those of a card are NaN where the file has none."""
    return BlockConditions(
        *(
            np.full(blocks, np.nan)
            if name in OF_CARDS and name not in raw.arrays
            else floats_of(raw, name, blocks)
            for name in _CONDITIONS
        )
    )


def conditions_arrays(conditions: BlockConditions) -> Arrays:
    """Conditions as arrays of a raw file, without those of a card that nobody read."""
    told = arrays_of(conditions)
    return {
        name: value
        for name, value in told.items()
        if name not in OF_CARDS or np.isfinite(value).any()
    }


def warm_arrays(warm: WarmUp) -> dict[str, Floats | Ints]:
    """Blocks of a warm-up as arrays of a raw file."""
    return {"warm_block_median_ns": warm.block_median_ns, "warm_letter": warm.letter}


def warm_of(raw: RawFile, meta: WarmMeta) -> WarmUp:
    """The warm-up of a raw file; `BadInput` when it does not describe it."""
    medians = floats_of(raw, "warm_block_median_ns")
    letter = ints_of(raw, "warm_letter", medians.size)
    return WarmUp(medians, letter, **told(WarmMeta, meta))


def ints_of(raw: RawFile, name: str, size: int | None = None) -> Ints:
    """A one-dimensional int64 array of a raw file; `BadInput` when it is none of that size."""
    array: Ints = _array(raw, name, "i", size)
    return array


def floats_of(raw: RawFile, name: str, size: int | None = None) -> Floats:
    """A one-dimensional float64 array of a raw file; `BadInput` when it is none of that size."""
    array: Floats = _array(raw, name, "f", size)
    return array


def texts_of(raw: RawFile, name: str, size: int | None = None) -> Texts:
    """A one-dimensional array of texts; `BadInput` when it is none of that size."""
    array: Texts = _array(raw, name, "U", size)
    return array


def rows_of(raw: RawFile, name: str) -> int:
    """How many rows there are, by their array of texts; `BadInput` when they are too many."""
    rows = texts_of(raw, name).size
    if rows > MAX_ROWS:
        raise bad_raw(f"array {name} holds {rows} rows, {MAX_ROWS} are taken at most")
    return rows


def bools_of(raw: RawFile, name: str, size: int | None = None) -> Bools:
    """A one-dimensional array of booleans; `BadInput` when it is none of that size."""
    array: Bools = _array(raw, name, "b", size)
    return array


def _array(raw: RawFile, name: str, kind: str, size: int | None) -> Any:
    array = raw.arrays.get(name)
    if array is None or array.dtype.kind != kind or array.ndim != 1:
        raise bad_raw(f"array {name} is missing or of another type")
    if kind in "if" and array.dtype not in (np.int64, np.float64):
        raise bad_raw(f"array {name} is of another type")
    if size is not None and array.size != size:
        raise bad_raw(f"array {name} holds {array.size} values instead of {size}")
    return array


def bad_raw(why: str) -> BadInput:
    """The error of a raw file that does not hold what it should."""
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
