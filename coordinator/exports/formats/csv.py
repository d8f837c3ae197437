"""CSV: one line per metric."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.table.file import TableFile

from ..long_form import record_sheet, table_sheet
from ..sheet import to_csv

RANK = 30
ENDINGS = ()
IS_TEXT = True


def of_table(table: TableFile) -> bytes:
    """One line per row and metric."""
    return to_csv(table_sheet(table))


def of_records(records: Sequence[Record]) -> bytes:
    """One line per run and metric."""
    return to_csv(record_sheet(records))
