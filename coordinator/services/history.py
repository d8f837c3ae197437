"""The History service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions import regressions
from ..store import past_questions
from ..store.writer import Writer


@dataclass(eq=False)
class HistoryService(lab_pb2_grpc.HistoryServicer):
    """How results changed."""

    writer: Writer

    async def Compare(self, request: pb.CompareRequest, context: Any) -> pb.CompareResponse:
        query = from_wire(CompareQuery, request.query)
        comparison = await self.writer.call(lambda store: past_questions.compare(store, query))
        return pb.CompareResponse(comparison=to_wire(comparison))

    async def Histories(self, request: pb.HistoriesRequest, context: Any) -> pb.HistoriesResponse:
        query = from_wire(HistoryQuery, request.query)
        found = await self.writer.call(lambda store: past_questions.histories(store, query))
        return pb.HistoriesResponse(histories=map(to_wire, found))

    async def Regressions(
        self, request: pb.RegressionsRequest, context: Any
    ) -> pb.RegressionsResponse:
        found = await self.writer.call(lambda store: store.regressions(ended=request.all))
        return pb.RegressionsResponse(regressions=map(to_wire, found))

    async def Annotate(self, request: pb.AnnotateRequest, context: Any) -> pb.AnnotateResponse:
        query = from_wire(HistoryQuery, request.query) if request.HasField("query") else None
        named, note = request.regression_id, regressions.required_note(request.note)
        now_ns, made_by = self.writer.now_ns(), caller().name
        if named:
            done = await self.writer.change(
                lambda store: store.explain(named, note, now_ns, made_by)
            )
        else:
            rows = regressions.required_rows(query)
            done = await self.writer.change(
                lambda store: store.annotate(rows, note, now_ns, made_by)
            )
        return pb.AnnotateResponse(annotated=to_wire(done))
