"""The Registry service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.registry import RegistryQuery
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions.quotas import DAY_NS, Quotas, require_room
from ..store.store import Store
from ..store.writer import Writer
from .answers import answered, listed


@dataclass(eq=False)
class RegistryService(lab_pb2_grpc.RegistryServicer):
    """Which artifacts there are, where each comes from, and which is shipped."""

    writer: Writer
    quotas: Quotas = field(default_factory=Quotas)

    async def SearchArtifacts(
        self, request: pb.SearchArtifactsRequest, context: Any
    ) -> pb.SearchArtifactsResponse:
        query = from_wire(RegistryQuery, request.query)
        return await answered(
            self.writer, lambda store: listed(pb.SearchArtifactsResponse(), store.artifacts(query))
        )

    async def GetLineage(
        self, request: pb.GetLineageRequest, context: Any
    ) -> pb.GetLineageResponse:
        return await answered(
            self.writer,
            lambda store: pb.GetLineageResponse(lineage=to_wire(store.lineage(request.word))),
        )

    async def ListAliases(
        self, request: pb.ListAliasesRequest, context: Any
    ) -> pb.ListAliasesResponse:
        model = request.model_name if request.HasField("model_name") else None

        def answer(store: Store) -> pb.ListAliasesResponse:
            return listed(pb.ListAliasesResponse(), store.aliases(model, now=request.now))

        return await answered(self.writer, answer)

    async def MoveAlias(self, request: pb.MoveAliasRequest, context: Any) -> pb.MoveAliasResponse:
        now_ns, asker = self.writer.now_ns(), caller().asker

        def work(store: Store) -> pb.MoveAliasResponse:
            self._require_room(store, asker.name, now_ns)
            found = store.move_alias(
                request.alias,
                request.run_id,
                by=request.by,
                reason=request.reason,
                now_ns=now_ns,
                asker=asker,
            )
            return pb.MoveAliasResponse(move=to_wire(found))

        return await self.writer.change(work)

    async def NoteUngated(
        self, request: pb.NoteUngatedRequest, context: Any
    ) -> pb.NoteUngatedResponse:
        now_ns, asker = self.writer.now_ns(), caller().asker

        def work(store: Store) -> pb.NoteUngatedResponse:
            self._require_room(store, asker.name, now_ns)
            store.note_ungated(request.run_id, request.reason, now_ns, asker)
            return pb.NoteUngatedResponse()

        return await self.writer.change(work)

    def _require_room(self, store: Store, who: str, now_ns: int) -> None:
        acts = store.acts_of(who, now_ns - DAY_NS)
        require_room(acts, self.quotas.acts, f"acts of {who!r} within a day", "--act-quota")
