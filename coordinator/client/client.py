"""The Python client of a coordinator: Lab and Blobs as plain typed calls, without Ray.

    with Client(resolve()) as client:
        job = client.submit(spec).job_id
        for view in client.watch(job):
            print(view.state)

Every call has a deadline and raises `BitgaugeError` only. Calls that only met a coordinator in
restart are repeated by gRPC itself; that is safe because every call here may be repeated
(`submit` carries an idempotency key).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, TypeVar

import grpc
from bitgauge.benchmarks.common.digests import verified
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunView
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc, lab_pb2, lab_pb2_grpc

from .endpoint import Endpoint
from .errors import status_of, to_error
from .history import HistoryClient
from .tls import Credential, open_channel, parse_credential

T = TypeVar("T")

CALL_TIMEOUT_S = 20.0
# Both may wait for a Ray task that starts a process and imports what it needs.
SUBMIT_TIMEOUT_S = 180.0
REANALYSE_TIMEOUT_S = 300.0
WRITE_TIMEOUT_S = 600.0
WATCH_TIMEOUT_S = 900.0
WATCH_PATIENCE_S = 90.0
"""How long `watch` tries to reach a coordinator that has gone away, in seconds."""

_RETRY = {
    "methodConfig": [
        {
            "name": [{"service": "bitgauge.v1.Lab"}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_OPTIONS = (
    # A proxy of the environment is for the web, not for a coordinator.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.service_config", json.dumps(_RETRY)),
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job, and whether this call made it (else its idempotency key was known)."""

    job_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class Reanalysis:
    """A run's stored numbers and the same computed again from its raw data."""

    published: tuple[MetricValue, ...]
    recomputed: tuple[MetricValue, ...]
    identical: bool


class Client(HistoryClient):
    """One connection to a coordinator; a context manager."""

    def __init__(self, endpoint: Endpoint, call_timeout_s: float = CALL_TIMEOUT_S) -> None:
        """Prepare a connection; nothing is told to the coordinator before the first call.

        Args:
            endpoint: where the coordinator is and the file with the token for it. A token file
                that is absent is no error here: the coordinator says so when it is reached.
            call_timeout_s: deadline of a call that has no longer one of its own, in seconds.
        """
        self.address = endpoint.address
        self._call_timeout_s = call_timeout_s
        self._token_path = endpoint.token_path
        credential = self._credential()
        self._channel = open_channel(endpoint.address, credential.pin, _OPTIONS)
        self._lab = lab_pb2_grpc.LabStub(self._channel)
        self._blobs = blobs_pb2_grpc.BlobsStub(self._channel)
        self._metadata: tuple[tuple[str, str], ...] = ()
        if credential.secret:
            self._metadata = (("authorization", f"Bearer {credential.secret}"),)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._channel.close()

    # -- jobs -----------------------------------------------------------------------------
    def submit(self, spec: JobSpec) -> Submitted:
        """Submit a job whose blobs are uploaded; without an idempotency key it gets its own."""
        if not spec.idempotency_key:
            spec = replace(spec, idempotency_key=str(uuid.uuid4()))
        request = lab_pb2.SubmitRequest(spec=to_wire(spec))
        answer = self._call(self._lab.Submit, request, SUBMIT_TIMEOUT_S)
        return Submitted(answer.job_id, answer.created)

    def job(self, job_id: str) -> JobView:
        """One job as it is now."""
        return from_wire(
            JobView, self._call(self._lab.GetJob, lab_pb2.GetJobRequest(job_id=job_id)).job
        )

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""
        request = lab_pb2.ListJobsRequest(limit=limit, active_only=active_only)
        answer = self._call(self._lab.ListJobs, request)
        return tuple(from_wire(JobView, job) for job in answer.jobs)

    def cancel(self, job_id: str) -> JobView:
        """Cancel a job that has not ended."""
        request = lab_pb2.CancelRequest(job_id=job_id)
        return from_wire(JobView, self._call(self._lab.Cancel, request).job)

    def certify(
        self,
        device: str,
        runtime: str = "",
        profile: Profile = Profile.QUICK,
        comparisons: int = 0,
    ) -> Submitted:
        """Have a device, by name or id, compare an artifact with itself.

        Args:
            device: which device.
            runtime: which of its runtimes; empty: onnxruntime.
            profile: how each comparison is measured.
            comparisons: 0: as many as a certificate takes.

        Returns:
            The job, and whether this call made it (else one was under way).
        """
        request = lab_pb2.CertifyRequest(
            device=device,
            runtime=runtime,
            profile=f"PROFILE_{profile.name}",
            comparisons=comparisons,
        )
        answer = self._call(self._lab.Certify, request)
        return Submitted(answer.job_id, answer.created)

    def watch(
        self,
        job_id: str,
        *,
        patience_s: float = WATCH_PATIENCE_S,
        stream_s: float = WATCH_TIMEOUT_S,
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[JobView]:
        """The job at once and after each change, until it has ended.

        A coordinator that restarts is waited for: the stream is taken up again.

        Args:
            job_id: which job.
            patience_s: seconds without any answer after which `UNREACHABLE` is raised.
            stream_s: seconds after which a stream is opened anew, which nobody notices.
            check: called whenever a stream ends early; may raise to give up.
        """
        heard = time.monotonic()
        lost: float | None = None
        last: JobView | None = None
        while True:
            try:
                for response in self._stream_watch(job_id, stream_s):
                    heard, lost = time.monotonic(), None
                    view = from_wire(JobView, response.job)
                    if view != last:
                        last = view
                        yield view
                return
            except grpc.RpcError as error:
                status = status_of(error)
                renewed = status is grpc.StatusCode.DEADLINE_EXCEEDED
                away = status is grpc.StatusCode.UNAVAILABLE
                now = time.monotonic()
                lost = (lost or now) if away else None
                # A quiet job says nothing while a stream lasts; a lost coordinator shows at once.
                silent = now - heard > patience_s + stream_s
                gone = lost is not None and now - lost > patience_s
                if silent or gone or not (renewed or away):
                    raise self._translated(error) from error
            check()
            if away:
                time.sleep(min(1.0, patience_s / 10))

    def _stream_watch(self, job_id: str, stream_s: float) -> Iterator[Any]:
        request = lab_pb2.WatchRequest(job_id=job_id)
        call = self._lab.Watch(request, timeout=stream_s, metadata=self._metadata)
        try:
            yield from call
        finally:
            call.cancel()

    # -- questions ------------------------------------------------------------------------
    def devices(self) -> tuple[DeviceView, ...]:
        """Every device that ever registered, by name."""
        answer = self._call(self._lab.ListDevices, lab_pb2.ListDevicesRequest())
        return tuple(from_wire(DeviceView, device) for device in answer.devices)

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""
        request = lab_pb2.TableRequest(query=to_wire(query))
        return tuple(from_wire(TableRow, row) for row in self._call(self._lab.Table, request).rows)

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells of the table, priors among them; `query` says which are looked for."""
        request = lab_pb2.CellsRequest(query=to_wire(query) if query else None)
        answer = self._call(self._lab.Cells, request)
        return tuple(from_wire(Cell, cell) for cell in answer.cells)

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        request = lab_pb2.SelectRequest(query=to_wire(query))
        return from_wire(Choice, self._call(self._lab.Select, request).choice)

    def run(self, run_id: str) -> RunView:
        """One run with its metrics."""
        request = lab_pb2.GetRunRequest(run_id=run_id)
        return from_wire(RunView, self._call(self._lab.GetRun, request).run)

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job, in order of arrival."""
        answer = self._call(self._lab.ListRuns, lab_pb2.ListRunsRequest(job_id=job_id))
        return tuple(from_wire(RunView, run) for run in answer.runs)

    def reanalyse(self, run_id: str) -> Reanalysis:
        """Compute a run's published numbers again from its raw data."""
        request = lab_pb2.ReanalyseRequest(run_id=run_id)
        answer = self._call(self._lab.Reanalyse, request, REANALYSE_TIMEOUT_S)
        return Reanalysis(
            published=tuple(from_wire(MetricValue, metric) for metric in answer.published),
            recomputed=tuple(from_wire(MetricValue, metric) for metric in answer.recomputed),
            identical=answer.identical,
        )

    # -- blobs ----------------------------------------------------------------------------
    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        """Those of `digests` that the coordinator lacks."""
        request = blobs_pb2.FindMissingRequest(digests=[to_wire(digest) for digest in digests])
        answer = self._call(self._blobs.FindMissing, request)
        return tuple(from_wire(Digest, digest) for digest in answer.missing)

    def committed(self, digest: Digest) -> int | None:
        """Where to go on with a blob, in bytes; None when the coordinator has it complete."""
        request = blobs_pb2.QueryWriteRequest(digest=to_wire(digest))
        answer = self._call(self._blobs.QueryWrite, request)
        return None if answer.complete else int(answer.committed_size_bytes)

    def write(self, digest: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        """Send a blob from `offset` to its end.

        Returns:
            The committed size in bytes.
        """
        answer = self._call(
            self._blobs.Write, _write_requests(digest, offset, chunks), WRITE_TIMEOUT_S
        )
        return int(answer.committed_size_bytes)

    def read(self, digest: Digest) -> Iterator[bytes]:
        """Receive a blob in chunks; the caller verifies the digest."""
        request = blobs_pb2.ReadRequest(digest=to_wire(digest))
        try:
            for part in self._blobs.Read(request, timeout=WRITE_TIMEOUT_S, metadata=self._metadata):
                yield part.data
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob, verified."""
        return verified(b"".join(self.read(digest)), digest)

    # -- plumbing -------------------------------------------------------------------------
    def _call(
        self, method: Callable[..., Any], request: Any, timeout_s: float | None = None
    ) -> Any:
        timeout_s = self._call_timeout_s if timeout_s is None else timeout_s
        try:
            return method(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def _translated(self, error: grpc.RpcError) -> BitgaugeError:
        translated = to_error(error, self.address)
        if translated.code is Code.UNAUTHENTICATED and not self._metadata:
            return BadInput(Code.UNAUTHENTICATED, f"There is no token in {self._token_path}.")
        return translated

    def _credential(self) -> Credential:
        try:
            text = self._token_path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return Credential()
        return parse_credential(text)


def _write_requests(
    digest: Digest, offset: int, chunks: Iterator[bytes]
) -> Iterator[blobs_pb2.WriteRequest]:
    first = to_wire(digest)
    position = offset
    for chunk in chunks:
        position += len(chunk)
        yield blobs_pb2.WriteRequest(
            digest=first,
            offset=position - len(chunk),
            data=chunk,
            finish=position >= digest.size_bytes,
        )
        first = None
    if first is not None or position < digest.size_bytes:
        yield blobs_pb2.WriteRequest(digest=first, offset=position, finish=True)
