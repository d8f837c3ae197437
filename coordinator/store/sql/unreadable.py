"""Rows of which a value cannot be read: each is left out and named, and nobody else waits for it.

A value is unreadable when its column is no JSON, or JSON of something else, or a word that is not
known here: an older Bitgauge wrote it, a disk changed it, or somebody did by hand. Whoever lists
many things reads each of them through `readable`; what is asked for by its name still fails, and
says so.
"""

from __future__ import annotations

import functools
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TypeVar

import msgspec
from bitgauge.benchmarks.vocabulary.printable import cleaned

T = TypeVar("T")
W = TypeVar("W", bound=Enum)

UNREADABLE = (msgspec.MsgspecError, ValueError)
"""What reading such a value raises."""

MAX_WHY = 200
"""Characters of what is said about one."""

_log = logging.getLogger(__name__)


def readable(
    rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], T], what: str, name: str
) -> tuple[T, ...]:
    """What can be read of these rows; the log names each other one, once.

    Args:
        rows: of one query.
        read: makes the value of a row.
        what: the noun for one of them, such as ``job``.
        name: the column that names it.
    """
    return tuple(each_readable(rows, read, what, name))


def each_readable(
    rows: Iterable[sqlite3.Row], read: Callable[[sqlite3.Row], T], what: str, name: str
) -> Iterator[T]:
    """As `readable`, one after the other."""
    for row in rows:
        try:
            yield read(row)
        except UNREADABLE as error:
            note(what, str(row[name]), error)


def note(what: str, name: str, error: Exception) -> None:
    """Say once in the log that something cannot be read."""
    _say(f"{what} {cleaned(name, MAX_WHY)} is left out: {why(error)}")


@functools.lru_cache(maxsize=1024)
def _say(sentence: str) -> None:
    _log.error("%s", sentence)


def why(error: Exception) -> str:
    """What people are told of it, without full stop."""
    return f"what is stored of it can not be read ({cleaned(str(error), MAX_WHY)})"


def word(kind: type[W], text: object, otherwise: W) -> W:
    """The word that a column holds, or another one where it is not known."""
    try:
        return kind(text)
    except ValueError:
        return otherwise


def sound(column: str) -> str:
    """A column of JSON for a function of SQL: one that is no JSON fails the whole query."""
    return f"iif(json_valid({column}), {column}, '{{}}')"
