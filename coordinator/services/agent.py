"""The Agents service: unpack, call, pack."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION, require_agreement
from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.runs import Progress, RunReport
from bitgauge.protos.v1 import agent_pb2 as pb
from bitgauge.protos.v1 import agent_pb2_grpc

from ..access.access import caller
from ..lab.leases import Leases
from ..store.values import Registration

NS_PER_MS = 1_000_000
_VERDICTS = {
    "ok": pb.LEASE_VERDICT_OK,
    "cancel": pb.LEASE_VERDICT_CANCEL,
    "lost": pb.LEASE_VERDICT_LOST,
}


def address_of(peer: str) -> str:
    """Where a call came from, without the port: gRPC says ``ipv4:10.0.0.5:4711``."""
    address = unquote(peer).partition(":")[2].rpartition(":")[0]
    return address.strip("[]")


@dataclass(eq=False)
class AgentsService(agent_pb2_grpc.AgentsServicer):
    """What agents call."""

    leases: Leases

    async def Register(self, request: pb.RegisterRequest, context: Any) -> pb.RegisterResponse:
        require_agreement(request.protocol_version, "agent", "coordinator")
        registration = Registration(
            device=from_wire(DeviceDescription, request.device),
            agent_version=request.agent_version,
            boot_id=request.boot_id,
            incarnation=request.incarnation,
            leftovers_dead=request.leftovers_dead,
            open_intents=tuple(request.open_intents),
            agent_id=caller().device_id,
            machine=request.machine,
            place=request.place,
            host=request.host,
            address=address_of(context.peer()),
        )
        await self.leases.register(registration)
        return pb.RegisterResponse(
            coordinator_version=version("bitgauge"),
            protocol_version=PROTOCOL_VERSION,
            unreachable_after_ms=self.leases.terms.unreachable_after_ns // NS_PER_MS,
        )

    async def Acquire(self, request: pb.AcquireRequest, context: Any) -> pb.AcquireResponse:
        assignment = await self.leases.acquire(
            request.device_id, request.incarnation, request.wait_ms / 1000, caller()
        )
        if assignment is None:
            return pb.AcquireResponse()
        context.add_done_callback(lambda _: crash_point("C3"))
        return pb.AcquireResponse(assignment=to_wire(assignment))

    async def Renew(self, request: pb.RenewRequest, context: Any) -> pb.RenewResponse:
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
        return pb.RenewResponse(
            verdict=_VERDICTS[verdict], ttl_ms=self.leases.terms.ttl_ns // NS_PER_MS
        )

    async def Report(self, request: pb.ReportRequest, context: Any) -> pb.ReportResponse:
        disposition = await self.leases.report(from_wire(RunReport, request.report), caller())
        return pb.ReportResponse(disposition=f"DISPOSITION_{disposition.name}")
