"""One table of a suite file: its values, checked, each complaint with file, line and key. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..vocabulary.errors import BadInput, BitgaugeError, Code
from ..vocabulary.profiles import MILLISECOND_NS
from ..vocabulary.typed import nearest, parse_time_ns, parse_word

T = TypeVar("T")
Path = tuple[str | int, ...]
"""Where a value stands: ``("model", 1, "class")`` is key `class` of the second model."""

_HOUR_NS = 3_600 * 10**9
_LONG_NS = {"h": _HOUR_NS, "d": 24 * _HOUR_NS}


class SuiteTable:
    """A table of a suite file that knows where it stands."""

    def __init__(
        self,
        values: Mapping[str, Any],
        path: Path,
        text: str,
        file: str,
        *,
        fixed_line: int | None = None,
    ) -> None:
        self.values = values
        self.file = file
        self._path = path
        self._text = text
        self._fixed_line = fixed_line

    def line(self, key: str | int | None) -> int:
        """The line of a key, or of the table itself."""
        if self._fixed_line is not None:
            return self._fixed_line
        return line_of(self._text, self._path if key is None else (*self._path, key))

    def wrong(self, key: Path | None, why: str) -> BadInput:
        """The error for a key of this table; None: for the table itself."""
        path = self._path + (key or ())
        line = self._fixed_line or line_of(self._text, path)
        return bad_suite(self.file, line, _dotted(path), why)

    def made(self, key: Path, make: Callable[[], T]) -> T:
        """What `make` gives; its complaint with file, line and key."""
        try:
            return make()
        except BitgaugeError as error:
            raise self.wrong(key, error.sentence.rstrip(".")) from error

    def require_known(self, known: Sequence[str]) -> None:
        """Refuse keys that mean nothing here."""
        for key in self.values:
            if key not in known:
                raise self.wrong((key,), f"is no key here{hint_of(key, known)}")

    def text(self, key: str, default: str) -> str:
        """A text that says something."""
        value = self.values.get(key, default)
        if not isinstance(value, str) or (key in self.values and not value.strip()):
            raise self.wrong((key,), "it is a text that says something")
        return value

    def number(self, key: str, default: float) -> float:
        """A number above 0."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e18:
            raise self.wrong((key,), f"{value!r} is not a number above 0")
        return float(value)

    def whole(self, key: str, default: int | None) -> int | None:
        """A whole number above 0."""
        value = self.values.get(key, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
            raise self.wrong((key,), f"{value!r} is not a whole number above 0")
        return value

    def word(self, key: str, kind: Any, default: Any) -> Any:
        """A member of an enumeration of `vocabulary`."""
        if key not in self.values:
            return default
        text = self.text(key, "")
        return self.made((key,), lambda: parse_word(kind, text, key.replace("_", " ")))

    def choice(self, key: str, known: Sequence[str], default: str) -> str:
        """One of the known words."""
        text = self.text(key, default)
        if text not in known:
            raise self.wrong((key,), f"{text!r} is not known{hint_of(text, known)}")
        return text

    def seconds(self, key: str) -> int | None:
        """A time in whole seconds, 1 at least."""
        ns = self._ns(key)
        return None if ns is None else max(1, round(ns / 1e9))

    def milliseconds(self, key: str) -> int | None:
        """A time in whole milliseconds."""
        ns = self._ns(key)
        return None if ns is None else round(ns / MILLISECOND_NS)

    def _ns(self, key: str) -> float | None:
        if key not in self.values:
            return None
        text = self.text(key, "")
        return self.made((key,), lambda: parse_long_time_ns(text))

    def table(self, key: str) -> SuiteTable:
        """The table ``[key]``; empty when it is not there."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong((key,), f"it is a table, written [{key}]")
        return SuiteTable(value, (*self._path, key), self._text, self.file)

    def tables(self, key: str) -> tuple[SuiteTable, ...]:
        """Every table ``[[key]]``."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong((key,), f"it is a list of tables, each written [[{key}]]")
        return tuple(
            SuiteTable(one, (*self._path, key, index), self._text, self.file)
            for index, one in enumerate(value)
        )


def parse_long_time_ns(text: str) -> float:
    """Nanoseconds of a time that may also be given in hours (`h`) and days (`d`).

    Raises:
        BadInput: it is no time above 0.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([hd])\s*", text, re.ASCII)
    ns = float(match[1]) * _LONG_NS[match[2]] if match else parse_time_ns(text)
    if ns <= 0:
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not a time above 0.")
    return ns


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


def _dotted(path: Path) -> str:
    words = ""
    for part in path:
        words += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if words else ''}{part}"
    return words


def hint_of(word: str, known: Sequence[str]) -> str:
    """The nearest known word, and all of them."""
    close = nearest(word, known)
    meant = f"; did you mean {close}?" if close else ""
    return f"{meant} (known: {', '.join(sorted(known))})"


def bad_suite(file: str, line: int, key: str, why: str) -> BadInput:
    """The one sentence about a suite file: where, which key, what is wrong."""
    what = f"{key}: {why}" if key else why
    return BadInput(Code.BAD_SUITE, f"Suite {file}, line {line}: {what}.")
