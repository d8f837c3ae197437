"""The raw file of pass `operators`, beside the metadata of every pass.

meta   calls, call_ns, resolution_ns, why_not
arrays name op_type provider inputs outputs U[k], calls_of i8[k], time_ns median_ns f8[k]
"""

from __future__ import annotations

import math

import numpy as np

from .errors import BadInput, Code
from .operator_profile import OperatorProfile, OperatorTime
from .raw import RawFile
from .raw_schema import RawOrigin, origin_meta

_TEXTS = ("name", "op_type", "provider", "inputs", "outputs")
_FLOATS = ("time_ns", "median_ns")
_CALLS = "calls_of"


def operators_raw(origin: RawOrigin, profile: OperatorProfile) -> RawFile:
    """The raw file of one launch of pass `operators`."""
    rows = profile.operators
    texts = {name: np.array([getattr(row, name) for row in rows], np.str_) for name in _TEXTS}
    floats = {name: np.array([getattr(row, name) for row in rows], np.float64) for name in _FLOATS}
    calls = {_CALLS: np.array([row.calls for row in rows], np.int64)}
    meta = {
        "calls": profile.calls,
        "call_ns": profile.call_ns,
        "resolution_ns": profile.resolution_ns,
        "why_not": profile.why_not,
    }
    return RawFile(origin_meta(origin) | meta, texts | floats | calls)


def operator_profile(raw: RawFile) -> OperatorProfile:
    """The profile in a raw file of pass `operators`; `BadInput` when it does not hold one."""
    columns = {}
    for name in (*_TEXTS, *_FLOATS, _CALLS):
        array = raw.arrays.get(name)
        kind = "U" if name in _TEXTS else "f" if name in _FLOATS else "i"
        if array is None or array.dtype.kind != kind or array.ndim != 1:
            raise _bad(f"array {name} is missing or of another type")
        columns[name] = array.tolist()
    if len({len(column) for column in columns.values()}) != 1:
        raise _bad("its arrays are of different lengths")
    times = [*columns["time_ns"], *columns["median_ns"]]
    if any(not math.isfinite(value) or value < 0 for value in times):
        raise _bad("a time is negative or no number")
    meta = raw.meta
    numbers = [meta.get(name) for name in ("calls", "call_ns", "resolution_ns")]
    if any(
        isinstance(one, bool) or not isinstance(one, (int, float)) or one < 0 for one in numbers
    ):
        raise _bad("its metadata lack a count")
    fields = ("name", "op_type", "provider", _CALLS, "time_ns", "median_ns", "inputs", "outputs")
    rows = (OperatorTime(*row) for row in zip(*(columns[name] for name in fields), strict=True))
    return OperatorProfile(
        tuple(rows),
        calls=int(meta["calls"]),
        call_ns=float(meta["call_ns"]),
        resolution_ns=int(meta["resolution_ns"]),
        why_not=str(meta.get("why_not", "")),
    )


def _bad(why: str) -> BadInput:
    return BadInput(Code.BAD_RAW, f"The raw file cannot be used: {why}.")
