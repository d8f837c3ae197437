"""Finds the format of an export.

A new one is one new file beside this one, or in ``exporters/`` below a folder of
``BITGAUGE_PLUGIN_PATH``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bitgauge.benchmarks.common.plugins import Found, Kind, find
from bitgauge.benchmarks.common.walks.presented import presented
from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.table.file import TableFile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.typed import unknown

from .base import Exporter

DEFAULT = "json"
_ASKS = ("RANK", "ENDINGS", "IS_TEXT", "of_table", "of_records")
_FORMATS = Kind("exporters", _ASKS, str(__package__))


def found() -> Found:
    """Every format, and one line for each file that was skipped."""
    return find(_FORMATS)


def encode_table(table: TableFile, name: str) -> bytes:
    """The table in a format that `of_table` chose; every text in it can be printed."""
    encode = _formats()[name].of_table
    assert encode is not None
    return encode(presented(table))


def encode_records(records: Sequence[Record], name: str) -> bytes:
    """Records in a format that `of_records` chose; every text in them can be printed."""
    encode = _formats()[name].of_records
    assert encode is not None
    return encode([presented(one) for one in records])


def of_table(given: str | None, output: Path | None) -> str:
    """The name of the format for a table; raises as `chosen`."""
    return chosen({k: v for k, v in _formats().items() if v.of_table}, given, output)


def of_records(given: str | None, output: Path | None) -> str:
    """The name of the format for records; raises as `chosen`."""
    return chosen({k: v for k, v in _formats().items() if v.of_records}, given, output)


def chosen(formats: Mapping[str, Exporter], given: str | None, output: Path | None) -> str:
    """The name of the format that was asked for, by its name, an ending or the file's name.

    Without an output it goes to a terminal or a pipe.

    Raises:
        BadInput: there is no such format, the file's ending says none that is known, or the
            format is no text and there is no file.
    """
    names = {ending: name for name, one in formats.items() for ending in (name, *one.ENDINGS)}
    ending = output.suffix.removeprefix(".").lower() if output is not None else ""
    if ending and not given and ending not in names:
        known = ", ".join(f".{name}" for name in sorted(names))
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{output} ends in .{ending}, which is no format; give one of {known}, or --format"
            " NAME.",
        )
    word = (given or names.get(ending, DEFAULT)).lower()
    if word not in names:
        raise unknown("format", word, tuple(formats))
    if output is None and not formats[names[word]].IS_TEXT:
        raise BadInput(Code.BAD_ARGUMENT, f"{names[word].capitalize()} is no text; give -o FILE.")
    return names[word]


def _formats() -> dict[str, Exporter]:
    return dict(found().modules)
