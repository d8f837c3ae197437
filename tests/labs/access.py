"""A real server with the three kinds of sockets of a coordinator, for tests of who gets in."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from bitgauge.agents.config import Security
from bitgauge.agents.connection.device_key import device_key, signing_request
from bitgauge.benchmarks.common.join_line import SERVER_NAME, Address
from bitgauge.coordinator.access.access import Access
from bitgauge.coordinator.access.administration import Administration, Gateway
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.cluster.listeners import credentials
from bitgauge.coordinator.services.server import Servicers, make_server
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.writer import Writer

Services = Callable[[Writer, Administration, "Clock"], Servicers]
LOCAL = {"local-agent": Party.AGENT, "local-user": Party.ADMIN, "task": Party.TASK}
DAY_S = 86_400.0


@dataclass
class Clock:
    """The present, moved by tests."""

    ahead_ns: int = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns

    def forward(self, seconds: float) -> None:
        self.ahead_ns += round(seconds * 1e9)


@dataclass
class Gate:
    """A coordinator's way in: store, administration, and a server on three ports."""

    folder: Path
    store_path: Path
    writer: Writer
    access: Access
    administration: Administration
    authority: Authority
    clock: Clock
    plain_port: int = 0
    tls_port: int = 0
    agent_port: int = 0
    _channels: dict[Any, grpc.aio.Channel] = field(default_factory=dict)

    def channel(self, port: int, security: Security | None = None) -> grpc.aio.Channel:
        key = (port, security)
        if key not in self._channels:
            self._channels[key] = self._open(port, security)
        return self._channels[key]

    def _open(self, port: int, security: Security | None) -> grpc.aio.Channel:
        if port == self.plain_port:
            return grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        trusted = grpc.ssl_channel_credentials(
            self.authority.pem,
            security.key_pem if security else None,
            security.certificate_pem if security else None,
        )
        name = (("grpc.ssl_target_name_override", SERVER_NAME),)
        return grpc.aio.secure_channel(f"127.0.0.1:{port}", trusted, options=name)

    async def joined(self, device_id: str, name: str) -> tuple[str, Security]:
        line, _ = await self.administration.create_join_line(0)
        key_pem = device_key(self.folder / name)
        request = signing_request(key_pem, device_id)
        joined = await self.administration.join(line.token, request, device_id, name)
        security = Security(self.authority.pem, key_pem.encode(), joined.issued.pem)
        return joined.token, security


@contextlib.asynccontextmanager
async def gate(
    folder: Path, make_services: Services, life_s: float = 30 * DAY_S
) -> AsyncIterator[Gate]:
    """A gate with everything behind it.

    Args:
        folder: for store, CA and keys.
        make_services: what answers each service.
        life_s: life of certificates, in seconds.
    """
    clock = Clock()
    writer = Writer(clock)
    path = folder / "store.db"
    await writer.open(lambda: Store.open(path))
    authority = Authority.open(folder / "ca" / "authority.pem", life_s, ("localhost",), clock)
    access = Access(LOCAL, clock)
    gateway = Gateway(authority, Address("127.0.0.1", 1), 1)
    administration = Administration(writer, access, gateway)
    await administration.load()
    server, _ = make_server(access, make_services(writer, administration, clock))
    made = Gate(folder, path, writer, access, administration, authority, clock)
    made.plain_port = server.add_insecure_port("127.0.0.1:0")
    made.tls_port = server.add_secure_port("127.0.0.1:0", credentials(authority, agents=False))
    made.agent_port = server.add_secure_port("127.0.0.1:0", credentials(authority, agents=True))
    administration.gateway = Gateway(
        authority, Address("127.0.0.1", made.tls_port), made.agent_port
    )
    await server.start()
    try:
        yield made
    finally:
        for channel in made._channels.values():
            await channel.close()
        await server.stop(None)
        await writer.close()
