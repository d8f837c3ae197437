"""Reading `.npz` bytes that come from outside: bounded, without pickle, one sentence on failure.

`numpy.load` allocates what a header claims before it looks at the data. Here the archive's
directory and each array's header are checked against the bytes that are there first.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..vocabulary.errors import BadInput, Code

Arrays = dict[str, npt.NDArray[Any]]

MAX_MEMBERS = 128
MAX_ARCHIVE_BYTES = 1 << 30
MAX_UNPACKED_BYTES = 1 << 31
_KINDS = "biufU"


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write `arrays` to `path` as `save_npz` does."""
    with path.open("wb") as file:
        save_npz(file, arrays)


def save_npz(file: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write `arrays` compressed; the same arrays give the same bytes.

    Raises:
        ValueError: an array is of a type that only pickle could store.
    """
    # Older releases of numpy take no `allow_pickle` here and would store an array of that name.
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            raise ValueError(f"array {name!r} has type {array.dtype}")
    members: dict[str, Any] = dict(arrays)
    np.savez_compressed(file, **members)


def read_npz(source: Path | bytes, code: Code, *, what: str) -> Arrays:
    """Read every array of an archive.

    Args:
        source: the file, or its bytes.
        code: code of the error when the archive is not acceptable.
        what: the name of the thing in the error's sentence, such as `the raw file`.

    Returns:
        Read-only arrays of booleans, numbers or text by name.

    Raises:
        BadInput: with `code`, when anything about the bytes is wrong.
    """
    name = what if isinstance(source, bytes) else f"{what} {source.name}"
    try:
        return _read(source)
    except OSError as error:
        if isinstance(source, Path) and error.errno is not None:
            raise BadInput(
                Code.FILE_UNREADABLE, f"{source} cannot be read: {error.strerror}."
            ) from error
        raise BadInput(code, f"{name} is not a readable npz archive: {error}.") from error
    except Exception as error:
        # zipfile, zlib and numpy raise a dozen types on damaged bytes; each means the same here.
        raise BadInput(code, f"{name} is not a readable npz archive: {_short(error)}.") from error


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:160].rstrip(".")


def _read(source: Path | bytes) -> Arrays:
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > MAX_ARCHIVE_BYTES:
        raise ValueError(f"{size} bytes are more than the limit of {MAX_ARCHIVE_BYTES}")
    with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise ValueError(f"{len(members)} arrays are more than the limit of {MAX_MEMBERS}")
        if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
            raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        arrays: Arrays = {}
        for member in members:
            key = member.filename.removesuffix(".npy")
            if key == member.filename or key in arrays:
                raise ValueError(f"unexpected or repeated member {member.filename[:80]!r}")
            arrays[key] = _parse(archive.read(member), key)
        return arrays


def _parse(data: bytes, key: str) -> npt.NDArray[Any]:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"array {key[:80]!r} has format version {version}")
    shape, fortran, dtype = read_header(stream)
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise ValueError(f"array {key[:80]!r} has type {dtype}")
    offset = stream.tell()
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != len(data) - offset:
        raise ValueError(f"array {key[:80]!r} does not hold the {shape} values its header claims")
    flat = np.frombuffer(data, dtype=dtype, offset=offset)
    return flat.reshape(shape, order="F" if fortran else "C")
