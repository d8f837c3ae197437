"""Joining, renewing, revoking: the agent's own code against a real server and a real store."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import stat
import threading
import uuid
from typing import Any

import grpc
import pytest
from bitgauge.agents.connection import certificates
from bitgauge.agents.connection.device_key import device_key, signing_request
from bitgauge.agents.connection.join import join
from bitgauge.agents.storage.identity import device_id
from bitgauge.benchmarks.common.pinned import fetch_authority
from bitgauge.benchmarks.vocabulary.enums import Role, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Selector
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.store.values import Registration

from tests.labs import values
from tests.labs.access import Gate
from tests.labs.coordinator import DEVICE
from tests.labs.rooms.enrolment import READY, admin, board, line_of, refused


# -- joining ----------------------------------------------------------------------------------
async def test_a_device_joins_keeps_its_secrets_to_itself_and_works(door: Gate) -> None:
    one = await board(door, "board")
    assert one.device_id == device_id(one.folder)
    assert one.enrolment.coordinator == f"127.0.0.1:{door.agent_port}"
    for name in ("enrolment.json", "key.pem", "device_id"):
        assert stat.S_IMODE((one.folder / name).stat().st_mode) == 0o600
    assert certificates.read(one.folder) == one.enrolment
    for secret in (one.enrolment.token, "PRIVATE"):
        assert secret not in repr(one.enrolment) + repr(one.enrolment.security)
    await one.register()
    (view,) = await asyncio.to_thread(lambda: devices(door))
    assert view.certificate_expires_unix_ns == one.enrolment.expires_unix_ns
    await one.connection.close()


def devices(door: Gate) -> Any:
    path = door.folder / "local"
    path.write_text("local-user")
    with Client(Endpoint(f"127.0.0.1:{door.plain_port}", None, path)) as client:
        return client.devices()


async def test_no_secret_is_in_the_store_or_in_a_log(
    door: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    line = await line_of(door)
    enrolment = await join(line, door.folder / "a", "board", lambda _: None)
    token, _ = await door.administration.create_token("ci", Role.READ, 0)
    secrets = (line.token, enrolment.token, token.partition("@")[0], enrolment.key_pem)
    stored = b"".join(path.read_bytes() for path in door.folder.glob("store.db*"))
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in caplog.text


async def test_a_line_is_used_once(door: Gate) -> None:
    line = await line_of(door)
    await join(line, door.folder / "a", "first", lambda _: None)
    error = await refused(join(line, door.folder / "b", "second", lambda _: None))
    assert error.code is Code.JOIN_REFUSED
    assert "used" in error.sentence
    assert certificates.read(door.folder / "b") is None


async def test_a_lost_answer_is_asked_for_again_with_the_same_line(door: Gate) -> None:
    line = await line_of(door)
    first = await join(line, door.folder / "a", "board", lambda _: None)
    second = await join(line, door.folder / "a", "board", lambda _: None)
    assert second.device_id == first.device_id
    assert second.token != first.token
    state = await door.writer.call(lambda store: store.access())
    assert [token.revoked for token in state.tokens] == [True, False]


async def test_two_at_once_with_one_line_are_one(door: Gate) -> None:
    line = await line_of(door)
    both = [join(line, door.folder / name, name, lambda _: None) for name in ("a", "b")]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(isinstance(result, BitgaugeError) for result in results) == [False, True]


async def test_a_line_expires(door: Gate) -> None:
    line = await line_of(door)
    door.clock.forward(900)
    error = await refused(join(line, door.folder / "a", "board", lambda _: None))
    assert error.code is Code.JOIN_REFUSED
    assert "expired" in error.sentence


async def test_a_line_that_was_never_given_out_is_refused(door: Gate) -> None:
    line = dataclasses.replace(await line_of(door), token="0" * 32)
    error = await refused(join(line, door.folder / "a", "board", lambda _: None))
    assert error.code is Code.JOIN_REFUSED


async def test_another_coordinator_learns_nothing(door: Gate) -> None:
    line = dataclasses.replace(await line_of(door), pin="0" * 64)
    error = await refused(join(line, door.folder / "a", "board", lambda _: None))
    assert error.code is Code.PIN_MISMATCH
    assert not (door.folder / "a" / "key.pem").exists()
    state = await door.writer.call(lambda store: store.access())
    assert state.tokens == ()


async def test_a_server_that_shows_our_ca_without_its_key_learns_nothing(door: Gate) -> None:
    """The CA's certificate is public: whoever shows it must still have been signed by it."""
    await board(door, "elsewhere")
    from bitgauge.coordinator.access.ca import Authority

    impostor = Authority.open(door.folder / "impostor" / "authority.pem", 60.0)
    pair = impostor.server()
    leaf = pair.chain_pem.removesuffix(impostor.pem)
    server = grpc.aio.server()
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(pair.key_pem, leaf + door.authority.pem)])
    )
    await server.start()
    line = await line_of(door)
    false = dataclasses.replace(line, address=dataclasses.replace(line.address, port=port))
    error = await refused(join(false, door.folder / "a", "board", lambda _: None))
    assert error.code is Code.UNREACHABLE
    await server.stop(None)
    await join(line, door.folder / "a", "board", lambda _: None)  # the line was not spent


@pytest.mark.parametrize("talk", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_what_speaks_no_tls_is_one_sentence(door: Gate, talk: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.sendall(talk)

        thread = threading.Thread(target=serve)
        thread.start()
        line = await line_of(door)
        address = dataclasses.replace(line.address, port=server.getsockname()[1])
        error = await refused(asyncio.to_thread(fetch_authority, address, line.pin))
        assert error.code is Code.UNREACHABLE
        thread.join()


async def test_a_line_does_not_make_one_device_another(door: Gate) -> None:
    one = await board(door, "board")
    thief = door.folder / "thief"
    thief.mkdir()
    (thief / "device_id").write_text(one.device_id)
    error = await refused(join(await line_of(door), thief, "thief", lambda _: None))
    assert error.code is Code.JOIN_REFUSED
    assert "another key" in error.sentence
    await door.administration.revoke_agent("board")
    assert (
        await join(await line_of(door), thief, "new", lambda _: None)
    ).device_id == one.device_id
    await one.connection.close()


@pytest.mark.parametrize("request_pem", [b"", b"nonsense", b"x" * 20_000])
async def test_a_bad_signing_request_spends_no_line(door: Gate, request_pem: bytes) -> None:
    line = await line_of(door)
    wrong = door.administration.join(line.token, request_pem, str(uuid.uuid4()), "board")
    assert (await refused(wrong)).code is Code.BAD_ARGUMENT
    await join(line, door.folder / "a", "board", lambda _: None)


@pytest.mark.parametrize("identity", ["", "x", "../..", "{00000000-0000-4000-8000-000000000001}"])
async def test_a_bad_device_id_is_refused(door: Gate, identity: str) -> None:
    key = device_key(door.folder / "a")
    line = await line_of(door)
    wrong = door.administration.join(line.token, signing_request(key, "x"), identity, "board")
    assert (await refused(wrong)).code is Code.BAD_ARGUMENT


# -- one device, one authority ----------------------------------------------------------------
async def test_a_device_acts_for_itself_only(door: Gate) -> None:
    one, other = await board(door, "one"), await board(door, "other")
    await one.register()
    await other.register()
    for call in (one.register(other.device_id), one.acquire(other.device_id)):
        assert (await refused(call)).code is Code.FORBIDDEN
    with admin(door, (await door.administration.create_token("ci", Role.SUBMIT, 0))[0]) as client:
        await asyncio.to_thread(client.submit, READY)
    assignment = await other.acquire()
    assert assignment is not None
    assert (await refused(one.connection.renew(assignment, None, 0))).code is Code.FORBIDDEN
    report = values.report(assignment, 0, device_id=other.device_id, status=RunStatus.UNSUPPORTED)
    own = dataclasses.replace(report, device_id=one.device_id)
    for false in (report, own):
        assert (await refused(one.connection.report(false))).code is Code.FORBIDDEN
    assert (await other.connection.renew(assignment, None, 0)).verdict == "ok"
    for each in (one, other):
        await each.connection.close()


async def test_an_agent_acts_for_every_device_that_it_registers(door: Gate) -> None:
    one, phone = await board(door, "one"), str(uuid.uuid4())
    await one.register()
    assert (await refused(one.acquire(phone))).code is Code.UNKNOWN_DEVICE
    await one.register(phone)
    await one.register(phone)
    token, _ = await door.administration.create_token("boss", Role.ADMIN, 0)
    with admin(door, token) as client:
        wanted = dataclasses.replace(READY, selector=Selector(device=phone))
        job_id = (await asyncio.to_thread(client.submit, wanted)).job_id
        assignment = await one.acquire(phone)
        assert assignment is not None
        assert (await one.connection.renew(assignment, None, 0)).verdict == "ok"
        views = await asyncio.to_thread(client.devices)
        assert {view.description.device_id for view in views} == {one.device_id, phone}
        ends = {view.certificate_expires_unix_ns for view in views}
        assert None not in ends
        assert len(ends) == 1
        await door.administration.revoke_agent(one.device_id)
        assert (await asyncio.to_thread(client.job, job_id)).state.value == "queued"
        assert (await asyncio.to_thread(client.devices))[0].job_id is None
    assert (await refused(one.register(phone))).code is Code.UNAUTHENTICATED
    await one.connection.close()


async def test_a_device_of_one_agent_is_no_other_agents(door: Gate) -> None:
    one, other = await board(door, "one"), await board(door, "other")
    phone, local = str(uuid.uuid4()), str(uuid.uuid4())
    await one.register(phone)
    for call in (other.register(phone), other.acquire(phone)):
        assert (await refused(call)).code is Code.FORBIDDEN
    # Neither one that came from the coordinator's machine, nor one that joined and is not yet seen.
    own = Registration(dataclasses.replace(DEVICE, device_id=local), "1", "boot", "one", True)
    await door.writer.change(lambda store: store.register(own, 1))
    for taken in (local, one.device_id):
        assert (await refused(other.register(taken))).code is Code.FORBIDDEN
    # A line is no way around it.
    thief = door.folder / "thief"
    thief.mkdir()
    (thief / "device_id").write_text(phone)
    error = await refused(join(await line_of(door), thief, "thief", lambda _: None))
    assert error.code is Code.JOIN_REFUSED
    assert "which another agent serves" in error.sentence
    await one.connection.close()
    await other.connection.close()


async def test_submit_cancels_its_own_jobs_only(door: Gate) -> None:
    tokens = {
        name: (await door.administration.create_token(name, role, 0))[0]
        for name, role in (("a", Role.SUBMIT), ("b", Role.SUBMIT), ("boss", Role.ADMIN))
    }

    def walk() -> None:
        with admin(door, tokens["a"]) as client:
            first = client.submit(READY).job_id
            second = client.submit(dataclasses.replace(READY, idempotency_key="2")).job_id
        with admin(door, tokens["b"]) as client:
            with pytest.raises(BitgaugeError) as caught:
                client.cancel(first)
            assert caught.value.code is Code.FORBIDDEN
        with admin(door, tokens["a"]) as client:
            client.cancel(first)
        with admin(door, tokens["boss"]) as client:
            client.cancel(second)

    await asyncio.to_thread(walk)
