"""The calls of Lab that take devices out and put them back: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.wire import enum_prefix, to_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.protos.v1 import common_pb2, lab_pb2, lab_pb2_grpc

from ..access.access import caller
from ..lab.coordinator import Coordinator


class CareCalls(lab_pb2_grpc.LabServicer):
    """The part of Lab that is about the care of devices."""

    _coordinator: Coordinator

    async def Cordon(  # noqa: N802, D102
        self, request: lab_pb2.CordonRequest, context: Any
    ) -> lab_pb2.CordonResponse:
        view = await self._coordinator.care.cordon(request.device, request.reason)
        return lab_pb2.CordonResponse(device=to_wire(view))

    async def Uncordon(  # noqa: N802, D102
        self, request: lab_pb2.UncordonRequest, context: Any
    ) -> lab_pb2.UncordonResponse:
        view = await self._coordinator.care.uncordon(request.device)
        return lab_pb2.UncordonResponse(device=to_wire(view))

    async def Retire(  # noqa: N802, D102
        self, request: lab_pb2.RetireRequest, context: Any
    ) -> lab_pb2.RetireResponse:
        view = await self._coordinator.care.retire(request.device, request.reason)
        return lab_pb2.RetireResponse(device=to_wire(view))


DEFAULT_RUNTIME = "onnxruntime"


class TrustCalls(lab_pb2_grpc.LabServicer):
    """The part of Lab that is about A/A certificates."""

    _coordinator: Coordinator

    async def Certify(  # noqa: N802, D102
        self, request: lab_pb2.CertifyRequest, context: Any
    ) -> lab_pb2.CertifyResponse:
        job_id, created = await self._coordinator.certify(
            request.device,
            request.runtime or DEFAULT_RUNTIME,
            _profile(request.profile),
            request.comparisons,
            caller().name,
        )
        return lab_pb2.CertifyResponse(job_id=job_id, created=created)


def _profile(number: Any) -> Profile:
    """The profile that was asked for; quick when none was."""
    if number == 0:
        return Profile.QUICK
    descriptor = common_pb2.Profile.DESCRIPTOR
    found = descriptor.values_by_number.get(number)
    if found is None:
        raise BadInput(Code.BAD_ARGUMENT, f"{number} is no profile.")
    return Profile(found.name.removeprefix(enum_prefix(descriptor)).lower())
