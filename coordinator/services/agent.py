"""The Agents service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION, require_agreement
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RunReport
from bitgauge.protos.v1 import agent_pb2, agent_pb2_grpc

from ..access.access import caller
from ..lab.leases import Leases
from ..store.values import Registration

NS_PER_MS = 1_000_000
_VERDICTS = {
    "ok": agent_pb2.LEASE_VERDICT_OK,
    "cancel": agent_pb2.LEASE_VERDICT_CANCEL,
    "lost": agent_pb2.LEASE_VERDICT_LOST,
}


@dataclass(eq=False)
class AgentsService(agent_pb2_grpc.AgentsServicer):
    """What agents call."""

    leases: Leases

    async def Register(  # noqa: N802, D102
        self, request: agent_pb2.RegisterRequest, context: Any
    ) -> agent_pb2.RegisterResponse:
        require_agreement(request.protocol_version, "agent", "coordinator")
        registration = Registration(
            device=from_wire(DeviceDescription, request.device),
            agent_version=request.agent_version,
            boot_id=request.boot_id,
            incarnation=request.incarnation,
            leftovers_dead=request.leftovers_dead,
            open_intents=tuple(request.open_intents),
            agent_id=caller().device_id,
        )
        await self.leases.register(registration)
        return agent_pb2.RegisterResponse(
            coordinator_version=version("bitgauge"),
            protocol_version=PROTOCOL_VERSION,
            unreachable_after_ms=self.leases.terms.unreachable_after_ns // NS_PER_MS,
        )

    async def Acquire(  # noqa: N802, D102
        self, request: agent_pb2.AcquireRequest, context: Any
    ) -> agent_pb2.AcquireResponse:
        assignment = await self.leases.acquire(
            request.device_id, request.incarnation, request.wait_ms / 1000, caller()
        )
        if assignment is None:
            return agent_pb2.AcquireResponse()
        context.add_done_callback(lambda _: crash_point("C3"))
        return agent_pb2.AcquireResponse(assignment=to_wire(assignment))

    async def Renew(  # noqa: N802, D102
        self, request: agent_pb2.RenewRequest, context: Any
    ) -> agent_pb2.RenewResponse:
        progress = None
        if request.HasField("progress"):
            progress = from_wire(Progress, request.progress)
        verdict = await self.leases.renew(
            request.job_id,
            request.epoch,
            request.lease_token,
            progress,
            request.hold_for_ms * NS_PER_MS,
            caller(),
        )
        return agent_pb2.RenewResponse(
            verdict=_VERDICTS[verdict], ttl_ms=self.leases.terms.ttl_ns // NS_PER_MS
        )

    async def Report(  # noqa: N802, D102
        self, request: agent_pb2.ReportRequest, context: Any
    ) -> agent_pb2.ReportResponse:
        disposition = await self.leases.report(from_wire(RunReport, request.report), caller())
        return agent_pb2.ReportResponse(disposition=f"DISPOSITION_{disposition.name}")
