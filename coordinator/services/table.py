"""The Table service: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..lab.coordinator import Coordinator


class TableService(lab_pb2_grpc.TableServicer):
    """The benchmark table, and the choice that it supports."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def Rows(  # noqa: N802, D102
        self, request: lab_pb2.RowsRequest, context: Any
    ) -> lab_pb2.RowsResponse:
        rows = await self._coordinator.table(from_wire(TableQuery, request.query))
        return lab_pb2.RowsResponse(rows=map(to_wire, rows))

    async def Cells(  # noqa: N802, D102
        self, request: lab_pb2.CellsRequest, context: Any
    ) -> lab_pb2.CellsResponse:
        query = from_wire(TableQuery, request.query) if request.HasField("query") else None
        return lab_pb2.CellsResponse(cells=map(to_wire, await self._coordinator.cells(query)))

    async def Select(  # noqa: N802, D102
        self, request: lab_pb2.SelectRequest, context: Any
    ) -> lab_pb2.SelectResponse:
        choice = await self._coordinator.select(from_wire(SelectQuery, request.query))
        return lab_pb2.SelectResponse(choice=to_wire(choice))
