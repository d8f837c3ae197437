"""The calls of Lab that take devices out and put them back: unpack, call, pack."""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.wire import to_wire
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from ..core import Coordinator


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
