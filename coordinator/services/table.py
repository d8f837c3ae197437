"""The Table service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..lab.campaigns.asks import Asks
from ..store import questions
from ..store.store import Store
from ..store.writer import Writer
from .answers import answered, listed


@dataclass(eq=False)
class TableService(lab_pb2_grpc.TableServicer):
    """The benchmark table, and the choice that it supports."""

    writer: Writer
    asks: Asks

    async def Rows(self, request: pb.RowsRequest, context: Any) -> pb.RowsResponse:
        query = from_wire(TableQuery, request.query)
        self.asks.note(query)
        return await answered(
            self.writer, lambda store: listed(pb.RowsResponse(), store.rows(query))
        )

    async def Cells(self, request: pb.CellsRequest, context: Any) -> pb.CellsResponse:
        if request.HasField("query"):
            self.asks.note(from_wire(TableQuery, request.query))
        return await answered(
            self.writer, lambda store: listed(pb.CellsResponse(), questions.cells(store))
        )

    async def Select(self, request: pb.SelectRequest, context: Any) -> pb.SelectResponse:
        query, now_ns = from_wire(SelectQuery, request.query), self.writer.now_ns()
        self.asks.note(query)

        def answer(store: Store) -> pb.SelectResponse:
            choice = questions.select(
                query, now_ns, store.deciding_rows, lambda: questions.cells(store)
            )
            return pb.SelectResponse(choice=to_wire(choice))

        return await answered(self.writer, answer)
