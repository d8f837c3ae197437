"""The header of a GGUF file: metadata and tensors, checked against the size of the file.

After `docs/gguf.md` of ggml, and as strict as llama.cpp's own reader (`ggml/src/gguf.cpp`): tensors
lie in the order in which they are listed, each at the next multiple of the alignment, and none
shares a byte with another.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from ...vocabulary.errors import BadInput, Code
from ..files import plain_file
from .cursor import Cursor, damaged
from .metadata import Metadata, read_metadata
from .types import TYPES, TensorType

MAX_TENSORS = 65_536
"""Tensors of a file."""
LONGEST_TENSOR_NAME = 63
"""Bytes of the name of a tensor: llama.cpp holds 64 with the one that ends it."""
MAX_AXES = 4
"""Axes of a tensor: as many as llama.cpp has."""
MAX_AXIS = 1 << 40
"""Elements along an axis."""
MAX_ALIGNMENT = 1 << 20
"""Bytes to a multiple of which tensors are placed."""

MAGIC = b"GGUF"
ALIGNMENT = "general.alignment"

_USUAL_ALIGNMENT = 32
_VERSIONS = (2, 3)


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor of a file.

    Attributes:
        name: as the file has it.
        shape: GGUF's order, the axis along which elements lie side by side first.
        type: how its elements are stored.
        offset: of its first byte, from the beginning of the file.
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int

    @property
    def elements(self) -> int:
        """How many it has."""
        return math.prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes, without what follows to the next alignment."""
        return self.elements // self.type.block * self.type.size


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """All of a file but the values of its tensors.

    Attributes:
        label: how the file is called in sentences.
        version: of the format.
        metadata: what it says of itself.
        tensors: in the order of the file.
        listed_at: where the list of tensors begins, in bytes.
        alignment: bytes to a multiple of which tensors are placed.
        size_bytes: of the whole file.
    """

    label: str
    version: int
    metadata: Metadata
    tensors: tuple[GgufTensor, ...]
    listed_at: int
    alignment: int
    size_bytes: int


def recognises(head: bytes) -> bool:
    """Whether a file that begins so says that it is GGUF."""
    return head[:4] == MAGIC


def read_header(path: Path, label: str) -> GgufHeader:
    """The header of the file at `path`, called `label` in every sentence.

    Raises:
        BadInput: FILE_UNREADABLE; BAD_MODEL with what is wrong and where.
    """
    with plain_file(path, label) as file:
        try:
            return _header(Cursor(file, os.fstat(file.fileno()).st_size, label))
        except OSError as error:
            why = error.strerror or str(error)
            raise BadInput(Code.FILE_UNREADABLE, f"{label} cannot be read: {why}.") from error


def _header(cursor: Cursor) -> GgufHeader:
    if cursor.take(4, "its first four bytes") != MAGIC:
        raise BadInput(Code.BAD_MODEL, f"{cursor.label} is no GGUF file.")
    version = cursor.number("I", "its version")
    if version not in _VERSIONS:
        raise BadInput(Code.BAD_MODEL, _of_version(cursor.label, version))
    count = cursor.number("Q", "the number of its tensors")
    metadata = read_metadata(cursor, cursor.number("Q", "the number of its values"))
    if count > MAX_TENSORS:
        raise damaged(cursor.label, f"it claims {count} tensors, at most {MAX_TENSORS} are taken")
    alignment = _alignment(cursor.label, metadata)
    listed_at = cursor.at
    listed = [_tensor(cursor, at) for at in range(count)]
    begin = _aligned(cursor.at, alignment)
    return GgufHeader(
        label=cursor.label,
        version=version,
        metadata=metadata,
        tensors=_placed(cursor, listed, begin, alignment),
        listed_at=listed_at,
        alignment=alignment,
        size_bytes=cursor.size,
    )


def _of_version(label: str, version: int) -> str:
    if version and not version & 0xFFFF:  # its bytes stand the other way round
        return (
            f"{label} is a big-endian GGUF file, and devices here are little-endian; convert it"
            " with llama.cpp's gguf-py/gguf/scripts/gguf_convert_endian.py."
        )
    return (
        f"{label} is of version {version} of GGUF; {' and '.join(map(str, _VERSIONS))} are read:"
        " convert the model again with today's llama.cpp."
    )


def _alignment(label: str, metadata: Metadata) -> int:
    if ALIGNMENT not in metadata.values and ALIGNMENT not in metadata.arrays:
        return _USUAL_ALIGNMENT
    given = metadata.whole(ALIGNMENT)
    if given is None or not 0 < given <= MAX_ALIGNMENT or given & (given - 1):
        raise damaged(label, f"{ALIGNMENT} has to be a power of two of at most {MAX_ALIGNMENT}")
    return given


def _tensor(cursor: Cursor, at: int) -> GgufTensor:
    """An entry of the list; its offset counts from where the values begin."""
    raw = cursor.text(LONGEST_TENSOR_NAME, f"the name of tensor {at}")
    name = raw.decode("ascii", "replace")
    if not raw.isascii() or not name.isprintable() or not name.strip():
        raise damaged(cursor.label, f"the name of tensor {at} cannot be printed")
    axes = cursor.number("I", name)
    if axes > MAX_AXES:
        raise damaged(cursor.label, f"{name} claims {axes} axes, at most {MAX_AXES} are taken")
    shape = tuple(cursor.number("Q", name) for _ in range(axes))
    if not all(0 < size <= MAX_AXIS for size in shape):
        raise damaged(cursor.label, f"{name} claims the shape {_shown(shape)}, which none can have")
    number = cursor.number("I", name)
    kind = TYPES.get(number)
    if kind is None:
        raise damaged(cursor.label, f"{name} is stored as type {number}, which is not known")
    row = shape[0] if shape else 1
    if row % kind.block:
        raise damaged(
            cursor.label,
            f"rows of {name} have {row} elements, and {kind.name} stores {kind.block} together",
        )
    return GgufTensor(name, shape, kind, cursor.number("Q", name))


def _placed(
    cursor: Cursor, listed: list[GgufTensor], begin: int, alignment: int
) -> tuple[GgufTensor, ...]:
    """The tensors with offsets from the beginning of the file, each where it has to be."""
    names: set[str] = set()
    placed, at = [], 0
    for one in listed:
        if one.name in names:
            raise damaged(cursor.label, f"it has two tensors {one.name}")
        names.add(one.name)
        if one.offset != at:
            raise damaged(
                cursor.label,
                f"{one.name} is said to lie at {one.offset} and has to follow the one before, at"
                f" {at}",
            )
        end = begin + at + one.size_bytes
        if end > cursor.size:
            raise damaged(
                cursor.label,
                f"{one.name} would end at byte {end}, and the file has {cursor.size}",
            )
        placed.append(GgufTensor(one.name, one.shape, one.type, begin + at))
        at = _aligned(at + one.size_bytes, alignment)
    if placed and cursor.size > begin + at:
        left = cursor.size - begin - at
        raise damaged(cursor.label, f"{left} bytes follow its last tensor that belong to none")
    return tuple(placed)


def _aligned(at: int, alignment: int) -> int:
    return -(-at // alignment) * alignment


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
