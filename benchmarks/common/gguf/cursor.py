"""A file that is read forwards, and never believed in what it says of its own length."""

from __future__ import annotations

import struct
from typing import BinaryIO

from ...vocabulary.errors import BadInput, Code

MAX_HEADER_BYTES = 256 << 20
"""Of a file before the values of its tensors."""


def damaged(label: str, why: str) -> BadInput:
    """The one kind of refusal of a file that is not what it should be."""
    return BadInput(Code.BAD_MODEL, f"{label} is no whole GGUF file: {why}.")


class Cursor:
    """A place in a file of a known size.

    Attributes:
        label: how the file is called in sentences.
        at: bytes that have been read.
        size: of the file, in bytes.
    """

    def __init__(self, file: BinaryIO, size: int, label: str) -> None:
        self._file = file
        self.size = size
        self.label = label
        self.at = 0

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes, which are `what`.

        Raises:
            BadInput: the file has fewer.
        """
        self._require(count, what)
        data = self._file.read(count)
        if len(data) != count:  # it was cut while it was read
            raise damaged(self.label, f"it ends within {what}")
        self.at += count
        return data

    def skip(self, count: int, what: str) -> None:
        """Goes on by `count` bytes, which are `what`.

        Raises:
            BadInput: the file has fewer.
        """
        self._require(count, what)
        self._file.seek(count, 1)
        self.at += count

    def number(self, code: str, what: str) -> int:
        """The next integer, of the `struct` code `code`, little-endian."""
        packed = struct.Struct(f"<{code}")
        (value,) = packed.unpack(self.take(packed.size, what))
        return int(value)

    def text(self, longest: int, what: str) -> bytes:
        """The next text: its length in bytes, then as many.

        Raises:
            BadInput: it is longer than `longest` bytes, or than the file.
        """
        count = self.number("Q", what)
        if count > longest:
            raise damaged(self.label, f"{what} claims {count} bytes, {longest} are taken at most")
        return self.take(count, what)

    def _require(self, count: int, what: str) -> None:
        if count > MAX_HEADER_BYTES - self.at:
            raise damaged(
                self.label, f"{what} begins or ends beyond {MAX_HEADER_BYTES >> 20} MiB of header"
            )
        if count > self.size - self.at:
            raise damaged(
                self.label,
                f"it ends within {what}, {count} bytes are wanted and {self.size - self.at} are"
                " left",
            )
