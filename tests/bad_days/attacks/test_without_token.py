"""Nobody without a token takes the coordinator's memory, or its time from others."""

from __future__ import annotations

import contextlib
import resource
import time

import grpc
import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.coordinator.decisions.calls import MAX_OPEN_CALLS_OF_ADDRESS
from bitgauge.coordinator.services.server import MAX_CONNECTIONS, MAX_STREAMS_OF_CONNECTION
from bitgauge.protos.v1 import agent_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from .http2 import RawConnection
from .lab import MIB, Attacked

HEALTH = "/grpc.health.v1.Health/"
JOIN = "/bitgauge.v1.Enrolment/Join"
LIST = "/bitgauge.v1.Jobs/ListJobs"


def test_names_of_4_mib_that_health_does_not_know_are_kept_nowhere(lab: Attacked) -> None:
    request = health_pb2.HealthCheckRequest(service="x" * (4 * MIB - 100))
    with (
        lab.channel() as here,
        lab.channel(tls=True) as elsewhere,
        lab.harmless("800 names of 4 MiB"),
    ):
        stubs = [health_pb2_grpc.HealthStub(channel) for channel in (here, elsewhere)]
        calls = [stub.Watch(request, timeout=60) for _ in range(400) for stub in stubs]
        codes = {call.code() for call in calls}
        assert codes <= {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes


def test_names_that_are_small_enough_are_kept_nowhere_either(lab: Attacked) -> None:
    with lab.channel(tls=True) as channel, lab.harmless("400 unknown names"):
        stub = health_pb2_grpc.HealthStub(channel)
        for number in range(4):
            names = (f"{number}-{one}" + "x" * 60_000 for one in range(100))
            calls = [stub.Watch(health_pb2.HealthCheckRequest(service=name)) for name in names]
            codes = {call.code() for call in calls}
            assert codes <= {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE}
            assert grpc.StatusCode.NOT_FOUND in codes


def test_health_is_watched_on_this_machine_only(lab: Attacked) -> None:
    request = health_pb2.HealthCheckRequest()
    serving = health_pb2.HealthCheckResponse.SERVING
    with lab.channel() as here, lab.channel(tls=True) as elsewhere:
        call = health_pb2_grpc.HealthStub(here).Watch(request, timeout=10)
        assert next(call).status == serving
        call.cancel()
        stub = health_pb2_grpc.HealthStub(elsewhere)
        assert stub.Check(request, timeout=10).status == serving
        assert stub.Watch(request, timeout=10).code() is grpc.StatusCode.PERMISSION_DENIED


def test_requests_that_are_half_sent_are_not_read(lab: Attacked) -> None:
    paths = (HEALTH + "Check", HEALTH + "Watch", JOIN, LIST, "/no/such")
    with contextlib.ExitStack() as opened, lab.harmless("half-sent requests"):
        connections = [opened.enter_context(RawConnection(lab.port)) for _ in range(2 * len(paths))]
        for connection, path in zip(connections, 2 * paths, strict=True):
            connection.hear(0.02)
            for _ in range(MAX_STREAMS_OF_CONNECTION):
                connection.announce(connection.begin(path), MIB)
            connection.pour(list(connection.streams), MIB - 1, 0.1)
        for connection in connections:
            connection.hear(0.1)
        held = sum(len(one.streams) - one.ended() for one in connections)
        assert held <= MAX_OPEN_CALLS_OF_ADDRESS


def test_an_address_takes_no_places_but_its_own(lab: Attacked) -> None:
    with RawConnection(lab.tls_port, tls=True) as connection, lab.channel(tls=True) as channel:
        connection.hear(0.05)
        for _ in range(MAX_OPEN_CALLS_OF_ADDRESS):
            connection.begin(JOIN)
        connection.hear(0.5)
        assert connection.ended() == 0
        stub = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError, match="8 calls under way"):
            stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
        with lab.channel() as here, lab.client(lab.token("someone", Role.READ)) as somebody:
            health_pb2_grpc.HealthStub(here).Check(health_pb2.HealthCheckRequest(), timeout=10)
            somebody.jobs()


def test_headers_without_end_and_without_measure_are_kept_nowhere(lab: Attacked) -> None:
    with lab.harmless("headers"), RawConnection(lab.port) as one, RawConnection(lab.port) as two:
        one.hear(0.05)
        one.endless_headers(0.5)
        for _ in range(40):
            two.begin(LIST, ("padding", "x" * MIB))
        until = time.monotonic() + 20
        while two.ended() < 40 and time.monotonic() < until:
            two.hear(0.5)
        assert two.ended() == 40


def test_very_many_calls_are_refused_one_by_one(lab: Attacked) -> None:
    message = agent_pb2.JoinRequest(join_token="x" * 16).SerializeToString()
    paths = (HEALTH + "Check", LIST, JOIN, "/no/such")
    with contextlib.ExitStack() as opened, lab.harmless("calls without number"):
        connections = [opened.enter_context(RawConnection(lab.port)) for _ in range(4)]
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for connection in connections:
                numbers = [connection.ask(path, message) for path in paths]
                connection.reset(numbers[0])  # taken back at once
                connection.hear(0.0)
        print(f"{sum(len(one.streams) for one in connections)} calls")


def test_connections_that_only_exist_are_bounded(lab: Attacked) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + 100
    if limits[1] < 2 * wanted:
        pytest.skip(f"NOT RUN: {2 * wanted} descriptors are needed and {limits[1]} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2 * wanted), limits[1]))
    with contextlib.ExitStack() as opened, lab.harmless(f"{wanted} connections"):
        connections = [opened.enter_context(RawConnection(lab.port)) for _ in range(wanted)]
        for connection in connections:
            connection.hear(0.001)
        assert sum(connection.gone for connection in connections) >= 50
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with lab.client() as client:
        client.jobs()
