"""What the raw file of pass `numerics` holds: a ledger to a raw file and back.

Metadata besides those of every pass: `samples`, `claims_integer`, `why_not`, `exposure`,
`output_sqnr_db` and `divergences`, a list of objects; `twin_elements`, `twin_differing` and
`twin_steps` where outputs were compared with those of reference kernels. Each attribute of
`TensorRow` is an array `tensor.<attribute>` with one value per tensor, each of `OperatorRow` one
`operator.<attribute>`: text U, counts i8, switches bool, measured values f8 with NaN for None.
Files of older agents lack the arrays of `_ADDED`. A histogram is three arrays: `<name>.low` f8,
`<name>.width` f8 (NaN: there is none) and `<name>.counts` i8[n, BINS].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from ..common.fits import Finite, Whole
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
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import bad_raw, bools_of, floats_of, ints_of, meta_of, rows_of, texts_of, told

_MAX_TEXT = 1000
_ADDED = ("operator.weight_bytes", "operator.inside", "operator.placed")
_SHARES = ("clip_hi", "clip_lo", "rail_rate", "range_util", "underflow", "fp16_subnormal")

_WHOLE: dict[str, type] = {"str": np.str_, "bool": np.bool_, "int": np.int64}
"""Types of arrays by annotation; others hold measured values, NaN for None."""

Row = TypeVar("Row", TensorRow, OperatorRow)
Arrays = dict[str, npt.NDArray[Any]]
_Text = Annotated[str, Meta(max_length=_MAX_TEXT)]


class _Divergence(msgspec.Struct, frozen=True):
    tensor: _Text
    sqnr_db: Finite
    before_db: Finite | None
    against: Literal["baseline", "exact"]


class _Meta(msgspec.Struct, frozen=True):
    samples: Whole
    claims_integer: bool
    why_not: _Text
    exposure: Literal["", "all", "single"]
    output_sqnr_db: Finite | None
    divergences: Annotated[tuple[_Divergence, ...], Meta(max_length=2)]
    twin_elements: Whole = 0
    twin_differing: Whole = 0
    twin_steps: Finite | None = None


def numerics_raw(origin: RawOrigin, ledger: Ledger) -> RawFile:
    """The raw file of pass `numerics`."""
    meta = told(_Meta, ledger)
    if not ledger.twin_elements:
        meta = {name: value for name, value in meta.items() if not name.startswith("twin_")}
    meta["divergences"] = [told(_Divergence, one) for one in ledger.divergences]
    arrays = _columns("tensor", TensorRow, ledger.tensors)
    arrays |= _columns("operator", OperatorRow, ledger.operators)
    return RawFile(origin_meta(origin) | meta, arrays)


def read_ledger(raw: RawFile) -> Ledger:
    """The ledger in a raw file of pass `numerics`.

    Raises:
        BadInput: code `bad_raw` when it does not hold one.
    """
    meta = meta_of(raw, _Meta, "its ledger is incomplete")
    divergences = (Divergence(**told(_Divergence, one)) for one in meta.divergences)
    ledger = Ledger(
        **told(_Meta, meta) | {"divergences": tuple(divergences)},
        tensors=_rows(raw, "tensor", TensorRow),
        operators=_rows(raw, "operator", OperatorRow),
    )
    if ledger.twin_differing > ledger.twin_elements:
        raise bad_raw("more outputs differ from the reference kernels' than there are")
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
        if field.type == "Histogram | None":
            arrays |= _histogram_columns(name, values)
        elif field.type in _WHOLE:
            arrays[name] = np.array(values, _WHOLE[str(field.type)])
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
    size = rows_of(raw, f"{prefix}.name")
    columns = {
        field.name: _column(raw, f"{prefix}.{field.name}", str(field.type), size)
        for field in fields(kind)
        if (name := f"{prefix}.{field.name}") not in _ADDED or name in raw.arrays
    }
    return tuple(
        kind(**{name: values[index] for name, values in columns.items()}) for index in range(size)
    )


def _column(raw: RawFile, name: str, kind: str, size: int) -> list[Any]:
    """The values of one attribute of every row, as its annotation says."""
    if kind == "Histogram | None":
        return _histograms(raw, name, size)
    if kind == "bool":
        return list(bools_of(raw, name, size).tolist())
    if kind == "str":
        texts: list[str] = texts_of(raw, name, size).tolist()
        if any(len(text) > _MAX_TEXT for text in texts):
            raise bad_raw(f"{name} holds a text of more than {_MAX_TEXT} characters")
        return texts
    if kind == "int":
        counts = ints_of(raw, name, size)
        if np.any(counts < 0):
            raise bad_raw(f"{name} holds a negative number")
        return list(counts.tolist())
    numbers = floats_of(raw, name, size)
    if np.any(np.isinf(numbers)):
        raise bad_raw(f"{name} holds an infinite number")
    whole = kind == "int | None"
    known = (None if math.isnan(one) else one for one in numbers.tolist())
    return [int(one) if whole and one is not None else one for one in known]


def _histograms(raw: RawFile, name: str, size: int) -> list[Histogram | None]:
    low = floats_of(raw, f"{name}.low", size).tolist()
    width = floats_of(raw, f"{name}.width", size).tolist()
    counts = raw.arrays.get(f"{name}.counts")
    if counts is None or counts.dtype != np.int64 or counts.shape != (size, BINS):
        raise bad_raw(f"{name}.counts is missing or of another type")
    if np.any(counts < 0):
        raise bad_raw(f"{name}.counts holds a negative number")
    found: list[Histogram | None] = []
    for index in range(size):
        if math.isnan(low[index]) or math.isnan(width[index]):
            found.append(None)
            continue
        if not math.isfinite(low[index]) or not 0 < width[index] < math.inf:
            raise bad_raw(f"{name} has no edge, or bins without width")
        found.append(Histogram(low[index], width[index], tuple(counts[index].tolist())))
    return found


def _check_tensor(row: TensorRow) -> None:
    for name in _SHARES:
        value = getattr(row, name)
        if value is not None and not 0 <= value <= 1:
            raise bad_raw(f"{name} of a tensor is no share")
    if row.nan + row.inf > row.elements:
        raise bad_raw("a tensor has more values that are not finite than values")


def _check_operator(row: OperatorRow) -> None:
    if row.compute not in COMPUTES or (row.fix and row.fix not in FIXES):
        raise bad_raw("an operator is in a form that is not known")
    if not row.explained1 <= row.errors1 <= row.errors0 <= row.elements:
        raise bad_raw("an operator has more errors than outputs")
    if row.saturated_pairs > row.pairs or row.emulated_errors1 > row.elements:
        raise bad_raw("an operator has more saturated pairs than pairs")
    if row.unsafe_pair_share is not None and not 0 <= row.unsafe_pair_share <= 1:
        raise bad_raw("unsafe_pair_share of an operator is no share")
    if row.weight_bytes is not None and row.weight_bytes < 0:
        raise bad_raw("an operator has weights of less than nothing")
    if row.worst_steps is None:
        raise bad_raw("an operator lacks its largest difference")
