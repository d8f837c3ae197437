"""The Gates service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.gates import (
    PairedAnswers,
    RuleVerdict,
    UseCase,
    VerdictQuery,
)
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions.quotas import DAY_NS, Quotas, require_room
from ..store.store import Store
from ..store.writer import Writer
from .answers import answered, listed


@dataclass(eq=False)
class GatesService(lab_pb2_grpc.GatesServicer):
    """May a run be shipped for a purpose?"""

    writer: Writer
    quotas: Quotas = field(default_factory=Quotas)

    async def Judge(self, request: pb.JudgeRequest, context: Any) -> pb.JudgeResponse:
        use_case, paired, further = _asked(request)

        def answer(store: Store) -> pb.JudgeResponse:
            found = store.judge(request.run_id, use_case, paired, further)
            return pb.JudgeResponse(verdict=to_wire(found))

        return await answered(self.writer, answer)

    async def KeepVerdict(
        self, request: pb.KeepVerdictRequest, context: Any
    ) -> pb.KeepVerdictResponse:
        use_case, paired, further = _asked(request)
        now_ns, asker = self.writer.now_ns(), caller().asker

        def work(store: Store) -> pb.KeepVerdictResponse:
            self._require_room(store, asker.name, now_ns)
            found = store.keep_verdict(
                request.run_id, use_case, paired, further, now_ns=now_ns, asker=asker
            )
            return pb.KeepVerdictResponse(verdict=to_wire(found))

        return await self.writer.change(work)

    async def DecideVerdict(
        self, request: pb.DecideVerdictRequest, context: Any
    ) -> pb.DecideVerdictResponse:
        now_ns, asker = self.writer.now_ns(), caller().asker

        def work(store: Store) -> pb.DecideVerdictResponse:
            self._require_room(store, asker.name, now_ns)
            found = store.decide_verdict(
                request.run_id,
                request.use_case,
                approved=request.approved,
                by=request.by,
                reason=request.reason,
                now_ns=now_ns,
                asker=asker,
            )
            return pb.DecideVerdictResponse(verdict=to_wire(found))

        return await self.writer.change(work)

    async def ListVerdicts(
        self, request: pb.ListVerdictsRequest, context: Any
    ) -> pb.ListVerdictsResponse:
        query = from_wire(VerdictQuery, request.query)
        return await answered(
            self.writer, lambda store: listed(pb.ListVerdictsResponse(), store.verdicts(query))
        )

    def _require_room(self, store: Store, who: str, now_ns: int) -> None:
        acts = store.acts_of(who, now_ns - DAY_NS)
        require_room(acts, self.quotas.acts, f"acts of {who!r} within a day", "--act-quota")


def _asked(
    request: pb.JudgeRequest | pb.KeepVerdictRequest,
) -> tuple[UseCase, PairedAnswers | None, tuple[RuleVerdict, ...]]:
    paired = from_wire(PairedAnswers, request.paired) if request.HasField("paired") else None
    further = tuple(from_wire(RuleVerdict, one) for one in request.further)
    return from_wire(UseCase, request.use_case), paired, further
