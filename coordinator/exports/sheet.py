"""Lines of plain columns as CSV or Parquet: the only module that imports pyarrow."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable
from bitgauge.benchmarks.vocabulary.printable import printable

T = TypeVar("T")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
Plain = str | int | float | None
"""What one place of a sheet may hold."""


@dataclass(frozen=True)  # slots are at odds with what typing adds to a generic's instances
class Column(Generic[T]):
    """One column.

    Attributes:
        name: what stands above it.
        of: what a line has there.
        optional: whether that may be missing.
    """

    name: str
    kind: type[str] | type[int] | type[float]
    of: Callable[[T], Plain]
    optional: bool = False


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """Lines with the columns to show of them.

    Attributes:
        schema: what it holds, in one word; stands in the metadata of a Parquet file.
    """

    schema: str
    columns: tuple[Column[T], ...]
    lines: tuple[T, ...]

    def named(self) -> tuple[dict[str, Plain], ...]:
        """Every line as its values by the name of the column."""
        return tuple({one.name: one.of(line) for one in self.columns} for line in self.lines)


def to_csv(sheet: Sheet[T]) -> bytes:
    """CSV in UTF-8; a null is an empty cell, numbers keep every digit.

    A text that a spreadsheet would take for a formula begins with an apostrophe, as one types it
    there; a number never does.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in sheet.columns)
    for line in sheet.lines:
        writer.writerow(_cell(column.of(line)) for column in sheet.columns)
    return text.getvalue().encode()


def _cell(value: Plain) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        text = printable(value)
        return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
    return str(value)


def to_parquet(sheet: Sheet[T]) -> bytes:
    """One Parquet table with a type for every column.

    Raises:
        Unavailable: `LIBRARY_MISSING`, pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError as error:
        raise Unavailable(
            Code.LIBRARY_MISSING, f"Parquet needs {error.name}, which is not installed."
        ) from error
    types = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    schema = pa.schema(
        [pa.field(one.name, types[one.kind], nullable=one.optional) for one in sheet.columns],
        metadata={"schema": sheet.schema},
    )
    columns = {one.name: [one.of(line) for line in sheet.lines] for one in sheet.columns}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=schema), sink)
    return sink.getvalue()
