"""Values as they may be printed: each text in them is one line of what can be seen.

Whoever turns values into text, a table, a page or a file for people gives them through here first,
so that no name that somebody stored can begin a line, move a cursor or turn the reading direction.
A value in which nothing has to change is given back as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar, cast

from ...vocabulary.printable import printable, printable_lines
from .leaves import fields_with

T = TypeVar("T")

_LINES = frozenset({"log_tail"})
"""Fields whose lines are lines."""


def presented(value: T) -> T:
    """`value` with every text in it printable."""
    made: T = _presented(value)
    return made


def _presented(value: Any) -> Any:
    if type(value) is str:
        return printable(value)
    if type(value) in (tuple, list):
        parts = [_presented(one) for one in value]
        same = all(new is old for new, old in zip(parts, value, strict=True))
        return value if same else type(value)(parts)
    if isinstance(value, Mapping):
        told = {_presented(key): _presented(one) for key, one in value.items()}
        return value if told == value else told
    if is_dataclass(value) and not isinstance(value, type):
        return _of_fields(value)
    return value


def _of_fields(value: Any) -> Any:
    changed = {}
    for name in fields_with(type(value), str):
        old = getattr(value, name)
        new = printable_lines(old) if name in _LINES and old is not None else _presented(old)
        if new is not old and new != old:
            changed[name] = new
    return replace(value, **changed) if changed else value


def presenting(source: T) -> T:
    """Whoever answers as `source` does, with every answer `presented`.

    What is asked of it stays as it is, and so do bytes.
    """
    return cast(T, _Presenting(source))


class _Presenting:
    def __init__(self, source: Any) -> None:
        self._source = source

    # What asks which kind of source it has is told that of the source.
    __class__ = property(lambda self: type(self._source))

    def __enter__(self) -> Any:
        return _Presenting(self._source.__enter__())

    def __exit__(self, *error: object) -> Any:
        return self._source.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._source, name)
        if not callable(found):
            return _presented(found)

        def asked(*args: Any, **kwargs: Any) -> Any:
            answer = found(*args, **kwargs)
            return map(_presented, answer) if isinstance(answer, Iterator) else _presented(answer)

        return asked
