"""Joining a lab: whom the line means, a key of our own, a certificate for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.common.join_line import Address, JoinLine, is_loopback, parse_host_port
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from ..config import Enrolment, Security
from ..storage.identity import FolderLock, device_id
from . import certificates
from .connection import Connection

_TRIES = 3
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Way:
    """How an agent reaches its coordinator: plain on this machine, else by its enrolment."""

    address: str
    enrolment: Enrolment | None


async def join(line: JoinLine, folder: Path, name: str, say: Callable[[str], None]) -> Enrolment:
    """Trades a join line for a certificate and keeps it in `folder`.

    Nothing is told to the coordinator before its CA has the line's pin. Repeating it with the
    same line, after a lost answer, gives another certificate.

    Raises:
        BitgaugeError: nothing answers there, it is another coordinator, or it refuses.
    """
    # Only who joins needs them: they import cryptography.
    from bitgauge.benchmarks.common.pinned import fetch_authority

    from .device_key import device_key, signing_request

    lock = FolderLock(folder)
    try:
        ca_pem = await asyncio.to_thread(fetch_authority, line.address, line.pin)
        key_pem = device_key(folder)
        identity = device_id(folder)
        request = signing_request(key_pem, identity)
        connection = Connection(str(line.address), "", say, Security(ca_pem))
        try:
            answer = await Again(_PAUSE_S, attempts=_TRIES).call(
                lambda: connection.join(line.token, request, identity, name)
            )
        finally:
            await connection.close()
        enrolment = Enrolment(
            coordinator=str(Address(line.address.host, answer.agent_port)),
            name=name,
            device_id=identity,
            token=answer.agent_token,
            key_pem=key_pem,
            certificate_pem=answer.certificate_pem.decode("ascii"),
            ca_pem=ca_pem.decode("ascii"),
            issued_unix_ns=time.time_ns(),
            expires_unix_ns=answer.expires_unix_ns,
        )
        certificates.write(folder, enrolment)
    finally:
        lock.release()
    say(f"Joined {line.address} as {name}; agents are taken at {enrolment.coordinator}.")
    return enrolment


def way_to(coordinator: str | None, folder: Path, default: str) -> Way:
    """How to reach the coordinator that somebody named, or the one that the device joined.

    Args:
        coordinator: ``HOST:PORT`` as given, or None.
        folder: the agent's state folder.
        default: where to ask on this machine when nothing was given and nothing joined.

    Raises:
        Refused: `INSECURE_ADDRESS`, it is elsewhere and the device never joined it;
            `CERTIFICATE_EXPIRED`.
        BadInput: the enrolment cannot be read.
    """
    if coordinator is not None and is_loopback(_host_of(coordinator)):
        return Way(coordinator, None)
    enrolment = certificates.read(folder)
    if enrolment is not None:
        enrolment.require_valid(time.time_ns())
        return Way(coordinator or enrolment.coordinator, enrolment)
    if coordinator is not None:
        raise Refused(
            Code.INSECURE_ADDRESS,
            f"{coordinator} is another machine, and this device has not joined it.",
        )
    return Way(default, None)


def _host_of(address: str) -> str:
    try:
        return parse_host_port(address).host
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"{address!r} is not HOST:PORT: {error}.") from None
