"""Certificates are renewed and revoked; tokens of people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from bitgauge.agents.config import Enrolment
from bitgauge.agents.connection import certificates
from bitgauge.agents.connection.certificates import Keeper
from bitgauge.agents.connection.connection import Connection
from bitgauge.agents.connection.device_key import signing_request
from bitgauge.agents.connection.join import join, way_to
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint

from tests.labs.access import Gate, gate
from tests.labs.rooms.enrolment import READY, Board, admin, board, line_of, real_services, refused


# -- renewing and revoking --------------------------------------------------------------------
async def test_a_certificate_is_renewed_at_two_thirds_of_its_life(tmp_path: Path) -> None:
    async with gate(tmp_path, real_services, life_s=3.0) as door:
        one = await board(door, "board")
        await one.register()
        keeper = Keeper(one.enrolment, one.folder, one.connection, lambda _: None)
        keeping = asyncio.create_task(keeper.keep())
        await asyncio.sleep(4.5)  # the first one has ended by now, and the server's too
        keeping.cancel()
        await one.register()
        kept = certificates.read(one.folder)
        assert kept is not None
        assert kept.certificate_pem != one.enrolment.certificate_pem
        assert kept.key_pem == one.enrolment.key_pem
        await one.connection.close()
        old = await refused(one_with(one.enrolment).register())
        assert old.code in (Code.UNREACHABLE, Code.CERTIFICATE_EXPIRED)


def one_with(enrolment: Enrolment) -> Board:
    connection = Connection(
        enrolment.coordinator, enrolment.token, lambda _: None, enrolment.security
    )
    return Board(enrolment.device_id, connection, enrolment, Path())


async def test_a_coordinator_that_is_away_is_asked_again_until_the_certificate_ends(
    tmp_path: Path,
) -> None:
    async with gate(tmp_path, real_services, life_s=2.0) as door:
        one = await board(door, "board")
    said: list[str] = []
    keeper = Keeper(one.enrolment, one.folder, one.connection, said.append)
    error = await refused(asyncio.wait_for(keeper.keep(), 20))
    assert error.code is Code.CERTIFICATE_EXPIRED
    assert len(said) == 1
    await one.connection.close()
    assert (await refused(asyncio.to_thread(way_to, None, one.folder, ""))).code is (
        Code.CERTIFICATE_EXPIRED
    )


async def test_revocation_holds_at_once_also_for_a_call_that_waits(door: Gate) -> None:
    one = await board(door, "board")
    await one.register()
    waiting = asyncio.create_task(one.acquire())
    await asyncio.sleep(0.3)
    assert not waiting.done()
    token, _ = await door.administration.create_token("boss", Role.ADMIN, 0)
    with admin(door, token) as client:
        view = await asyncio.to_thread(client.revoke_agent, "board")
    assert view is not None
    assert view.certificate_expires_unix_ns is None
    error = await asyncio.wait_for(refused(waiting), 2)
    assert error.code is Code.JOIN_REFUSED
    assert (await refused(one.register())).code is Code.UNAUTHENTICATED
    request = signing_request(one.enrolment.key_pem, one.device_id)
    assert (await refused(one.connection.renew_certificate(request))).code is Code.UNAUTHENTICATED
    await one.connection.close()


async def test_a_revoked_device_loses_its_lease_to_the_queue(door: Gate) -> None:
    one = await board(door, "board")
    await one.register()
    token, _ = await door.administration.create_token("boss", Role.ADMIN, 0)
    with admin(door, token) as client:
        job_id = (await asyncio.to_thread(client.submit, READY)).job_id
        assert await one.acquire() is not None
        await door.administration.revoke_agent(one.device_id)
        assert (await asyncio.to_thread(client.job, job_id)).state.value == "queued"
    await one.connection.close()


async def test_a_revoked_device_may_join_again(door: Gate) -> None:
    one = await board(door, "board")
    await door.administration.revoke_agent("board")
    again = await join(await line_of(door), one.folder, "board", lambda _: None)
    assert again.device_id == one.device_id
    await one_with(again).register()
    await one.connection.close()


async def test_a_device_that_nobody_knows_cannot_be_revoked(door: Gate) -> None:
    assert (await refused(door.administration.revoke_agent("x"))).code is Code.UNKNOWN_DEVICE
    await join(await line_of(door), door.folder / "a", "twin", lambda _: None)
    second = join(await line_of(door), door.folder / "b", "twin", lambda _: None)
    assert (await refused(second)).code is Code.NAME_TAKEN
    await door.administration.revoke_agent("twin")
    await join(await line_of(door), door.folder / "b", "twin", lambda _: None)


# -- tokens of people -------------------------------------------------------------------------
async def test_a_token_knows_its_coordinator_and_ends_at_once(door: Gate) -> None:
    token, expires = await door.administration.create_token("ci", Role.ADMIN, 3600)
    assert expires > door.clock()

    def walk() -> None:
        with admin(door, token) as client:
            assert client.devices() == ()
            (view,) = client.tokens()
            assert (view.name, view.role, view.revoked) == ("ci", Role.ADMIN, False)
            with pytest.raises(BitgaugeError) as caught:
                client.create_token("ci", Role.READ)
            assert caught.value.code is Code.NAME_TAKEN
            assert client.revoke_token("ci").revoked
            with pytest.raises(BitgaugeError) as caught:
                client.devices()
            assert caught.value.code is Code.UNAUTHENTICATED
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        with pytest.raises(BitgaugeError) as caught, admin(door, wrong):
            pass
        assert caught.value.code is Code.PIN_MISMATCH

    await asyncio.to_thread(walk)
    again, _ = await door.administration.create_token("ci", Role.READ, 0)
    assert again != token
    assert (await refused(door.administration.revoke_token("nobody"))).code is Code.UNKNOWN_TOKEN


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65])
async def test_a_name_is_printable_and_short(door: Gate, name: str) -> None:
    wrong = door.administration.create_token(name, Role.READ, 0)
    assert (await refused(wrong)).code is Code.BAD_ARGUMENT


async def test_without_tls_nobody_joins(door: Gate) -> None:
    door.administration.gateway = None
    assert (await refused(door.administration.create_join_line(0))).code is Code.NO_TLS


@pytest.mark.parametrize("address", ["192.0.2.1:50951", "example.org:50951"])
def test_nothing_travels_in_clear_to_another_machine(tmp_path: Path, address: str) -> None:
    (tmp_path / "token").write_text("secret")
    with pytest.raises(BitgaugeError) as caught:
        Client(Endpoint(address, None, tmp_path / "token"))
    assert caught.value.code is Code.INSECURE_ADDRESS
    with pytest.raises(BitgaugeError) as caught:
        way_to(address, tmp_path, "")
    assert caught.value.code is Code.INSECURE_ADDRESS
    assert way_to("127.0.0.1:1", tmp_path, "").enrolment is None
    assert way_to(None, tmp_path, "localhost:2").address == "localhost:2"
