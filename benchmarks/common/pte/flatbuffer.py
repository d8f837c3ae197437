"""Tables of a flatbuffer, each offset held against the bytes that are there before it is followed.

The format is that of flatbuffers.dev/internals: a table begins with the distance to its vtable,
which says where each field lies; 0 is absent. The package flatbuffers reads the same and trusts the
file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PTE_ITEMS = 100_000
"""Items of one vector: a damaged length may be anything."""


class Damaged(Exception):
    """An offset leaves the bytes; the text says what it should have led to."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        data: the flatbuffer, from its root offset on.
        at: where the table begins.
    """

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The table that a flatbuffer begins with."""
        return cls(data, _read(data, 0, "<I"))

    def _field(self, number: int) -> int:
        """Where a field lies; 0 where it is absent."""
        vtable = self.at - _read(self.data, self.at, "<i")
        size = _read(self.data, vtable, "<H")
        place = 4 + 2 * number
        if place + 2 > size:
            return 0
        distance = _read(self.data, vtable + place, "<H")
        return self.at + distance if distance else 0

    def number(self, field: int, form: str, otherwise: int = 0) -> int:
        """A scalar, by its form in `struct`."""
        at = self._field(field)
        return _read(self.data, at, form) if at else otherwise

    def text(self, field: int) -> str:
        """A string; "" where it is absent."""
        at = self._field(field)
        return self._text(_follow(self.data, at)) if at else ""

    def table(self, field: int) -> Table | None:
        """A table; None where it is absent."""
        at = self._field(field)
        return Table(self.data, _follow(self.data, at)) if at else None

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables."""
        for at in self._items(field, 4):
            yield Table(self.data, _follow(self.data, at))

    def numbers(self, field: int, form: str) -> tuple[int, ...]:
        """A vector of scalars."""
        return tuple(_read(self.data, at, form) for at in self._items(field, struct.calcsize(form)))

    def length(self, field: int, width: int) -> int:
        """How many items of `width` bytes a vector has."""
        at = self._field(field)
        return _vector(self.data, _follow(self.data, at), width)[1] if at else 0

    def _items(self, field: int, width: int) -> range:
        at = self._field(field)
        if not at:
            return range(0)
        first, count = _vector(self.data, _follow(self.data, at), width)
        if count > MAX_PTE_ITEMS:
            raise Damaged(f"a list of {count} items")
        return range(first, first + count * width, width)

    def _text(self, at: int) -> str:
        first, count = _vector(self.data, at, 1)
        try:
            return self.data[first : first + count].decode("utf-8")
        except UnicodeDecodeError as error:
            raise Damaged("a text that is no UTF-8") from error


def _vector(data: bytes, at: int, width: int) -> tuple[int, int]:
    """Where the items of a vector begin, and how many there are."""
    count = _read(data, at, "<I")
    if at + 4 + count * width > len(data):
        raise Damaged(f"a list of {count} items")
    return at + 4, count


def _follow(data: bytes, at: int) -> int:
    return at + _read(data, at, "<I")


def _read(data: bytes, at: int, form: str) -> int:
    if at < 0 or at + struct.calcsize(form) > len(data):
        raise Damaged("a number beyond its end")
    found = struct.unpack_from(form, data, at)[0]
    assert isinstance(found, int)
    return found
