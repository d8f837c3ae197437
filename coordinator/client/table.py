"""The client's calls to Table: rows, cells, and the choice that they support."""

from __future__ import annotations

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.protos.v1 import lab_pb2 as pb

from .connection import Connection


class TableCalls(Connection):
    """What a client asks of Table."""

    def table(self, query: TableQuery | None = None) -> tuple[TableRow, ...]:
        """The newest row per row key that matches, in table order; without a query every one.

        Each row is one recipe of one model under one workload on one device. `row.metric(key)`
        is a value with its 95 % interval (`low`, `high`), or None with the `reason`. Ratios are
        candidate / baseline, below 1 is better; `_ns`, `_bytes`, `_mj`, `_pp` name the unit.
        """
        return self._values(TableRow, pb.RowsRequest(query=to_wire(query or TableQuery())))

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """All cells in table order, figures from literature (`prior`) among them.

        A cell is a model class, hardware class, format family and workload. Its figures are means
        over models, of ratios geometric ones, with the 95 % interval of that mean.

        Args:
            query: which cells are looked for. It is counted as demand and narrows nothing.
        """
        return self._values(Cell, pb.CellsRequest(query=to_wire(query) if query else None))

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship, within the limits of the query, with its evidence.

        `outcome` says how firm the answer is: `format`, `tie`, `keep_fp32`, `undecided`,
        `none_meets`, `unsound_baseline` or `nothing_measured`.

        Raises:
            BadInput: a limit makes no sense.
        """
        return self._value(Choice, pb.SelectRequest(query=to_wire(query)))
