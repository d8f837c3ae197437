"""The edge over a real server: who may call what, and what an error looks like from outside."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.wire import CODE_KEY
from bitgauge.benchmarks.vocabulary.catalogue import CATALOGUE
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.coordinator.access.access import ALLOWED, OPEN_METHODS, Access
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.decisions.calls import MAX_CALLS, MAX_LOCAL_SHARES
from bitgauge.coordinator.services import edge, server
from bitgauge.coordinator.services.edge import (
    MAX_MESSAGE_BYTES,
    MAX_SENTENCE_BYTES,
    MAX_SMALL_MESSAGE_BYTES,
)
from bitgauge.coordinator.services.health import Probe
from bitgauge.coordinator.services.places import Places
from bitgauge.coordinator.services.server import SERVICES, Servicers, make_server
from bitgauge.protos.v1 import (
    agent_pb2,
    agent_pb2_grpc,
    blobs_pb2,
    blobs_pb2_grpc,
    lab_pb2,
    lab_pb2_grpc,
)
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.bad_days.attacks.http2 import RawConnection

TOKENS = {"agent-secret": Party.AGENT, "user-secret": Party.ADMIN, "task-secret": Party.TASK}

LOUD = "5b0b1f0a-0000-4000-8000-000000000001"
"""A job of which there is always something to say."""


class Agents(agent_pb2_grpc.AgentsServicer):
    async def Acquire(self, request: agent_pb2.AcquireRequest, context: Any) -> Any:
        return agent_pb2.AcquireResponse()


class Blobs(blobs_pb2_grpc.BlobsServicer):
    async def FindMissing(self, request: blobs_pb2.FindMissingRequest, context: Any) -> Any:
        return blobs_pb2.FindMissingResponse()

    async def Write(self, request_iterator: Any, context: Any) -> Any:
        async for _ in request_iterator:
            raise ZeroDivisionError("a secret path /home/somebody")
        return blobs_pb2.WriteResponse()


class Jobs(lab_pb2_grpc.JobsServicer):
    async def GetJob(self, request: lab_pb2.GetJobRequest, context: Any) -> Any:
        repeated = 100_000 if len(request.job_id) == 1 else 1
        raise NotFound(Code.UNKNOWN_JOB, f"There is no job {request.job_id * repeated}.")

    async def Watch(self, request: lab_pb2.WatchRequest, context: Any) -> Any:
        while request.job_id == LOUD:
            yield lab_pb2.WatchResponse(job=lab_pb2.JobView(job_id="x" * 100_000))
        yield lab_pb2.WatchResponse()
        raise NotFound(Code.UNKNOWN_JOB, "It has gone.")


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The port of a server with these services."""
    kinds: list[Any] = [
        Agents,
        agent_pb2_grpc.EnrolmentServicer,
        Blobs,
        Jobs,
        lab_pb2_grpc.TableServicer,
        lab_pb2_grpc.HistoryServicer,
        lab_pb2_grpc.GatesServicer,
        lab_pb2_grpc.RegistryServicer,
        lab_pb2_grpc.CampaignsServicer,
        lab_pb2_grpc.CalibrationServicer,
        lab_pb2_grpc.AdminServicer,
    ]
    server, probe = make_server(Access(TOKENS), Servicers(*(kind() for kind in kinds)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    probe.tell(serving=True)
    yield port
    await server.stop(None)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    async with served() as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def code_of(error: grpc.aio.AioRpcError) -> str | None:
    return dict(error.trailing_metadata() or ()).get(CODE_KEY)


async def refused(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


def every_method() -> list[tuple[str, bool]]:
    """Path of every method that needs a token, and whether its client streams."""
    return [
        (f"/{service.full_name}/{method.name}", method.name == "Write")
        for module in (agent_pb2, blobs_pb2, lab_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if f"/{service.full_name}/{method.name}" not in OPEN_METHODS
    ]


@pytest.mark.parametrize(("path", "streams"), every_method())
@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearer("wrong"),
        bearer(""),
        (("authorization", "user-secret"),),
        (("authorization", "Basic user-secret"),),
        (("bearer", "user-secret"),),
    ],
)
async def test_without_a_known_token_nothing_is_served(
    channel: grpc.aio.Channel, path: str, streams: bool, metadata: Any
) -> None:
    call: Any = channel.stream_unary(path) if streams else channel.unary_unary(path)
    error = await refused(call(iter([b""]) if streams else b"", metadata=metadata, timeout=5))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert code_of(error) == Code.UNAUTHENTICATED.value


@pytest.mark.parametrize(("path", "streams"), every_method())
@pytest.mark.parametrize(("token", "party"), TOKENS.items())
async def test_a_party_calls_its_own_methods_and_no_others(
    channel: grpc.aio.Channel, path: str, streams: bool, token: str, party: Party
) -> None:
    call: Any = channel.stream_unary(path) if streams else channel.unary_unary(path)
    try:
        await call(iter([b""]) if streams else b"", metadata=bearer(token), timeout=5)
        status = grpc.StatusCode.OK
    except grpc.aio.AioRpcError as error:
        status = error.code()
    allowed = party in ALLOWED[path]
    assert (status is not grpc.StatusCode.PERMISSION_DENIED) is allowed


def test_every_method_of_the_contract_has_its_callers_and_nothing_else_has() -> None:
    ours = {path for path in ALLOWED if path.startswith("/bitgauge.")}
    assert ours == {path for path, _ in every_method()}


async def test_a_service_that_is_not_listed_is_denied(channel: grpc.aio.Channel) -> None:
    call: Any = channel.unary_unary("/bitgauge.v2.Jobs/GetJob")
    error = await refused(call(b"", metadata=bearer("user-secret")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_an_error_is_status_sentence_advice_and_code(channel: grpc.aio.Channel) -> None:
    jobs = lab_pb2_grpc.JobsStub(channel)
    request = lab_pb2.GetJobRequest(job_id="x1")
    error = await refused(jobs.GetJob(request, metadata=bearer("user-secret")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"There is no job x1. {CATALOGUE[Code.UNKNOWN_JOB].advice}"
    assert code_of(error) == Code.UNKNOWN_JOB.value


@pytest.mark.parametrize("character", ["x", "é", "%"])
async def test_a_long_sentence_still_arrives(channel: grpc.aio.Channel, character: str) -> None:
    jobs = lab_pb2_grpc.JobsStub(channel)
    request = lab_pb2.GetJobRequest(job_id=character)
    error = await refused(jobs.GetJob(request, metadata=bearer("user-secret")))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert len(error.details() or "") < MAX_SENTENCE_BYTES + 200


async def test_a_stream_that_fails_says_so_after_what_it_sent(channel: grpc.aio.Channel) -> None:
    jobs = lab_pb2_grpc.JobsStub(channel)
    call = jobs.Watch(lab_pb2.WatchRequest(), metadata=bearer("user-secret"))
    seen = []

    async def follow() -> None:
        async for response in call:
            seen.append(response)

    error = await refused(follow())
    assert len(seen) == 1
    assert code_of(error) == Code.UNKNOWN_JOB.value


async def test_the_unexpected_leaks_nothing_and_is_logged(
    channel: grpc.aio.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    blobs = blobs_pb2_grpc.BlobsStub(channel)
    with caplog.at_level(logging.ERROR, logger="bitgauge"):
        error = await refused(
            blobs.Write(iter([blobs_pb2.WriteRequest()]), metadata=bearer("agent-secret"))
        )
    assert error.code() is grpc.StatusCode.INTERNAL
    assert code_of(error) == Code.INTERNAL.value
    assert "somebody" not in (error.details() or "")
    assert "ZeroDivisionError" not in (error.details() or "")
    assert "/home/somebody" in caplog.text


async def test_health_needs_no_token(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICES):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_health_knows_no_other_name(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="bitgauge.v1.Nothing")
    asked: tuple[Any, ...] = (health.Check(request), health.Watch(request).read())
    for call in asked:
        error = await refused(call)
        assert error.code() is grpc.StatusCode.NOT_FOUND
        assert code_of(error) == Code.UNKNOWN_SERVICE.value


async def test_health_can_be_watched() -> None:
    probe = Probe(("one",))
    said: list[Any] = []

    async def watch() -> None:
        async for answer in probe.Watch(health_pb2.HealthCheckRequest(service="one"), Plain()):
            said.append(answer.status == health_pb2.HealthCheckResponse.SERVING)

    task = asyncio.create_task(watch())
    for serving in (True, False):
        await asyncio.sleep(0)
        probe.tell(serving=serving)
    await asyncio.sleep(0.01)
    task.cancel()
    assert said == [False, True, False]


class Plain:
    """The context of a call on the plain socket."""

    def auth_context(self) -> dict[str, object]:
        return {}


# -- requests -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "request_bytes", "said"),
    [
        ("Jobs/GetJob", b"\x0a\x80\x80\x04" + b"x" * MAX_SMALL_MESSAGE_BYTES, "bytes at most"),
        ("Jobs/GetJob", b"\xff", "cannot be read"),
        ("Jobs/Watch", b"\xff", "cannot be read"),
        ("Agents/Acquire", b"\xff" * 70_000, "bytes at most"),
    ],
)
async def test_a_request_that_is_none_is_one_sentence(
    channel: grpc.aio.Channel, path: str, request_bytes: bytes, said: str
) -> None:
    token = bearer("agent-secret" if path.startswith("Agents") else "user-secret")
    call: Any = channel.unary_unary(f"/bitgauge.v1.{path}")
    error = await refused(call(request_bytes, metadata=token))
    assert code_of(error) == Code.BAD_ARGUMENT.value
    assert said in (error.details() or "")


async def test_a_call_without_a_request_is_one_sentence(channel: grpc.aio.Channel) -> None:
    call: Any = channel.stream_unary("/bitgauge.v1.Jobs/GetJob")
    error = await refused(call(iter([]), metadata=bearer("user-secret")))
    assert code_of(error) == Code.BAD_ARGUMENT.value
    assert "carries no request" in (error.details() or "")


async def test_a_request_that_does_not_come_is_not_waited_for(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "LONGEST_OPEN_REQUEST_S", 0.1)

    async def never() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    call: Any = channel.stream_unary("/grpc.health.v1.Health/Check")
    error = await refused(call(never(), timeout=20))
    assert code_of(error) == Code.REQUEST_IDLE.value


async def test_a_token_s_places_come_back_when_its_calls_end(channel: grpc.aio.Channel) -> None:
    call: Any = channel.unary_unary("/bitgauge.v1.Jobs/GetJob")
    for _ in range(MAX_LOCAL_SHARES * MAX_CALLS + 1):
        error = await refused(call(b"", metadata=bearer("user-secret")))
        assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_places_come_back_however_a_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places()
    monkeypatch.setattr(server, "Places", lambda _: places)
    chance = random.Random(7)

    async def silent() -> AsyncIterator[bytes]:
        await asyncio.sleep(60)
        yield b""

    async def one(port: int, number: int) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as own:
            get: Any = own.unary_unary("/bitgauge.v1.Jobs/GetJob")
            wait: Any = own.stream_unary("/bitgauge.v1.Jobs/GetJob")
            watch: Any = own.unary_stream("/bitgauge.v1.Jobs/Watch")
            write: Any = own.stream_unary("/bitgauge.v1.Blobs/Write")
            loud = lab_pb2.WatchRequest(job_id=LOUD).SerializeToString()
            metadata = bearer("user-secret")
            calls = (
                lambda: get(b"", metadata=metadata),
                lambda: get(b"", metadata=metadata, timeout=0.001),
                lambda: wait(silent(), metadata=metadata),
                lambda: watch(loud, metadata=metadata),
                lambda: watch(loud, metadata=metadata, timeout=0.01),
                lambda: write(silent(), metadata=metadata),
                lambda: write(iter([b""]), metadata=metadata),
            )
            call = calls[number % len(calls)]()
            await asyncio.sleep(chance.choice((0.0, 0.002, 0.02, 0.05)))
            if chance.random() < 0.5:
                call.cancel()

    async with served() as port:
        await asyncio.gather(*(one(port, number) for number in range(140)))
        for _ in range(500):
            if places.under_way:
                await asyncio.sleep(0.02)
        assert places.under_way == 0
        assert len(places) == 0


async def test_who_reads_nothing_is_ended_with_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = {"grpc.max_connection_age_ms": 500, "grpc.max_connection_age_grace_ms": 500}
    options = tuple((name, short.get(name, value)) for name, value in server.OPTIONS)
    assert options != server.OPTIONS
    monkeypatch.setattr(server, "OPTIONS", options)
    message = lab_pb2.WatchRequest(job_id=LOUD).SerializeToString()

    def watch(port: int) -> tuple[bool, bool]:
        with RawConnection(port) as connection:
            connection.ask("/bitgauge.v1.Jobs/Watch", message, *bearer("user-secret"))
            connection.hear(0.3)
            early = connection.gone or connection.ended() > 0
            connection.hear(5.0)
            return early, connection.gone

    async with served() as port:
        assert await asyncio.to_thread(watch, port) == (False, True)


async def test_reflection_needs_a_token_and_lists_the_contract(channel: grpc.aio.Channel) -> None:
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")

    async def listed(metadata: Any) -> set[str]:
        names: set[str] = set()
        async for answer in reflection.ServerReflectionInfo(iter([request]), metadata=metadata):
            names |= {service.name for service in answer.list_services_response.service}
        return names

    assert set(SERVICES) <= await listed(bearer("user-secret"))
    error = await refused(listed(()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_message_beyond_what_any_request_may_have_is_refused(
    channel: grpc.aio.Channel,
) -> None:
    call: Any = channel.unary_unary("/bitgauge.v1.Blobs/FindMissing")
    error = await refused(call(b"x" * (MAX_MESSAGE_BYTES + 1), metadata=bearer("agent-secret")))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
