"""A door with a coordinator behind it, and boards that knock."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.agents.config import Enrolment
from bitgauge.agents.connection.connection import Connection, Introduction
from bitgauge.agents.connection.join import join
from bitgauge.benchmarks.common.join_line import JoinLine
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment
from bitgauge.coordinator.access.administration import Administration
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.lab.assemble import assemble
from bitgauge.coordinator.services.server import Servicers, servicers_of
from bitgauge.coordinator.store.values import LeaseTerms
from bitgauge.coordinator.store.writer import Writer

from tests.labs.access import Clock, Gate
from tests.labs.coordinator import BASELINE, DEVICE, SPEC, FakeRunner

READY = dataclasses.replace(
    SPEC,
    entries=tuple(
        dataclasses.replace(entry, recipe="fp32", artifact=BASELINE) for entry in SPEC.entries
    ),
    wait_for_device=True,
)


def real_services(writer: Writer, administration: Administration, clock: Clock) -> Servicers:
    lab = assemble(writer, FakeRunner(), LeaseTerms())
    blobs: Any = None  # nothing is transferred here
    return servicers_of(lab, administration, blobs)


@dataclasses.dataclass
class Board:
    """A device that has joined and is connected."""

    device_id: str
    connection: Connection
    enrolment: Enrolment
    folder: Path

    async def register(self, device: str | None = None) -> str:
        name = f"{self.enrolment.name}-{device[:8]}" if device else self.enrolment.name
        described = dataclasses.replace(DEVICE, device_id=device or self.device_id, name=name)
        who = Introduction("1", "boot", "one")
        return await self.connection.register(described, who)

    async def acquire(self, device: str | None = None) -> Assignment | None:
        return await self.connection.acquire(device or self.device_id, "one", 10_000)


async def line_of(door: Gate, lifetime_s: int = 0) -> JoinLine:
    return (await door.administration.create_join_line(lifetime_s))[0]


async def board(door: Gate, name: str) -> Board:
    folder = door.folder / name
    enrolment = await join(await line_of(door), folder, name, lambda _: None)
    connection = Connection(
        enrolment.coordinator, enrolment.token, lambda _: None, enrolment.security
    )
    return Board(enrolment.device_id, connection, enrolment, folder)


async def refused(call: Awaitable[object]) -> BitgaugeError:
    with pytest.raises(BitgaugeError) as caught:
        await call
    return caught.value


def admin(door: Gate, token: str) -> Client:
    path = door.folder / "token"
    path.write_text(token)
    return Client(Endpoint(f"127.0.0.1:{door.tls_port}", None, path))
