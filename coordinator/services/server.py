"""One grpc.aio server with every service of the contract, and the options that make it robust."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import grpc
from bitgauge.protos.v1 import (
    agent_pb2,
    agent_pb2_grpc,
    blobs_pb2,
    blobs_pb2_grpc,
    lab_pb2,
    lab_pb2_grpc,
)
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ..access.access import Access
from ..access.administration import Administration
from ..lab.assemble import Lab
from ..store.blobs.blob_store import BlobStore
from .admin import AdminService
from .agent import AgentsService
from .blobs import BlobsService
from .campaigns import CampaignsService
from .edge import Edge
from .enrolment import EnrolmentService
from .history import HistoryService
from .jobs import JobsService
from .pace import Pace
from .table import TableService

# Without so_reuseport=0 two servers share a port silently. A silent peer is noticed within
# 10 s + 5 s, also when its kernel still answers TCP; agents may ping every 5 s without a call.
# A connection that says nothing may hold its place for 5 s, not the default of 120.
OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 4),
    ("grpc.server_handshake_timeout_ms", 5_000),
)


class Servicers(NamedTuple):
    """What answers each service of the contract."""

    agents: agent_pb2_grpc.AgentsServicer
    enrolment: agent_pb2_grpc.EnrolmentServicer
    blobs: blobs_pb2_grpc.BlobsServicer
    jobs: lab_pb2_grpc.JobsServicer
    table: lab_pb2_grpc.TableServicer
    history: lab_pb2_grpc.HistoryServicer
    campaigns: lab_pb2_grpc.CampaignsServicer
    admin: lab_pb2_grpc.AdminServicer


SERVICES = tuple(
    service.full_name
    for module in (agent_pb2, blobs_pb2, lab_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)


def servicers_of(
    lab: Lab,
    administration: Administration,
    blobs: BlobStore,
    pace: Callable[[], Pace] = Pace,
) -> Servicers:
    """The servicers of a lab; `pace` makes what ends an upload that is too slow."""
    return Servicers(
        agents=AgentsService(lab.leases),
        enrolment=EnrolmentService(administration),
        blobs=BlobsService(lab.writer, blobs, lab.room, pace),
        jobs=JobsService(lab.jobs, lab.care, lab.analyses, lab.writer),
        table=TableService(lab.writer, lab.asks),
        history=HistoryService(lab.writer),
        campaigns=CampaignsService(lab.campaigns, lab.writer),
        admin=AdminService(administration, lab.care, lab.writer),
    )


def make_server(
    access: Access, servicers: Servicers
) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
    """A server that is not started and has no port yet, with its health service."""
    server = grpc.aio.server(interceptors=(Edge(access),), options=OPTIONS)
    agent_pb2_grpc.add_AgentsServicer_to_server(servicers.agents, server)
    agent_pb2_grpc.add_EnrolmentServicer_to_server(servicers.enrolment, server)
    blobs_pb2_grpc.add_BlobsServicer_to_server(servicers.blobs, server)
    lab_pb2_grpc.add_JobsServicer_to_server(servicers.jobs, server)
    lab_pb2_grpc.add_TableServicer_to_server(servicers.table, server)
    lab_pb2_grpc.add_HistoryServicer_to_server(servicers.history, server)
    lab_pb2_grpc.add_CampaignsServicer_to_server(servicers.campaigns, server)
    lab_pb2_grpc.add_AdminServicer_to_server(servicers.admin, server)
    probe = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(probe, server)
    reflection.enable_server_reflection(
        (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server
    )
    return server, probe


async def set_health(probe: health.aio.HealthServicer, *, serving: bool) -> None:
    """Tell whoever probes whether every service is up."""
    status = health_pb2.HealthCheckResponse
    for name in ("", *SERVICES):
        await probe.set(name, status.SERVING if serving else status.NOT_SERVING)
