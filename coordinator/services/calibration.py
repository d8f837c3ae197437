"""The Calibration service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet, StratumCount
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.protos.v1 import lab_pb2 as pb
from bitgauge.protos.v1 import lab_pb2_grpc

from ..access.access import caller
from ..decisions.quotas import DAY_NS, Quotas, require_room
from ..lab.blobs import wanted
from ..sets.calibration.names import require_set_name
from ..store.store import Store
from ..store.writer import Writer
from .answers import answered, listed


@dataclass(eq=False)
class CalibrationService(lab_pb2_grpc.CalibrationServicer):
    """Calibration sets as versioned objects."""

    writer: Writer
    quotas: Quotas = field(default_factory=Quotas)

    async def AddCalibrationSet(
        self, request: pb.AddCalibrationSetRequest, context: Any
    ) -> pb.AddCalibrationSetResponse:
        now_ns, asker = self.writer.now_ns(), caller().asker
        asked = CalibrationSet(
            name=require_set_name(request.name),
            version=0,
            digest=from_wire(Digest, request.digest),
            samples=request.samples,
            source=request.source,
            strata=tuple(from_wire(StratumCount, one) for one in request.strata),
            preprocessing=request.preprocessing,
            added_unix_ns=now_ns,
        )

        def work(store: Store) -> CalibrationSet:
            acts = store.acts_of(asker.name, now_ns - DAY_NS)
            what = f"acts of {asker.name!r} within a day"
            require_room(acts, self.quotas.acts, what, "--act-quota")
            if wanted(store, (asked.digest,), now_ns):
                raise Refused(Code.BLOB_MISSING, f"Not uploaded: {asked.name}, {asked.digest}.")
            return store.add_calibration_set(asked, asker)

        return pb.AddCalibrationSetResponse(added=to_wire(await self.writer.change(work)))

    async def ListCalibrationSets(
        self, request: pb.ListCalibrationSetsRequest, context: Any
    ) -> pb.ListCalibrationSetsResponse:
        return await answered(
            self.writer,
            lambda store: listed(pb.ListCalibrationSetsResponse(), store.calibration_sets()),
        )
