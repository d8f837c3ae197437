"""What the raw file of pass `numerics` holds: a ledger to a raw file and back.

Metadata besides those of every pass: `samples`, `claims_integer`, `why_not`, `exposure`,
`output_sqnr_db` and `divergences`, a list of objects. Each attribute of `TensorRow` is an array
`tensor.<attribute>` with one value per tensor, each of `OperatorRow` one `operator.<attribute>`:
text U, counts i8, switches bool, measured values f8 with NaN for None. Files of older agents lack
the arrays of `_ADDED`. A histogram is three
arrays: `<name>.low` f8, `<name>.width` f8 (NaN: there is none) and `<name>.counts` i8[n, BINS].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..numerics.ledger import (
    BINS,
    COMPUTES,
    FIXES,
    Divergence,
    Histogram,
    Ledger,
    OperatorRow,
    TensorRow,
)
from ..vocabulary.errors import BadInput, Code
from .container import RawFile
from .origin import RawOrigin, origin_meta

_MAX_ROWS = 100_000
_MAX_TEXT = 1000
_ADDED = ("operator.weight_bytes",)
_EXPOSURES = ("", "all", "single")
_AGAINST = ("baseline", "exact")
_SHARES = ("clip_hi", "clip_lo", "rail_rate", "range_util", "underflow", "fp16_subnormal")

Row = TypeVar("Row", TensorRow, OperatorRow)
Arrays = dict[str, npt.NDArray[Any]]


def numerics_raw(origin: RawOrigin, ledger: Ledger) -> RawFile:
    """The raw file of pass `numerics`."""
    meta = {
        "samples": ledger.samples,
        "claims_integer": ledger.claims_integer,
        "why_not": ledger.why_not,
        "exposure": ledger.exposure,
        "output_sqnr_db": ledger.output_sqnr_db,
        "divergences": [
            {name: getattr(one, name) for name in ("tensor", "sqnr_db", "before_db", "against")}
            for one in ledger.divergences
        ],
    }
    arrays = _columns("tensor", TensorRow, ledger.tensors)
    arrays |= _columns("operator", OperatorRow, ledger.operators)
    return RawFile(origin_meta(origin) | meta, arrays)


def read_ledger(raw: RawFile) -> Ledger:
    """The ledger in a raw file of pass `numerics`.

    Raises:
        BadInput: code `bad_raw` when it does not hold one.
    """
    meta = raw.meta
    try:
        ledger = Ledger(
            samples=_whole(meta["samples"]),
            claims_integer=_switch(meta["claims_integer"]),
            why_not=_text(meta["why_not"]),
            exposure=_one_of(meta["exposure"], _EXPOSURES),
            tensors=_rows(raw, "tensor", TensorRow),
            operators=_rows(raw, "operator", OperatorRow),
            output_sqnr_db=_number(meta["output_sqnr_db"]),
            divergences=tuple(_divergence(one) for one in _list(meta["divergences"])),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _bad(f"its ledger is incomplete ({error})") from error
    for row in ledger.tensors:
        _check_tensor(row)
    for operator in ledger.operators:
        _check_operator(operator)
    return ledger


def _columns(prefix: str, kind: type[Row], rows: Sequence[Row]) -> Arrays:
    arrays: Arrays = {}
    for field in fields(kind):
        values = [getattr(row, field.name) for row in rows]
        name = f"{prefix}.{field.name}"
        if field.type == "str":
            arrays[name] = np.array(values, np.str_)
        elif field.type == "bool":
            arrays[name] = np.array(values, np.bool_)
        elif field.type == "int":
            arrays[name] = np.array(values, np.int64)
        elif field.type == "Histogram | None":
            arrays |= _histogram_columns(name, values)
        else:
            known = [math.nan if value is None else value for value in values]
            arrays[name] = np.array(known, np.float64)
    return arrays


def _histogram_columns(name: str, values: Sequence[Histogram | None]) -> Arrays:
    counts = [[0] * BINS if one is None else list(one.counts) for one in values]
    return {
        f"{name}.low": np.array([math.nan if h is None else h.low for h in values], np.float64),
        f"{name}.width": np.array([math.nan if h is None else h.width for h in values], np.float64),
        f"{name}.counts": np.array(counts, np.int64).reshape(len(values), BINS),
    }


def _rows(raw: RawFile, prefix: str, kind: type[Row]) -> tuple[Row, ...]:
    size = _column(raw, f"{prefix}.name", "U", None).size
    if size > _MAX_ROWS:
        raise ValueError(f"{size} rows of {prefix}")
    columns: dict[str, list[Any]] = {}
    for field in fields(kind):
        name = f"{prefix}.{field.name}"
        if name in _ADDED and name not in raw.arrays:
            continue
        if field.type == "Histogram | None":
            columns[field.name] = _histograms(raw, name, size)
            continue
        letter = {"str": "U", "bool": "b", "int": "i"}.get(str(field.type), "f")
        values = _column(raw, name, letter, size).tolist()
        if letter == "U" and any(len(text) > _MAX_TEXT for text in values):
            raise ValueError(name)
        if letter == "i" and any(value < 0 for value in values):
            raise ValueError(name)
        if letter == "f":
            values = [_number(value) for value in values]
        if field.type == "int | None":
            values = [None if value is None else int(value) for value in values]
        columns[field.name] = values
    return tuple(
        kind(**{name: values[index] for name, values in columns.items()}) for index in range(size)
    )


def _histograms(raw: RawFile, name: str, size: int) -> list[Histogram | None]:
    low = _column(raw, f"{name}.low", "f", size).tolist()
    width = _column(raw, f"{name}.width", "f", size).tolist()
    counts = raw.arrays.get(f"{name}.counts")
    if counts is None or counts.dtype != np.int64 or counts.shape != (size, BINS):
        raise ValueError(f"{name}.counts")
    if np.any(counts < 0):
        raise ValueError(f"{name}.counts")
    found: list[Histogram | None] = []
    for index in range(size):
        if math.isnan(low[index]) or math.isnan(width[index]):
            found.append(None)
            continue
        if not math.isfinite(low[index]) or not 0 < width[index] < math.inf:
            raise ValueError(name)
        found.append(Histogram(low[index], width[index], tuple(counts[index].tolist())))
    return found


def _column(raw: RawFile, name: str, letter: str, size: int | None) -> npt.NDArray[Any]:
    array = raw.arrays.get(name)
    if array is None or array.dtype.kind != letter or array.ndim != 1:
        raise ValueError(f"{name} is missing or of another type")
    if letter in "if" and array.dtype.itemsize != 8:
        raise ValueError(f"{name} is of another type")
    if size is not None and array.size != size:
        raise ValueError(f"{name} holds {array.size} values instead of {size}")
    return array


def _check_tensor(row: TensorRow) -> None:
    for name in _SHARES:
        value = getattr(row, name)
        if value is not None and not 0 <= value <= 1:
            raise _bad(f"{name} of a tensor is no share")
    if row.nan + row.inf > row.elements:
        raise _bad("a tensor has more values that are not finite than values")


def _check_operator(row: OperatorRow) -> None:
    if row.compute not in COMPUTES or (row.fix and row.fix not in FIXES):
        raise _bad("an operator is in a form that is not known")
    if not row.explained1 <= row.errors1 <= row.errors0 <= row.elements:
        raise _bad("an operator has more errors than outputs")
    if row.saturated_pairs > row.pairs or row.emulated_errors1 > row.elements:
        raise _bad("an operator has more saturated pairs than pairs")
    if row.unsafe_pair_share is not None and not 0 <= row.unsafe_pair_share <= 1:
        raise _bad("unsafe_pair_share of an operator is no share")
    if row.weight_bytes is not None and row.weight_bytes < 0:
        raise _bad("an operator has weights of less than nothing")
    if row.worst_steps is None:
        raise _bad("an operator lacks its largest difference")


def _divergence(value: Any) -> Divergence:
    return Divergence(
        tensor=_text(value["tensor"]),
        sqnr_db=float(value["sqnr_db"]),
        before_db=_number(value["before_db"]),
        against=_one_of(value["against"], _AGAINST),
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 2:
        raise TypeError("divergences")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("samples")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("claims_integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise TypeError("text")
    return value


def _one_of(value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(str(value)[:40])
    return str(value)


def _number(value: Any) -> float | None:
    if value is None or math.isnan(value):
        return None
    if not math.isfinite(value):
        raise ValueError("an infinite number")
    return float(value)


def _bad(why: str) -> BadInput:
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
