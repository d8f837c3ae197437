"""A real coordinator without Ray: store, blobs, services and loops, on a thread of its own.

Only what Ray would compute is invented. It listens on loopback, so that the real client and the
real agent's connection may be put in front of it, with a proxy in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bitgauge.agents.connection.connection import Connection
from bitgauge.benchmarks.common.join_line import Address
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef, RunReport
from bitgauge.coordinator.access.access import Access
from bitgauge.coordinator.access.administration import Administration, Gateway
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.upload import CHUNK_BYTES
from bitgauge.coordinator.cluster.listeners import credentials
from bitgauge.coordinator.decisions.quotas import Quotas
from bitgauge.coordinator.decisions.room import MAX_DEVICE_BYTES
from bitgauge.coordinator.lab.assemble import assemble
from bitgauge.coordinator.lab.collector import CollectionTerms
from bitgauge.coordinator.services.pace import Pace
from bitgauge.coordinator.services.server import make_server, servicers_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms
from bitgauge.coordinator.store.writer import Writer

from . import values
from .coordinator import FakeRunner
from .values import RECIPE

T = TypeVar("T")

AGENT_TOKEN, USER_TOKEN = "secret-of-agents", "secret-of-users"
START_S = 20.0
CERTIFICATE_S = 3600.0
DEVICE = values.bench()
METRIC = MetricValue("latency_ratio", 0.5, 0.48, 0.52, n=60)


@dataclass
class Host:
    """Knobs are fields, to be set before `start`."""

    home: Path
    reserve_bytes: int = 0
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    collection: CollectionTerms = field(default_factory=CollectionTerms)
    pace: Callable[[], Pace] = Pace
    port: int = 0
    loops: bool = True
    tls: bool = False
    device_bytes: int = MAX_DEVICE_BYTES
    quotas: Quotas = field(default_factory=Quotas)

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            self.call(self._start())
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        self.call(self._stop())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the coordinator's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    async def _start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "user").write_text(USER_TOKEN)
        writer = self.writer = Writer()
        await writer.open(lambda: Store.open(self.home / "store.db"))
        self.blobs = BlobStore(self.home / "blobs", reserve_bytes=self.reserve_bytes)
        self.lab = assemble(
            writer,
            FakeRunner(METRIC),
            self.terms,
            blobs=self.blobs,
            collection=self.collection,
            device_bytes=self.device_bytes,
            database=self.home / "store.db",
            quotas=self.quotas,
        )
        self.leases, self.jobs = self.lab.leases, self.lab.jobs
        assert self.lab.collector is not None
        self.collector, self.dispatcher = self.lab.collector, self.lab.dispatcher
        access = Access({AGENT_TOKEN: Party.AGENT, USER_TOKEN: Party.ADMIN})
        gateway = self._gateway() if self.tls else None
        self.administration = Administration(writer, access, gateway, self.quotas)
        await self.administration.load()
        servicers = servicers_of(self.lab, self.administration, self.blobs, self.pace)
        self._server, probe = make_server(access, servicers)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        if gateway is not None:
            self._listen_over_tls(gateway)
        await self.dispatcher.refresh_leases()
        await self._server.start()
        probe.tell(serving=True)
        if self.loops:
            self.dispatcher.start()

    def _gateway(self) -> Gateway:
        authority = Authority.open(
            self.home / "ca" / "authority.pem", CERTIFICATE_S, ("localhost",)
        )
        return Gateway(authority, Address("127.0.0.1", 1), 1)

    def _listen_over_tls(self, gateway: Gateway) -> None:
        """Both sockets of other machines, on free ports: for everybody, and for agents."""
        people, agents = (
            self._server.add_secure_port("127.0.0.1:0", credentials(gateway.authority, agents=one))
            for one in (False, True)
        )
        address = Address("127.0.0.1", people)
        self.administration.gateway = Gateway(gateway.authority, address, agents)
        self.tls_port, self.agent_port = people, agents

    async def _stop(self) -> None:
        await self._server.stop(0)
        await self.dispatcher.stop()
        with contextlib.suppress(BitgaugeError):
            await self.writer.close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self, address: str | None = None, timeout_s: float = 10.0) -> Client:
        endpoint = Endpoint(address or self.address, None, self.home / "user")
        return Client(endpoint, call_timeout_s=timeout_s)

    def agent(self, address: str | None = None) -> Connection:
        """To be made on a running loop."""
        return Connection(address or self.address, AGENT_TOKEN, lambda _: None)

    def put(self, data: bytes) -> Digest:
        """Bring a blob in by the front door."""
        digest = digest_of(data)
        pieces = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
        with self.client() as client:
            client.write(digest, 0, iter(pieces))
        return digest


@contextlib.contextmanager
def running(home: Path, **knobs: Any) -> Iterator[Host]:
    host = Host(home, **knobs)
    host.start()
    try:
        yield host
    finally:
        host.stop()


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


def job_of(baseline: Digest, evaluation: Digest, key: str = "", *artifacts: Digest) -> JobSpec:
    return values.job(
        baseline=baseline,
        entries=(Entry("fp32", baseline), *(Entry(RECIPE, one) for one in artifacts)),
        evaluation=evaluation,
        idempotency_key=key,
        wait_for_device=True,
    )


def report_of(assignment: Assignment, index: int, *raw: Digest) -> RunReport:
    refs = tuple(RawRef(PassName.PAIR, at, RawRole.BOTH, one) for at, one in enumerate(raw))
    return values.report(assignment, index, device_id=DEVICE.device_id, raw=refs)
