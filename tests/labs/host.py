"""A real coordinator without Ray: store, blobs, services and loops, on a thread of its own.

Only what Ray would compute is invented. It listens on loopback, so that the real client and the
real agent's connection may be put in front of it, with a proxy in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bitgauge.agents.connection.connection import Connection
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    FormatFamily,
    HardwareClass,
    ModelClass,
    PassName,
    RawRole,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, Entry, JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef, RunReport
from bitgauge.coordinator.access.access import Access
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.upload import CHUNK_BYTES
from bitgauge.coordinator.decisions.submission import Inspection
from bitgauge.coordinator.lab.assemble import assemble
from bitgauge.coordinator.lab.collector import CollectionTerms
from bitgauge.coordinator.lab.runner import Analysis
from bitgauge.coordinator.services.pace import Pace
from bitgauge.coordinator.services.server import make_server
from bitgauge.coordinator.services.servicers import servicers_of
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, LeaseTerms
from bitgauge.coordinator.store.writer import Writer

T = TypeVar("T")

AGENT_TOKEN, USER_TOKEN = "secret-of-agents", "secret-of-users"
START_S = 20.0
DEVICE = DeviceDescription(
    device_id=str(uuid.UUID(int=7)),
    name="bench",
    hardware_class=HardwareClass.CPU_ONLY,
    realness=Realness.PHYSICAL,
    architecture="x86_64",
    processor_model="test",
    isa_flags=(),
    core_count=2,
    memory_bytes=1 << 30,
    kernel_release="6",
    runtimes=(RuntimeDescription("onnxruntime", "1.31", families=tuple(FormatFamily)),),
)
METRICS = (MetricValue("latency_ratio", 0.5, 0.48, 0.52, n=60),)


class FakeRunner:
    """What Ray's tasks would answer, at once."""

    def toolchain(self, recipe: str) -> str:
        return "tool 1"

    async def inspect(self, spec: JobSpec) -> Inspection:
        return Inspection(
            ModelClass.CNN, tuple(one.recipe or "int8-dynamic" for one in spec.entries)
        )

    async def build(self, key: BuildKey) -> BuildOutcome:
        return BuildOutcome(None, "nothing is built here")

    async def analyse(
        self, refs: tuple[RawRef, ...], facts: RunFacts, reference: Digest | None
    ) -> Analysis:
        return Analysis(1, METRICS)


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
            writer, FakeRunner(), self.terms, blobs=self.blobs, collection=self.collection
        )
        self.leases, self.jobs = self.lab.leases, self.lab.jobs
        assert self.lab.collector is not None
        self.collector, self.dispatcher = self.lab.collector, self.lab.dispatcher
        access = Access({AGENT_TOKEN: Party.AGENT, USER_TOKEN: Party.ADMIN})
        administration: Any = None  # nobody joins here
        servicers = servicers_of(self.lab, administration, self.blobs, self.pace)
        self._server, _ = make_server(access, servicers)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self.dispatcher.refresh_leases()
        await self._server.start()
        if self.loops:
            self.dispatcher.start()

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
    entries = (Entry("fp32", baseline), *(Entry("int8-dynamic", one) for one in artifacts))
    return JobSpec(
        "digits", baseline, entries, evaluation, idempotency_key=key, wait_for_device=True
    )


def report_of(assignment: Assignment, index: int, *raw: Digest) -> RunReport:
    return RunReport(
        run_id=run_id(assignment.job_id, assignment.epoch, index),
        job_id=assignment.job_id,
        epoch=assignment.epoch,
        lease_token=assignment.lease_token,
        entry_index=index,
        status=RunStatus.MEASURED,
        started_unix_ns=1,
        ended_unix_ns=2,
        device_id=DEVICE.device_id,
        sandbox="rlimits",
        raw=tuple(
            RawRef(PassName.PAIR, launch, RawRole.BOTH, digest) for launch, digest in enumerate(raw)
        ),
    )
