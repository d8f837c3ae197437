"""The container of raw data: one npz per launch of a pass, written by the child that measured.

Arrays by name, plus two that every file has: `schema` (text, `bitgauge.raw/1`) and `meta` (UTF-8
JSON as bytes). What each pass stores is fixed in its module here. A reader trusts nothing: the file
may be cut, damaged or hostile, and each of these ends in `BadInput` with code `bad_raw`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..common.npz import read_npz, write_npz
from ..vocabulary.errors import BadInput, Code

SCHEMA = "bitgauge.raw/1"
MAX_META_BYTES = 1 << 20
_WHAT = "the raw file"


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


def read_raw(source: Path | bytes) -> RawFile:
    """Read a raw file, or its bytes.

    Raises:
        BadInput: code `bad_raw` for anything wrong inside, `file_unreadable` for a path that
            cannot be read.
    """
    arrays = read_npz(source, Code.BAD_RAW, what=_WHAT)
    schema, meta = arrays.pop("schema", None), arrays.pop("meta", None)
    if schema is None or schema.dtype.kind != "U" or schema.shape != () or str(schema) != SCHEMA:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} does not say schema {SCHEMA}.")
    if meta is None or meta.dtype != np.uint8 or meta.ndim != 1 or meta.size > MAX_META_BYTES:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has no metadata.")
    return RawFile(_parse_meta(meta.tobytes()), arrays)


def _parse_meta(data: bytes) -> dict[str, Any]:
    try:
        meta = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has metadata that are no JSON.") from error
    if not isinstance(meta, dict):
        raise BadInput(Code.BAD_RAW, f"{_WHAT} has metadata that are no JSON object.")
    return meta
