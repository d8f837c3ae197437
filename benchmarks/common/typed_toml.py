"""A TOML text into a typed struct, or one sentence with file, line and key. Pure.

The struct says what may stand there; `fits` converts. A type may say in a `description` what it
takes ("a whole number above 0"), and a type of our own reads what people type: `Word` a member of
an enumeration, `Time`, `Size` and `Millijoules` a quantity with its unit.
"""

from __future__ import annotations

import enum
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta, inspect

from ..vocabulary.errors import BadInput, BitgaugeError, Code
from ..vocabulary.typed import (
    hint_of,
    parse_energy_mj,
    parse_long_time_ns,
    parse_size_bytes,
    parse_word,
)
from .fits import Misfit, Path, dotted, fitted

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
E = TypeVar("E", bound=enum.Enum)

Text = Annotated[str, Meta(pattern=r"\S", description="a text that says something")]
Count = Annotated[int, Meta(gt=0, lt=1 << 16, description="a whole number above 0")]
Positive = Annotated[float, Meta(gt=0, lt=1e18, description="a number above 0")]


class Word(Generic[E]):
    """A member of an enumeration of `vocabulary`, as people write it."""

    def __init__(self, member: E) -> None:
        self.member = member


class Time(float):
    """Nanoseconds of a time that may be given up to days, such as `90 min`."""

    @property
    def seconds(self) -> int:
        """Whole seconds, 1 at least."""
        return max(1, round(self / 1e9))

    @property
    def milliseconds(self) -> int:
        """Whole milliseconds."""
        return round(self / 1e6)


class Size(int):
    """Bytes of a size, such as `2 GiB`."""


class Millijoules(float):
    """Millijoules of an energy, such as `12 mJ`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text of keys and values from outside, as its complaints name it.

    Attributes:
        what: what kind of file it is, such as `Suite`.
        file: its name.
        code: of every complaint.
        text: the text, to find the lines of keys.
        line: where all of it stands, such as a line of a CSV file; None: look in `text`.
    """

    what: str
    file: str
    code: Code
    text: str = ""
    line: int | None = None

    def read(self, kind: type[S]) -> S:
        """The whole text as a `kind`.

        Raises:
            BadInput: with `code`: it is no TOML, or something in it is not as `kind` says.
        """
        # The standard library has it since Python 3.11; tomli is the same code for 3.10.
        toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        try:
            values = toml.loads(self.text)
        except ValueError as error:
            raise self._no_toml(str(error)) from error
        return self.fitted(values, kind)

    def fitted(self, values: Mapping[str, Any], kind: type[S]) -> S:
        """Values that were parsed already as a `kind`; raises as `read` does."""
        try:
            found: S = fitted(values, kind, _typed)
        except Misfit as error:
            raise self.wrong(*_complaint(values, kind, error)) from error
        return found

    def wrong(self, path: Path, why: str) -> BadInput:
        """The one sentence about this file: where, which key, what is wrong."""
        line = self.line or line_of(self.text, path)
        return self._at(line, f"{dotted(path)}: {why}" if path else why)

    def made(self, path: Path, make: Callable[[], T]) -> T:
        """What `make` gives; its complaint with file, line and key."""
        try:
            return make()
        except BitgaugeError as error:
            raise self.wrong(path, error.sentence.rstrip(".")) from error

    def _at(self, line: int, what: str) -> BadInput:
        return BadInput(self.code, f"{self.what} {self.file}, line {line}: {what}.")

    def _no_toml(self, said: str) -> BadInput:
        """The parser's own sentence, with its line in front as in all our sentences."""
        found = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)", said)
        line = int(found[1]) if found and found[1] else max(1, len(self.text.splitlines()))
        return self._at(line, f"not valid TOML: {said[: found.start()] if found else said}")


_WITH_UNIT = {Time: '"20 ms"', Size: '"2 MiB"', Millijoules: '"5 mJ"'}
"""What a quantity looks like that somebody wrote as a bare number."""


def _typed(kind: Any, value: Any) -> Any:
    """What the types of ours make of a text; `msgspec` puts the key to a ValueError."""
    if kind in _WITH_UNIT and isinstance(value, int | float):
        raise ValueError(f"{value!r} has no unit; write {_WITH_UNIT[kind]}")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text that says something")
    try:
        if kind is Time:
            return Time(parse_long_time_ns(value))
        if kind is Size:
            return Size(parse_size_bytes(value))
        if kind is Millijoules:
            return Millijoules(parse_energy_mj(value))
        if get_origin(kind) is Word:
            member: type[enum.Enum] = get_args(kind)[0]
            return Word(parse_word(member, value, _words(member)))
    except BitgaugeError as error:
        raise ValueError(error.sentence.rstrip(".")) from error
    raise TypeError(f"{kind} cannot be read from a text")


def _words(kind: type[enum.Enum]) -> str:
    """The name of an enumeration as people say it: `hardware class`."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower()


# -- saying what is wrong -----------------------------------------------------------------
def _complaint(values: Any, kind: Any, error: Misfit) -> tuple[Path, str]:
    """The key, and what is wrong with it, in words that are not those of Python's types."""
    at = _type_at(kind, error.path)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", error.why):
        names = [field.encode_name for field in _plain(at).fields]
        return (*error.path, unknown[1]), f"is no key here{hint_of(unknown[1], names)}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", error.why):
        named = _described(_type_at(at, (missing[1],)))
        return error.path, f"{missing[1]} is missing{f': {named}' if named else ''}"
    key = next((part for part in reversed(error.path) if isinstance(part, str)), "")
    value = _value_at(values, error.path)
    wanted = _wanted(at, key, value)
    if not wanted:
        return error.path, error.why
    shown = repr(value) if isinstance(value, str | int | float) else "it"
    return error.path, f"{shown} is not {wanted}"


def _wanted(at: Any, key: str, value: Any) -> str:
    """What should stand at a key, as the end of a sentence; "" where msgspec says it well."""
    plain = _plain(at)
    if described := _described(at):
        return described
    if isinstance(plain, inspect.LiteralType):
        return "known" + hint_of(str(value), [*map(str, plain.values)])
    if isinstance(plain, inspect.StructType):
        return f"a table, written [{key}]"
    if isinstance(_plain(getattr(plain, "item_type", None)), inspect.StructType):
        return f"a list of tables, each written [[{key}]]"
    return ""


def _type_at(kind: Any, path: Path) -> Any:
    """What is declared at a path; None where nothing is."""
    at: Any = kind if isinstance(kind, inspect.Type) else inspect.type_info(kind)
    for part in path:
        plain = _plain(at)
        fields = {one.encode_name: one.type for one in getattr(plain, "fields", ())}
        at = fields.get(part) if isinstance(part, str) else getattr(plain, "item_type", None)
    return at


def _plain(at: Any) -> Any:
    """A type without its description, and without None beside it."""
    if isinstance(at, inspect.Metadata):
        return _plain(at.type)
    if isinstance(at, inspect.UnionType):
        return _plain(next(one for one in at.types if not isinstance(one, inspect.NoneType)))
    return at


def _described(at: Any) -> str:
    """What a type says that it takes; "" when it says nothing."""
    if isinstance(at, inspect.Metadata):
        return str((at.extra_json_schema or {}).get("description", ""))
    if isinstance(at, inspect.UnionType):
        return next(filter(None, map(_described, at.types)), "")
    return ""


def _value_at(values: Any, path: Path) -> Any:
    """What stands at a path; None where the path leaves out the key of a dictionary."""
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


# -- lines --------------------------------------------------------------------------------
def line_of(text: str, path: Path) -> int:
    """The line, from 1, on which a key of a TOML text stands; of its table when it is not found."""
    head = [part for part in path if isinstance(part, str)]
    index = next((part for part in path if isinstance(part, int)), 0)
    in_table = not head or not _has_header(text, head[0])
    key, table = (head[-1] if head else ""), (head[0] if head else "")
    seen, current, table_line = -1, "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?\s*\"?([\w-]+)", line):
            current = header[1]
            seen += current == table
            if current == table and seen == index:
                table_line = number
                if len(head) == 1:
                    return number
        elif re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line):
            here = (current == table and seen == index) if not in_table else not current
            if here or (len(head) == 1 and not current):
                return number
    return table_line


def _has_header(text: str, table: str) -> bool:
    return re.search(rf"(?m)^\s*\[\[?\s*\"?{re.escape(table)}\b", text) is not None
