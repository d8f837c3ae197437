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
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from ..access.access import Access
from ..access.administration import Administration
from ..decisions.calls import CallTerms
from ..lab.assemble import Lab
from ..store.blobs.blob_store import BlobStore
from .admin import AdminService
from .agent import AgentsService
from .blobs import BlobsService
from .calibration import CalibrationService
from .campaigns import CampaignsService
from .edge import MAX_MESSAGE_BYTES, Edge
from .enrolment import EnrolmentService
from .gates import GatesService
from .health import Probe
from .history import HistoryService
from .jobs import JobsService
from .pace import Pace
from .places import Places
from .registry import RegistryService
from .table import TableService

MAX_CONNECTIONS = 1024
"""At one socket."""
MAX_STREAMS_OF_CONNECTION = 128
MAX_UNREAD_OF_STREAM_BYTES = 64 << 10
"""Bytes of a request that may wait in the server until somebody reads them."""
MAX_PENDING_CALLS = 4096
"""Calls that have arrived and that nobody has looked at; the next ones are refused unseen."""
MAX_METADATA_BYTES = 8 << 10
LONGEST_IDLE_S = 120
"""A connection without a call; whoever calls again connects again."""
LONGEST_CONNECTION_S = 1800
"""Then a connection takes no new calls: its client opens another, which nobody notices."""
LONGEST_LAST_CALLS_S = 1800
"""Then those end that are still under way on it: who reads nothing holds nothing for ever."""

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
    # By default the window of each stream grows with the line, to 4 MiB and more, whether anybody
    # reads it or not: 400 unread calls took 870 MiB.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", MAX_UNREAD_OF_STREAM_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.max_concurrent_streams", MAX_STREAMS_OF_CONNECTION),
    ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
    ("grpc.server.max_pending_requests", MAX_PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", 2 * MAX_PENDING_CALLS),
    ("grpc.max_connection_idle_ms", LONGEST_IDLE_S * 1000),
    ("grpc.max_connection_age_ms", LONGEST_CONNECTION_S * 1000),
    ("grpc.max_connection_age_grace_ms", LONGEST_LAST_CALLS_S * 1000),
)


class Servicers(NamedTuple):
    """What answers each service of the contract."""

    agents: agent_pb2_grpc.AgentsServicer
    enrolment: agent_pb2_grpc.EnrolmentServicer
    blobs: blobs_pb2_grpc.BlobsServicer
    jobs: lab_pb2_grpc.JobsServicer
    table: lab_pb2_grpc.TableServicer
    history: lab_pb2_grpc.HistoryServicer
    gates: lab_pb2_grpc.GatesServicer
    registry: lab_pb2_grpc.RegistryServicer
    campaigns: lab_pb2_grpc.CampaignsServicer
    calibration: lab_pb2_grpc.CalibrationServicer
    admin: lab_pb2_grpc.AdminServicer


SERVICES = tuple(
    service.full_name
    for module in (agent_pb2, blobs_pb2, lab_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
)
HEALTH: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name


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
        history=HistoryService(lab.writer, lab.quotas),
        gates=GatesService(lab.writer, lab.quotas),
        registry=RegistryService(lab.writer, lab.quotas),
        campaigns=CampaignsService(lab.campaigns, lab.writer),
        calibration=CalibrationService(lab.writer, lab.quotas),
        admin=AdminService(administration, lab.care, lab.writer),
    )


def make_server(
    access: Access, servicers: Servicers, terms: CallTerms | None = None
) -> tuple[grpc.aio.Server, Probe]:
    """A server that is not started and has no port yet, with its health service."""
    edge = Edge(access, Places(terms))
    server = grpc.aio.server(interceptors=(edge,), options=OPTIONS)
    agent_pb2_grpc.add_AgentsServicer_to_server(servicers.agents, server)
    agent_pb2_grpc.add_EnrolmentServicer_to_server(servicers.enrolment, server)
    blobs_pb2_grpc.add_BlobsServicer_to_server(servicers.blobs, server)
    lab_pb2_grpc.add_JobsServicer_to_server(servicers.jobs, server)
    lab_pb2_grpc.add_TableServicer_to_server(servicers.table, server)
    lab_pb2_grpc.add_HistoryServicer_to_server(servicers.history, server)
    lab_pb2_grpc.add_GatesServicer_to_server(servicers.gates, server)
    lab_pb2_grpc.add_RegistryServicer_to_server(servicers.registry, server)
    lab_pb2_grpc.add_CampaignsServicer_to_server(servicers.campaigns, server)
    lab_pb2_grpc.add_CalibrationServicer_to_server(servicers.calibration, server)
    lab_pb2_grpc.add_AdminServicer_to_server(servicers.admin, server)
    probe = Probe(SERVICES)
    health_pb2_grpc.add_HealthServicer_to_server(probe, server)
    reflection.enable_server_reflection((*SERVICES, HEALTH, reflection.SERVICE_NAME), server)
    return server, probe
