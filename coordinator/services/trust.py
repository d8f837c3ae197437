"""The call of Lab that finds out how far a device can be trusted: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary import Profile
from bitgauge.benchmarks.wire import enum_prefix
from bitgauge.protos.v1 import common_pb2, lab_pb2, lab_pb2_grpc

from ..access import caller
from ..core import Coordinator

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
