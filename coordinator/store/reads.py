"""What a coordinator, a database file and an exported table all answer."""

from __future__ import annotations

from typing import Protocol

from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from .values import LeaseTerms


class Reads(Protocol):
    """The table and the devices that it speaks of, in the words of `Store`."""

    def devices(self, now_ns: int, terms: LeaseTerms) -> tuple[DeviceView, ...]:
        """Every device, by name."""

    def rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The newest row per row key that matches, in the order of the table."""

    def deciding_rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """Like `rows`, with the metrics that decide at least."""

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that something was measured or tried for, without priors."""
