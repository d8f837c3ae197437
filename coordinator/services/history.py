"""The History service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.history import Annotated, CompareQuery, HistoryQuery
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions import regressions
from ..decisions.quotas import DAY_NS, Quotas, require_room
from ..store import past_questions
from ..store.audit.entries import NOTE
from ..store.store import Store
from ..store.writer import Writer
from .answers import answered, listed


@dataclass(eq=False)
class HistoryService(lab_pb2_grpc.HistoryServicer):
    """How results changed."""

    writer: Writer
    quotas: Quotas = field(default_factory=Quotas)

    async def Compare(self, request: pb.CompareRequest, context: Any) -> pb.CompareResponse:
        query = from_wire(CompareQuery, request.query)

        def answer(store: Store) -> pb.CompareResponse:
            return pb.CompareResponse(comparison=to_wire(past_questions.compare(store, query)))

        return await answered(self.writer, answer)

    async def Histories(self, request: pb.HistoriesRequest, context: Any) -> pb.HistoriesResponse:
        query = from_wire(HistoryQuery, request.query)

        def answer(store: Store) -> pb.HistoriesResponse:
            return listed(pb.HistoriesResponse(), past_questions.histories(store, query))

        return await answered(self.writer, answer)

    async def Regressions(
        self, request: pb.RegressionsRequest, context: Any
    ) -> pb.RegressionsResponse:
        return await answered(
            self.writer,
            lambda store: listed(pb.RegressionsResponse(), store.regressions(ended=request.all)),
        )

    async def Annotate(self, request: pb.AnnotateRequest, context: Any) -> pb.AnnotateResponse:
        query = from_wire(HistoryQuery, request.query) if request.HasField("query") else None
        named, note = request.regression_id, regressions.required_note(request.note)
        rows = None if named else regressions.required_rows(query)
        now_ns, asker = self.writer.now_ns(), caller().asker

        def work(store: Store) -> Annotated:
            notes = store.acts_of(asker.name, now_ns - DAY_NS, NOTE)
            what = f"notes of {asker.name!r} within a day"
            require_room(notes, self.quotas.notes, what, "--note-quota")
            if rows is None:
                return store.explain(named, note, now_ns, asker)
            return store.annotate(rows, note, now_ns, asker)

        done = await self.writer.change(work)
        return pb.AnnotateResponse(annotated=to_wire(done))
