"""The container of raw data: one npz per launch of a pass, written by the child that measured.

Arrays by name, plus two that every file has: `schema` (text, `bitgauge.raw/1`) and `meta` (UTF-8
JSON as bytes). What each pass stores is fixed in its module here. A reader trusts nothing: the file
may be cut, damaged or hostile, and each of these ends in `BadInput` with code `bad_raw`. What it
says of itself is looked at first, and arrays that its pass does not store are never unpacked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..common.npz import Bounds, Npz, opened_npz, write_npz
from ..vocabulary.enums import PassName
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.runs import MAX_RAW_FILE_BYTES
from .known import KNOWN

SCHEMA = "bitgauge.raw/1"
MAX_META_BYTES = 1 << 20
MAX_RAW_UNPACKED_BYTES = 256 << 20
"""Of one raw file."""
MAX_RUN_UNPACKED_BYTES = 1 << 30
"""Of all raw files of a run, which are in memory at once."""
MAX_RAW_ITEMS = 8_000_000
"""Values of one array: eight times the latencies that a launch keeps at most."""
_WHAT = "the raw file"
_OWN = ("schema", "meta")


@dataclass(frozen=True, slots=True, eq=False)
class RawFile:
    """What one child process observed.

    Attributes:
        meta: plain JSON values that identify the launch and hold its single facts.
        arrays: arrays by name, without `schema` and `meta`.
    """

    meta: dict[str, Any]
    arrays: dict[str, npt.NDArray[Any]]


def write_raw(path: Path, raw: RawFile) -> None:
    """Write `raw` to `path`; making it durable (fsync) is the caller's part.

    Raises:
        ValueError: `meta` is no plain JSON or holds NaN, or an array uses a reserved name.
        OSError: the file cannot be written.
    """
    if {"schema", "meta"} & set(raw.arrays):
        raise ValueError("arrays named schema and meta belong to the container")
    text = json.dumps(raw.meta, sort_keys=True, separators=(",", ":"), allow_nan=False)
    meta = np.frombuffer(text.encode(), dtype=np.uint8)
    write_npz(path, {"schema": np.array(SCHEMA), "meta": meta, **raw.arrays})


def read_raw(source: Path | bytes, unpacked_bytes: int = MAX_RAW_UNPACKED_BYTES) -> RawFile:
    """Read a raw file, or its bytes.

    Args:
        source: the file, or its bytes.
        unpacked_bytes: what it may unpack to.

    Raises:
        BadInput: code `bad_raw` for anything wrong inside, `file_unreadable` for a path that
            cannot be read.
    """
    what = _WHAT if isinstance(source, bytes) else f"{_WHAT} {source.name}"
    most = min(unpacked_bytes, MAX_RAW_UNPACKED_BYTES)
    bounds = Bounds(MAX_RAW_FILE_BYTES, most, items=MAX_RAW_ITEMS)
    with opened_npz(source, Code.BAD_RAW, what=what, bounds=bounds) as npz:
        meta = _meta(npz)
        _require_known(npz, meta)
        return RawFile(meta, {name: npz.array(name) for name in npz.headers if name not in _OWN})


class RunReader:
    """Reads the raw files of one run, which share a bound on what they unpack to."""

    def __init__(self, unpacked_bytes: int = MAX_RUN_UNPACKED_BYTES) -> None:
        self._left = unpacked_bytes

    def read(self, source: Path | bytes) -> RawFile:
        """The next of them; raises as `read_raw`."""
        raw = read_raw(source, self._left)
        self._left -= sum(array.nbytes for array in raw.arrays.values())
        return raw


def _meta(npz: Npz) -> dict[str, Any]:
    schema, meta = (npz.headers.get(name) for name in _OWN)
    short = schema is not None and schema.dtype.kind == "U" and schema.shape == ()
    if not short or str(npz.array("schema")) != SCHEMA:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} does not say schema {SCHEMA}.")
    fits = meta is not None and meta.dtype == np.uint8 and len(meta.shape) == 1
    if not fits or npz.headers["meta"].nbytes > MAX_META_BYTES:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has no metadata.")
    return _parse_meta(npz.array("meta").tobytes())


def _require_known(npz: Npz, meta: dict[str, Any]) -> None:
    """Refuse arrays that the pass of a raw file does not store."""
    try:
        pass_name = PassName(meta.get("pass_name"))
    except ValueError:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} is of no known pass.") from None
    strange = sorted({*npz.headers} - {*KNOWN[pass_name], *_OWN})
    if strange:
        listed = ", ".join(strange)[:200]
        raise BadInput(
            Code.BAD_RAW, f"{_WHAT} holds arrays that pass {pass_name.value} does not: {listed}."
        )


def _parse_meta(data: bytes) -> dict[str, Any]:
    try:
        meta = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has metadata that are no JSON.") from error
    if not isinstance(meta, dict):
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has metadata that are no JSON object.")
    return meta
