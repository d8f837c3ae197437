from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    Code,
    Internal,
    NotFound,
    Refused,
    Unavailable,
)
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.coordinator.client.upload import CHUNK_BYTES, local_file, upload
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc, lab_pb2, lab_pb2_grpc

from tests.labs import values

JOB = values.seen(state=JobState.QUEUED, model_class=ModelClass.CNN)
BASELINE = Digest("a" * 64, 3)


@dataclass
class Seen:
    """What the servers were asked, and how they shall behave."""

    tokens: list[str] = field(default_factory=list)
    specs: list[JobSpec] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    unavailable: int = 0
    cut_after: int | None = None
    streams: int = 0

    def note(self, context: Any) -> None:
        metadata = dict(context.invocation_metadata())
        self.tokens.append(metadata.get("authorization", ""))
        if self.unavailable:
            self.unavailable -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")


class Jobs(lab_pb2_grpc.JobsServicer):
    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def Offer(self, request: Any, context: Any) -> Any:
        self.seen.note(context)
        self.seen.specs.append(from_wire(JobSpec, request.spec))
        yield lab_pb2.OfferResponse(waiting_for="looking into the model")
        submitted = lab_pb2.SubmitResponse(job_id="job-1", created=True)
        yield lab_pb2.OfferResponse(submitted=submitted)

    def GetJob(self, request: Any, context: Any) -> Any:
        self.seen.note(context)
        if request.job_id == "broken":
            context.abort(grpc.StatusCode.UNKNOWN, "something odd")
        if request.job_id != JOB.job_id:
            context.set_trailing_metadata((("bitgauge-code", "unknown_job"),))
            context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"There is no job {request.job_id}. Run `bitgauge jobs` for the jobs there are.",
            )
        return lab_pb2.GetJobResponse(job=to_wire(JOB))

    def Cancel(self, request: Any, context: Any) -> Any:
        context.set_trailing_metadata((("bitgauge-code", "job_ended"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Job job-1 has ended.")

    def ListJobs(self, request: Any, context: Any) -> Any:
        self.seen.note(context)
        return lab_pb2.ListJobsResponse(jobs=[to_wire(JOB)])

    def ListDevices(self, request: Any, context: Any) -> Any:
        context.set_trailing_metadata((("bitgauge-code", "unauthenticated"),))
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "The call carries no token.")

    def GetRun(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    def ListRuns(self, request: Any, context: Any) -> Any:
        return lab_pb2.ListRunsResponse()

    def Reanalyse(self, request: Any, context: Any) -> Any:
        metric = to_wire(MetricValue("latency_ratio", 0.1 + 0.2))
        return lab_pb2.ReanalyseResponse(published=[metric], recomputed=[metric], identical=True)

    def Watch(self, request: Any, context: Any) -> Iterator[Any]:
        self.seen.streams += 1
        if self.seen.streams == 1:
            yield lab_pb2.WatchResponse(job=to_wire(JOB))
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        yield lab_pb2.WatchResponse(job=to_wire(JOB))
        yield lab_pb2.WatchResponse(job=to_wire(replace(JOB, state=JobState.FINISHED)))


class Table(lab_pb2_grpc.TableServicer):
    def Rows(self, request: Any, context: Any) -> Any:
        assert from_wire(TableQuery, request.query).batch == 64
        return lab_pb2.RowsResponse()

    def Select(self, request: Any, context: Any) -> Any:
        query = from_wire(SelectQuery, request.query)
        choice = Choice("nothing_measured", "fp16", FormatFamily.FP16, f"on {query.model_class}")
        return lab_pb2.SelectResponse(choice=to_wire(choice))


class Blobs(blobs_pb2_grpc.BlobsServicer):
    """Holds blobs in memory and may break off in the middle of a write."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def FindMissing(self, request: Any, context: Any) -> Any:
        missing = [
            digest
            for digest in request.digests
            if len(self.seen.blobs.get(digest.sha256, b"")) < digest.size_bytes
            or digest.sha256 not in self.seen.blobs
        ]
        return blobs_pb2.FindMissingResponse(missing=missing)

    def QueryWrite(self, request: Any, context: Any) -> Any:
        held = self.seen.blobs.get(request.digest.sha256)
        return blobs_pb2.QueryWriteResponse(
            committed_size_bytes=len(held or b""),
            complete=held is not None and len(held) == request.digest.size_bytes,
        )

    def Write(self, requests: Any, context: Any) -> Any:
        name = ""
        for request in requests:
            name = request.digest.sha256 or name
            held = self.seen.blobs.setdefault(name, b"")
            assert request.offset == len(held)
            assert len(request.data) <= CHUNK_BYTES
            self.seen.blobs[name] = held + request.data
            if (
                self.seen.cut_after is not None
                and len(self.seen.blobs[name]) >= self.seen.cut_after
            ):
                self.seen.cut_after = None
                context.abort(grpc.StatusCode.UNAVAILABLE, "cut")
        if hashlib.sha256(self.seen.blobs[name]).hexdigest() != name:
            context.set_trailing_metadata((("bitgauge-code", "digest_mismatch"),))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The bytes differ.")
        return blobs_pb2.WriteResponse(committed_size_bytes=len(self.seen.blobs[name]))

    def Read(self, request: Any, context: Any) -> Iterator[Any]:
        for byte in self.seen.blobs[request.digest.sha256]:
            yield blobs_pb2.ReadResponse(data=bytes([byte]))


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def client(seen: Seen, tmp_path: Path) -> Iterator[Client]:
    server = grpc.server(futures.ThreadPoolExecutor(4))
    kinds: list[Any] = [Jobs, Table]  # they answer the calls that are tested, not all of them
    lab_pb2_grpc.add_JobsServicer_to_server(kinds[0](seen), server)
    lab_pb2_grpc.add_TableServicer_to_server(kinds[1](), server)
    blobs_pb2_grpc.add_BlobsServicer_to_server(Blobs(seen), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    token = tmp_path / "token"
    token.write_text("secret\n")
    with Client(Endpoint(f"127.0.0.1:{port}", None, token)) as connected:
        yield connected
    server.stop(None).wait()


def spec(key: str = "") -> JobSpec:
    return JobSpec("digits", BASELINE, (Entry("fp32", BASELINE),), BASELINE, idempotency_key=key)


def test_calls_carry_the_token_and_come_back_as_values(client: Client, seen: Seen) -> None:
    assert client.job("job-1") == JOB
    assert client.jobs() == (JOB,)
    assert seen.tokens == ["Bearer secret"] * 2
    assert client.table(TableQuery(batch=64)) == ()
    assert client.runs("job-1") == ()
    assert client.select(SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY)).recipe == "fp16"
    result = client.reanalyse("run-1")
    assert result.identical
    assert result.published[0].value == 0.1 + 0.2


def test_submit_always_has_an_idempotency_key(client: Client, seen: Seen) -> None:
    assert client.submit(spec()).created
    client.submit(spec("mine"))
    assert seen.specs[0].idempotency_key
    assert seen.specs[1].idempotency_key == "mine"


def test_submit_survives_a_restart_as_one_key(client: Client, seen: Seen) -> None:
    seen.unavailable = 2
    client.submit(spec())
    assert len(seen.tokens) == 3
    assert len({one.idempotency_key for one in seen.specs}) == 1


def test_errors_come_back_as_they_were_raised(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.job("job-2")
    assert caught.value.code is Code.UNKNOWN_JOB
    assert caught.value.sentence == "There is no job job-2."
    with pytest.raises(Refused) as refused:
        client.cancel("job-1")
    assert refused.value.code is Code.JOB_ENDED
    with pytest.raises(Internal, match="UNKNOWN: something odd"):
        client.job("broken")
    with pytest.raises(Refused) as old:
        client.run("run-1")
    assert old.value.code is Code.PROTOCOL_VERSION


def test_a_missing_token_is_named_only_when_it_matters(client: Client, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="carries no token"):
        client.devices()
    absent = Endpoint(client.address, None, tmp_path / "absent")
    with Client(absent) as unnamed, pytest.raises(BadInput, match=r"no token in .*absent"):
        unnamed.devices()


def test_unreachable_names_the_address(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        with Client(Endpoint(address, None, tmp_path / "absent")) as away:
            with pytest.raises(Unavailable, match=f"No coordinator answers at {address}") as caught:
                away.jobs()
            assert caught.value.code is Code.UNREACHABLE
            with pytest.raises(Unavailable):
                list(away.watch("job-1", patience_s=0.1))


def test_watch_goes_on_after_a_restart_without_repeating(client: Client, seen: Seen) -> None:
    checked: list[int] = []
    views = list(client.watch("job-1", patience_s=1, check=lambda: checked.append(1)))
    assert [view.state for view in views] == [JobState.QUEUED, JobState.FINISHED]
    assert seen.streams == 2
    assert checked == [1]


def test_upload_sends_once_resumes_and_then_sends_nothing(
    client: Client, seen: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    big, empty = tmp_path / "big.onnx", tmp_path / "empty.npz"
    content = bytes(range(256)) * (4 * CHUNK_BYTES // 256) + b"tail"
    big.write_bytes(content)
    empty.write_bytes(b"")
    files = [local_file(big), local_file(empty), local_file(big)]
    seen.cut_after = 2 * CHUNK_BYTES
    first = upload(client, files)
    assert seen.blobs[files[0].digest.sha256] == content
    assert (first.files, first.sent_files) == (2, 2)
    again = upload(client, files)
    assert (again.sent_files, again.sent_bytes) == (0, 0)
    assert again.total_bytes == len(content)
    assert b"".join(client.read(files[1].digest)) == b""


def test_a_file_that_changes_meanwhile_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    file = local_file(path)
    path.write_bytes(b"after!")
    with pytest.raises(BadInput) as caught:
        upload(client, [file])
    assert caught.value.code is Code.DIGEST_MISMATCH


def test_a_file_that_vanishes_is_named(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(BadInput, match=r"model\.onnx cannot be read: No such file"):
        local_file(path)
    path.write_bytes(b"here")
    file = local_file(path)
    path.unlink()
    with pytest.raises(BadInput, match=r"model\.onnx cannot be read: No such file"):
        upload(client, [file])
