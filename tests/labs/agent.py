"""A small coordinator in this process, to drive the real agent over the real wire."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import itertools
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import msgspec
import numpy as np
from bitgauge.agents import registry
from bitgauge.agents.config import AgentConfig, PhaseLimits
from bitgauge.agents.service import serve
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import Profile, Realness
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Assignment, Workload
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.protos.v1 import agent_pb2, agent_pb2_grpc, blobs_pb2, blobs_pb2_grpc, common_pb2

from tests.matrix import require_ran

TOKEN = "secret-of-agents"
PLUGINS = Path(__file__).parent / "plugins"
"""Runtimes `hostile`, which does what an artifact tells it to, and `odd`, which keeps time."""
SAMPLES = 40


def digest_of(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


@dataclass
class FakeCoordinator(agent_pb2_grpc.AgentsServicer, blobs_pb2_grpc.BlobsServicer):
    """Knobs are fields; what happened is in `events` (method names) and the collections."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    waiting: list[Assignment] = field(default_factory=list)
    devices: list[DeviceDescription] = field(default_factory=list)
    registers: list[agent_pb2.RegisterRequest] = field(default_factory=list)
    reports: dict[str, RunReport] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    lose_replies: Counter[str] = field(default_factory=Counter)
    verdict: int = agent_pb2.LEASE_VERDICT_OK
    protocol_version: int = PROTOCOL_VERSION
    refuse: dict[str, tuple[grpc.StatusCode, str, str]] = field(default_factory=dict)
    renewals: list[agent_pb2.RenewRequest] = field(default_factory=list)
    partial: dict[str, bytes] = field(default_factory=dict)
    cut_reads_after: int = 0
    flip_reads: int = 0
    _server: grpc.aio.Server | None = None

    async def start(self) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        agent_pb2_grpc.add_AgentsServicer_to_server(self, self._server)
        blobs_pb2_grpc.add_BlobsServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def put(self, data: bytes) -> Digest:
        digest = digest_of(data)
        self.blobs[digest.sha256] = data
        return digest

    async def _enter(self, method: str, context: Any) -> None:
        self.events.append(method)
        given = dict(context.invocation_metadata()).get("authorization")
        if given != f"Bearer {TOKEN}":
            await self._abort(
                context, grpc.StatusCode.UNAUTHENTICATED, "unauthenticated", "The token is wrong."
            )
        if method in self.refuse:
            await self._abort(context, *self.refuse[method])

    async def _abort(self, context: Any, status: grpc.StatusCode, code: str, sentence: str) -> None:
        await context.abort(status, sentence, (("bitgauge-code", code),))

    async def _leave(self, method: str, context: Any) -> None:
        if self.lose_replies[method] > 0:
            self.lose_replies[method] -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the reply was lost")

    async def Register(self, request: Any, context: Any) -> agent_pb2.RegisterResponse:
        await self._enter("Register", context)
        self.registers.append(request)
        self.devices.append(from_wire(DeviceDescription, request.device))
        await self._leave("Register", context)
        return agent_pb2.RegisterResponse(
            coordinator_version="0",
            protocol_version=self.protocol_version,
            unreachable_after_ms=20_000,
        )

    async def Acquire(self, request: Any, context: Any) -> agent_pb2.AcquireResponse:
        await self._enter("Acquire", context)
        for _ in range(20):
            if self.waiting:
                return agent_pb2.AcquireResponse(assignment=to_wire(self.waiting.pop(0)))
            await asyncio.sleep(0.05)
        return agent_pb2.AcquireResponse()

    async def Renew(self, request: Any, context: Any) -> agent_pb2.RenewResponse:
        await self._enter("Renew", context)
        self.renewals.append(request)
        return agent_pb2.RenewResponse(verdict=self.verdict, ttl_ms=60_000)  # type: ignore[arg-type]

    async def Report(self, request: Any, context: Any) -> agent_pb2.ReportResponse:
        await self._enter("Report", context)
        report = from_wire(RunReport, request.report)
        assert all(ref.digest.sha256 in self.blobs for ref in report.raw)
        self.reports.setdefault(report.run_id, report)
        await self._leave("Report", context)
        return agent_pb2.ReportResponse(disposition=common_pb2.DISPOSITION_ACCEPTED)

    async def FindMissing(self, request: Any, context: Any) -> blobs_pb2.FindMissingResponse:
        await self._enter("FindMissing", context)
        missing = [one for one in request.digests if one.sha256 not in self.blobs]
        return blobs_pb2.FindMissingResponse(missing=missing)

    async def QueryWrite(self, request: Any, context: Any) -> blobs_pb2.QueryWriteResponse:
        await self._enter("QueryWrite", context)
        sha256 = request.digest.sha256
        return blobs_pb2.QueryWriteResponse(
            committed_size_bytes=len(self.partial.get(sha256, b"")), complete=sha256 in self.blobs
        )

    async def Write(self, request_iterator: Any, context: Any) -> blobs_pb2.WriteResponse:
        await self._enter("Write", context)
        data, sha256 = b"", ""
        async for request in request_iterator:
            sha256 = sha256 or request.digest.sha256
            data = data or self.partial.get(sha256, b"")
            assert request.offset == len(data)
            data += request.data
            if request.finish:
                assert digest_of(data).sha256 == sha256
                self.blobs[sha256] = data
        await self._leave("Write", context)
        return blobs_pb2.WriteResponse(committed_size_bytes=len(data))

    async def Read(self, request: Any, context: Any) -> AsyncIterator[blobs_pb2.ReadResponse]:
        await self._enter("Read", context)
        if request.digest.sha256 not in self.blobs:
            await self._abort(
                context, grpc.StatusCode.FAILED_PRECONDITION, "blob_missing", "No such blob."
            )
        data = self.blobs[request.digest.sha256][request.offset :]
        if self.flip_reads:
            self.flip_reads -= 1
            data = bytes([data[0] ^ 1]) + data[1:]
        step = self.cut_reads_after or 1 << 20
        for start in range(0, len(data), step):
            yield blobs_pb2.ReadResponse(data=data[start : start + step])
            if self.cut_reads_after:
                self.cut_reads_after = 0
                await context.abort(grpc.StatusCode.UNAVAILABLE, "cut")


def fake_artifact(**fields: Any) -> bytes:
    return msgspec.json.encode({"schema": "bitgauge.fake/1", **fields})


def evaluation_bytes(folder: Path, samples: int = SAMPLES) -> bytes:
    rng = np.random.default_rng(7)
    path = folder / "evaluation.npz"
    write_evaluation_set(
        path,
        EvaluationSet(
            inputs={"input": rng.random((samples, 10), dtype=np.float32)},
            labels=rng.integers(0, 10, samples),
            ids=np.array([f"s{index}" for index in range(samples)]),
        ),
    )
    return path.read_bytes()


_OURS = sorted({*registry.find("runtimes", ()).modules} - {"fake"})
_KERNELS = Path(tempfile.mkdtemp(prefix="bitgauge-kernels-"))
atexit.register(shutil.rmtree, _KERNELS, ignore_errors=True)


@contextlib.contextmanager
def known_kernels(folder: Path, *units: str) -> Iterator[None]:
    """Agents of all tests keep one set of probe maps, so that not each of them probes again.

    Args:
        folder: the agent's own state folder.
        units: names of the folders of further devices in it.
    """
    own = [folder, *(folder / "devices" / unit for unit in units)]
    _copied([_KERNELS], [one / "kernels" for one in own])
    yield
    _copied([one / "kernels" for one in own], [_KERNELS])


def _copied(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """The maps of runtimes that are no test's own."""
    for source, name, target in itertools.product(sources, _OURS, targets):
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)


@dataclass
class Lab:
    """A coordinator, a state folder and agents that come and go."""

    folder: Path
    coordinator: FakeCoordinator = field(default_factory=FakeCoordinator)
    said: list[str] = field(default_factory=list)
    assigned: list[Assignment] = field(default_factory=list)
    limits: PhaseLimits = field(default_factory=lambda: PhaseLimits(terminate=0.3))
    plugins: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    sandbox: str = "rlimits"

    def config(self, **changes: Any) -> AgentConfig:
        values: dict[str, Any] = {
            "coordinator": f"127.0.0.1:{self.coordinator.port}",
            "token": TOKEN,
            "home": self.folder / "home",
            "name": "bench",
            "devices": self.devices,
            "limits": self.limits,
            "plugins": self.plugins,
            "sandbox": self.sandbox,
        }
        return AgentConfig(**(values | changes))

    @contextlib.asynccontextmanager
    async def agent(self, **changes: Any) -> AsyncIterator[asyncio.Task[None]]:
        config = self.config(**changes)
        with known_kernels(config.folder):
            task = asyncio.create_task(serve(config, self.said.append))
            try:
                yield task
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, BitgaugeError):
                    await task

    def assignment(
        self,
        artifacts: list[bytes],
        *,
        runtime: str = "fake",
        evaluation: bytes | None = None,
        **changes: Any,
    ) -> Assignment:
        """A job of these artifacts, the first of which is the baseline."""
        digests = [self.coordinator.put(data) for data in artifacts]
        values: dict[str, Any] = {
            "job_id": str(uuid.uuid4()),
            "epoch": 1,
            "lease_token": b"t" * 16,
            "ttl_ms": 60_000,
            "renew_every_ms": 200,
            "workload": Workload(),
            "profile": Profile.QUICK,
            "baseline": digests[0],
            "evaluation": self.coordinator.put(evaluation or evaluation_bytes(self.folder)),
            "entries": tuple(
                AssignedEntry(
                    index, "fp32" if index == 0 else "int8-dynamic", digest, runtime=runtime
                )
                for index, digest in enumerate(digests)
            ),
            "deadline_s": 600,
        }
        made = Assignment(**(values | changes))
        self.coordinator.waiting.append(made)
        self.assigned.append(made)
        return made

    async def reports(self, count: int, timeout_s: float = 30.0) -> list[RunReport]:
        await until(lambda: len(self.coordinator.reports) >= count, timeout_s)
        self._require_ran()
        return sorted(self.coordinator.reports.values(), key=lambda one: one.entry_index)

    def _require_ran(self) -> None:
        """What a runtime of ours has measured here is in the README's table."""
        devices = {one.device_id: one for one in self.coordinator.devices}
        for job in self.assigned:
            for report in self.coordinator.reports.values():
                device = devices[report.device_id]
                if device.realness is Realness.SIMULATED or report.job_id != job.job_id:
                    continue  # the fake device is none of the table's
                runtime = job.entries[report.entry_index].runtime
                if report.raw and runtime in _OURS:
                    require_ran(device, runtime)


@contextlib.asynccontextmanager
async def open_lab(folder: Path, **changes: Any) -> AsyncIterator[Lab]:
    """A lab whose coordinator serves."""
    lab = Lab(folder, **changes)
    await lab.coordinator.start()
    yield lab
    await lab.coordinator.stop()


async def until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Waits until `condition` holds; fails the test when it does not in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while not condition():
        assert loop.time() < end, "the condition did not come true in time"
        await asyncio.sleep(0.02)
