"""The metadata of a GGUF file: names with values, bounded, each name once.

Arrays are walked through and not kept, but for the texts of the tokens: a vocabulary has hundreds
of thousands of merges that nobody here asks for.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass

from ...vocabulary.printable import printable
from .cursor import Cursor, damaged

MAX_VALUES = 65_536
"""Named values of a file."""
LONGEST_NAME = 256
"""Bytes of such a name."""
LONGEST_VALUE = 1 << 20
"""Bytes of a value that is a text, such as a chat template."""
LONGEST_TOKEN = 4_096
"""Bytes of a text within an array: a token, or a pair that is merged."""
MAX_ITEMS = 16_777_216
"""Values of an array."""
MAX_TOKENS = 2_097_152
"""Tokens of a vocabulary."""

TOKENS = "tokenizer.ggml.tokens"

Value = int | float | bool | str

_NAME = re.compile(rb"[\x21-\x7e]+")
_TEXT, _ARRAY, _BOOL = 8, 9, 7
_NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    _BOOL: "?",
    10: "Q",
    11: "q",
    12: "d",
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of itself.

    Attributes:
        values: by name; arrays are not among them.
        places: where those values lie that are no texts, in bytes from the beginning.
        arrays: number of values of each array, by name.
        tokens: texts of the vocabulary in the order of their ids, as bytes; None where the file
            has no tokenizer.
    """

    values: dict[str, Value]
    places: dict[str, int]
    arrays: dict[str, int]
    tokens: tuple[bytes, ...] | None

    def text(self, name: str) -> str:
        """The text of a name; empty where there is none, or it is no text."""
        found = self.values.get(name)
        return found if isinstance(found, str) else ""

    def whole(self, name: str) -> int | None:
        """The whole number of a name, None where there is none, or it is no whole number."""
        found = self.values.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else None


def read_metadata(cursor: Cursor, count: int) -> Metadata:
    """The next `count` named values.

    Raises:
        BadInput: there are too many, one twice, or one is not what a value can be.
    """
    if count > MAX_VALUES:
        raise damaged(cursor.label, f"it claims {count} named values, at most {MAX_VALUES} do")
    values: dict[str, Value] = {}
    places: dict[str, int] = {}
    arrays: dict[str, int] = {}
    tokens: tuple[bytes, ...] | None = None
    for at in range(count):
        name = _name(cursor, f"the name of value {at}")
        if name in values or name in arrays:
            raise damaged(cursor.label, f"it names {name} twice")
        kind = cursor.number("I", name)
        if kind != _ARRAY:
            places |= {name: cursor.at} if kind != _TEXT else {}
            values[name] = _value(cursor, kind, name)
            continue
        arrays[name], found = _array(cursor, name)
        tokens = found if name == TOKENS else tokens
    return Metadata(values, places, arrays, tokens)


def _name(cursor: Cursor, what: str) -> str:
    name = cursor.text(LONGEST_NAME, what)
    if not _NAME.fullmatch(name):
        raise damaged(cursor.label, f"{what} is empty or has characters that cannot be printed")
    return name.decode("ascii")


def _value(cursor: Cursor, kind: int, name: str) -> Value:
    if kind == _TEXT:
        return printable(cursor.text(LONGEST_VALUE, name).decode("utf-8", "replace"))
    code = _NUMBERS.get(kind)
    if code is None:
        raise damaged(cursor.label, f"the value of {name} is of type {kind}, which GGUF has not")
    packed = struct.Struct(f"<{code}")
    data = cursor.take(packed.size, name)
    if kind == _BOOL and data not in (b"\0", b"\1"):
        raise damaged(cursor.label, f"{name} is neither true nor false")
    (value,) = packed.unpack(data)
    if isinstance(value, float) and not math.isfinite(value):
        raise damaged(cursor.label, f"{name} is no finite number")
    return value  # type: ignore[no-any-return]


def _array(cursor: Cursor, name: str) -> tuple[int, tuple[bytes, ...] | None]:
    """How many values it has; with them, where they are texts of tokens."""
    kind, count = cursor.number("I", name), cursor.number("Q", name)
    most = MAX_TOKENS if name == TOKENS else MAX_ITEMS
    if count > most:
        raise damaged(cursor.label, f"{name} claims {count} values, at most {most} are taken")
    if kind in _NUMBERS and name != TOKENS:
        cursor.skip(count * struct.calcsize(f"<{_NUMBERS[kind]}"), name)
        return count, None
    if kind != _TEXT:
        raise damaged(cursor.label, f"{name} is an array of type {kind}, which is not taken")
    if count > (cursor.size - cursor.at) // 8:  # each begins with eight bytes of length
        raise damaged(cursor.label, f"{name} claims {count} texts, for which the file is too small")
    if name == TOKENS:
        return count, tuple(cursor.text(LONGEST_TOKEN, name) for _ in range(count))
    for _ in range(count):
        cursor.text(LONGEST_TOKEN, name)
    return count, None
