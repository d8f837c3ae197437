"""The Table service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..lab.asks import Asks
from ..store import questions
from ..store.store import Store
from ..store.writer import Writer


@dataclass(eq=False)
class TableService(lab_pb2_grpc.TableServicer):
    """The benchmark table, and the choice that it supports."""

    writer: Writer
    asks: Asks

    async def Rows(self, request: pb.RowsRequest, context: Any) -> pb.RowsResponse:
        query = from_wire(TableQuery, request.query)
        self.asks.note(query)
        rows = await self.writer.call(lambda store: store.rows(query))
        return pb.RowsResponse(rows=map(to_wire, rows))

    async def Cells(self, request: pb.CellsRequest, context: Any) -> pb.CellsResponse:
        if request.HasField("query"):
            self.asks.note(from_wire(TableQuery, request.query))
        found = await self.writer.call(questions.cells)
        return pb.CellsResponse(cells=map(to_wire, found))

    async def Select(self, request: pb.SelectRequest, context: Any) -> pb.SelectResponse:
        query, now_ns = from_wire(SelectQuery, request.query), self.writer.now_ns()
        self.asks.note(query)

        def answer(store: Store) -> Choice:
            return questions.select(
                query, now_ns, store.deciding_rows, lambda: questions.cells(store)
            )

        choice = await self.writer.call(answer)
        return pb.SelectResponse(choice=to_wire(choice))
