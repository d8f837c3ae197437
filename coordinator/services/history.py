"""The History service: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..access.access import caller
from ..lab.coordinator import Coordinator


class HistoryService(lab_pb2_grpc.HistoryServicer):
    """How results changed."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def Compare(  # noqa: N802, D102
        self, request: lab_pb2.CompareRequest, context: Any
    ) -> lab_pb2.CompareResponse:
        query = from_wire(CompareQuery, request.query)
        comparison = await self._coordinator.history.compare(query)
        return lab_pb2.CompareResponse(comparison=to_wire(comparison))

    async def Histories(  # noqa: N802, D102
        self, request: lab_pb2.HistoriesRequest, context: Any
    ) -> lab_pb2.HistoriesResponse:
        query = from_wire(HistoryQuery, request.query)
        found = await self._coordinator.history.histories(query)
        return lab_pb2.HistoriesResponse(histories=map(to_wire, found))

    async def Regressions(  # noqa: N802, D102
        self, request: lab_pb2.RegressionsRequest, context: Any
    ) -> lab_pb2.RegressionsResponse:
        found = await self._coordinator.history.regressions(ended=request.all)
        return lab_pb2.RegressionsResponse(regressions=map(to_wire, found))

    async def Annotate(  # noqa: N802, D102
        self, request: lab_pb2.AnnotateRequest, context: Any
    ) -> lab_pb2.AnnotateResponse:
        query = from_wire(HistoryQuery, request.query) if request.HasField("query") else None
        done = await self._coordinator.history.annotate(
            request.regression_id or None, query, request.note, caller().name
        )
        return lab_pb2.AnnotateResponse(annotated=to_wire(done))
