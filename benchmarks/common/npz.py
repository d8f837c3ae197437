"""Reading `.npz` bytes that come from outside: bounded, without pickle, one sentence on failure.

`numpy.load` allocates what a header claims before it looks at the data. Here the archive's
directory (`zip_directory`) and then every array's header are held against the bytes that are there
and against bounds; only then is an array unpacked, and no more of it than its header says.
"""

from __future__ import annotations

import contextlib
import io
import math
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..vocabulary.errors import BadInput, BitgaugeError, Code
from .files import plain_file
from .zip_directory import USUAL, Bounds, opened

__all__ = ["Arrays", "Bounds", "Header", "Npz", "opened_npz", "read_npz", "save_npz", "write_npz"]

Arrays = dict[str, npt.NDArray[Any]]

MAX_AXES = 32
MAX_HEADER_BYTES = 10_000
"""Of one array: what numpy itself reads of a file that is not trusted."""
_KINDS = "biufU"
_MAGIC = b"\x93NUMPY"
_LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4}
"""Bytes of the length of a header, by version of the format."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an array says of itself.

    Attributes:
        shape: its dimensions; none is 0 but the first.
        dtype: booleans, numbers or text.
        fortran: whether the first index runs fastest.
        offset: of its data within the member.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def items(self) -> int:
        """How many values it holds."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """What its values take."""
        return self.items * self.dtype.itemsize


class Npz:
    """An archive whose headers were read and checked, and whose arrays are read when asked for.

    Attributes:
        headers: of each array, by its name.
    """

    def __init__(self, archive: zipfile.ZipFile, bounds: Bounds) -> None:
        """Read all headers; `ValueError` when one is not acceptable."""
        self._archive = archive
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.headers: dict[str, Header] = {}
        for member in archive.infolist():
            key = member.filename.removesuffix(".npy")
            if key == member.filename or key in self._members:
                raise ValueError(f"unexpected or repeated member {member.filename[:80]!r}")
            with archive.open(member) as stream:
                header = _header(stream, key)
            _require_sound(header, key, member.file_size, bounds)
            self._members[key], self.headers[key] = member, header

    def array(self, name: str) -> npt.NDArray[Any]:
        """One array, read-only."""
        member, header = self._members[name], self.headers[name]
        with self._archive.open(member) as stream:
            # Without a number the whole member is inflated, however much longer than it says.
            data = stream.read(member.file_size)
        if len(data) != member.file_size:
            raise ValueError(f"array {name[:80]!r} is shorter than its archive says")
        flat = np.frombuffer(data, dtype=header.dtype, offset=header.offset)
        return flat.reshape(header.shape, order="F" if header.fortran else "C")

    def arrays(self) -> Arrays:
        """All of them."""
        return {name: self.array(name) for name in self.headers}


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


@contextlib.contextmanager
def opened_npz(
    source: Path | bytes, code: Code, *, what: str, bounds: Bounds = USUAL
) -> Iterator[Npz]:
    """An archive to look at before it is read.

    Args:
        source: the file, or its bytes.
        code: code of the error when the archive is not acceptable.
        what: the name of the thing in the error's sentence, such as `the raw file`.
        bounds: what it may hold.

    Raises:
        BadInput: with `code`, when anything about the bytes is wrong, also while the block reads;
            `FILE_UNREADABLE` for a path that is no plain file.
    """
    try:
        with _opened(source) as (file, size), opened(file, size, bounds) as archive:
            yield Npz(archive, bounds)
    except BitgaugeError:
        raise
    except OSError as error:
        if isinstance(source, Path) and error.errno is not None:
            raise BadInput(
                Code.FILE_UNREADABLE, f"{source} cannot be read: {error.strerror}."
            ) from error
        raise BadInput(code, f"{what} is not a readable npz archive: {error}.") from error
    except Exception as error:
        # zipfile, zlib and numpy raise a dozen types on damaged bytes; each means the same here.
        raise BadInput(code, f"{what} is not a readable npz archive: {_short(error)}.") from error


def read_npz(source: Path | bytes, code: Code, *, what: str, bounds: Bounds = USUAL) -> Arrays:
    """Read every array of an archive; arguments and errors as those of `opened_npz`.

    Returns:
        Read-only arrays of booleans, numbers or text by name.
    """
    with opened_npz(source, code, what=what, bounds=bounds) as npz:
        return npz.arrays()


@contextlib.contextmanager
def _opened(source: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
        return
    with plain_file(source) as file:
        yield file, file.seek(0, io.SEEK_END)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:160].rstrip(".")


def _header(stream: Any, key: str) -> Header:
    """The header of an array, and no more than that of its member."""
    magic = stream.read(len(_MAGIC) + 2)
    version = magic[len(_MAGIC) :]
    if not magic.startswith(_MAGIC) or version not in _LENGTHS:
        raise ValueError(f"array {key[:80]!r} is in a format that is not read")
    told = stream.read(_LENGTHS[version])
    length = int.from_bytes(told, "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"array {key[:80]!r} has a header of {length} bytes")
    text = io.BytesIO(told + stream.read(length))
    form = np.lib.format
    one = version == b"\x01\x00"
    read = form.read_array_header_1_0 if one else form.read_array_header_2_0
    shape, fortran, dtype = read(text)
    return Header(shape, dtype, fortran, stream.tell())


def _require_sound(header: Header, key: str, member_bytes: int, bounds: Bounds) -> None:
    """Refuse an array that is not what its member holds, or would be more than that."""
    shape, dtype = header.shape, header.dtype
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise ValueError(f"array {key[:80]!r} has type {dtype}")
    if len(shape) > MAX_AXES:
        raise ValueError(f"array {key[:80]!r} has {len(shape)} axes")
    if min(shape, default=1) < 0 or header.nbytes != member_bytes - header.offset:
        raise ValueError(f"array {key[:80]!r} does not hold the {shape} values its header claims")
    if header.items > bounds.items:
        raise ValueError(
            f"array {key[:80]!r} holds {header.items} values, {bounds.items} are the limit"
        )
    if shape and shape[0] and not header.items:
        raise ValueError(f"array {key[:80]!r} holds {shape[0]} times nothing: it has an empty axis")
