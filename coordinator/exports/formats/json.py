"""JSON: all of it, and the only format from which a table answers again."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.record import schema
from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.table import file
from bitgauge.benchmarks.table.file import TableFile

RANK = 40
ENDINGS = ()
IS_TEXT = True


def of_table(table: TableFile) -> bytes:
    """The whole table."""
    return file.to_json(table)


def of_records(records: Sequence[Record]) -> bytes:
    """One record, or a list of several."""
    return schema.to_json(records[0] if len(records) == 1 else records)
