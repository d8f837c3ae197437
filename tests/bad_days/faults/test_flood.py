"""Too many, too slow, too large: others are served, and memory stays flat."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import pytest
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc, lab_pb2, lab_pb2_grpc

from tests.labs.coordinator import BASELINE
from tests.labs.host import USER_TOKEN, digest_of, job_of

from .crowded import WINDOW_S

ROOT = Path(__file__).parents[3]
DESCRIPTORS = 1024
IDLE = 1200
SERVED_AGAIN_S = 12.0
"""The handshake limit is 5 s. Without it keepalive would end the silent ones after 15 s."""
PROMPT_S = 1.0
MIB = 1 << 20
START = "from tests.bad_days.faults.crowded import main; main()"
METADATA = (("authorization", f"Bearer {USER_TOKEN}"),)


@dataclass
class Crowded:
    """The coordinator's process, as seen from outside."""

    home: Path
    process: subprocess.Popen[str]
    port: int

    def client(self) -> Client:
        return Client(Endpoint(f"127.0.0.1:{self.port}", None, self.home / "user"), 10.0)

    def channel(self) -> grpc.Channel:
        # Each with connections of its own, and no limit on this side.
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1))
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)

    @property
    def memory_bytes(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    home = tmp_path_factory.mktemp("crowded")
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(home), str(DESCRIPTORS)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Crowded(home, process, int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def call_of(error: object) -> grpc.Call:
    """What gRPC raises is also the call that failed; its type does not say so."""
    assert isinstance(error, grpc.Call)
    return error


def code_of(error: grpc.RpcError) -> str:
    return str(dict(call_of(error).trailing_metadata() or ()).get("bitgauge-code", ""))


def seconds_of(client: Client) -> float:
    began = time.monotonic()
    client.jobs()
    return time.monotonic() - began


@contextlib.contextmanager
def idle_connections(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connections that say nothing; as many as are wanted, however many are accepted."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2 * count:
        pytest.skip(f"NOT RUN: {2 * count} descriptors are needed and {limits[1]} allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2 * count), limits[1]))
    opened = []
    try:
        for _ in range(count):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            opened.append(one)
        yield opened
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_1200_idle_connections_at_1024_descriptors_lock_nobody_out_for_long(
    crowded: Crowded,
) -> None:
    with crowded.client() as known:
        known.jobs()
        before = crowded.memory_bytes
        with idle_connections(crowded.port, IDLE):
            # Who is connected notices nothing.
            took = sorted(seconds_of(known) for _ in range(50))
            assert took[-1] < PROMPT_S, took[-5:]
            # Who is new gets in once the silent ones have had their 5 s.
            began = time.monotonic()
            while True:
                try:
                    with crowded.channel() as channel:
                        lab_pb2_grpc.JobsStub(channel).ListJobs(
                            lab_pb2.ListJobsRequest(), timeout=3, metadata=METADATA
                        )
                    break
                except grpc.RpcError:
                    assert time.monotonic() - began < SERVED_AGAIN_S
            waited = time.monotonic() - began
        assert crowded.memory_bytes - before < 64 * MIB
        print(f"a new client waited {waited:.1f} s; known ones at most {took[-1]:.3f} s")


def test_uploads_of_a_byte_a_second_are_ended_and_disturb_nobody(crowded: Crowded) -> None:
    ended: list[tuple[str, float]] = []

    def dawdle(number: int) -> None:
        data = os.urandom(1000)
        first = to_wire(digest_of(data))
        began = time.monotonic()

        def bytewise() -> Iterator[blobs_pb2.WriteRequest]:
            for at in range(1000):
                yield blobs_pb2.WriteRequest(digest=first, offset=at, data=data[at : at + 1])
                time.sleep(1.0)

        with crowded.channel() as channel:
            try:
                blobs_pb2_grpc.BlobsStub(channel).Write(bytewise(), timeout=60, metadata=METADATA)
            except grpc.RpcError as error:
                ended.append((code_of(error), time.monotonic() - began))

    threads = [threading.Thread(target=dawdle, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    with crowded.client() as other:
        took = []
        while any(thread.is_alive() for thread in threads):
            took.append(seconds_of(other))
            time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert {code for code, _ in ended} == {Code.UPLOAD_IDLE.value}
    assert len(ended) == 20
    assert all(WINDOW_S - 0.5 < seconds < WINDOW_S + 10 for _, seconds in ended), ended
    assert sorted(took)[int(len(took) * 0.99)] < PROMPT_S


def test_an_upload_without_any_message_is_ended(crowded: Crowded) -> None:
    def never() -> Iterator[blobs_pb2.WriteRequest]:
        time.sleep(WINDOW_S + 5)
        yield blobs_pb2.WriteRequest()

    with crowded.channel() as channel:
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            blobs_pb2_grpc.BlobsStub(channel).Write(never(), timeout=60, metadata=METADATA)
        assert time.monotonic() - began < WINDOW_S + 4
        assert call_of(caught.value).code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_messages_and_headers_beyond_the_limit_are_refused_and_leave_no_trace(
    crowded: Crowded,
) -> None:
    huge = blobs_pb2.WriteRequest(
        digest=to_wire(digest_of(b"x")), data=b"x" * (4 * MIB + 1 - 80), finish=True
    )
    huge.data += b"x" * (4 * MIB + 1 - huge.ByteSize())
    assert huge.ByteSize() == 4 * MIB + 1
    with crowded.channel() as channel:
        blobs, jobs = blobs_pb2_grpc.BlobsStub(channel), lab_pb2_grpc.JobsStub(channel)

        def send(number: int) -> None:
            if number % 2:
                blobs.Write(iter([huge]), timeout=20, metadata=METADATA)
            else:
                wide = (*METADATA, ("padding", "x" * MIB))
                jobs.ListJobs(lab_pb2.ListJobsRequest(), timeout=20, metadata=wide)

        def status_of(number: int) -> grpc.StatusCode:
            with pytest.raises(grpc.RpcError) as caught:
                send(number)
            return call_of(caught.value).code()

        for number in range(6):
            status_of(number)
        before = crowded.memory_bytes
        codes = {status_of(number) for number in range(24)}
        assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert crowded.memory_bytes - before < 64 * MIB
    with crowded.client() as client:
        assert seconds_of(client) < PROMPT_S


def test_a_client_is_told_that_its_call_was_too_large(crowded: Crowded) -> None:
    with crowded.client() as client:
        with pytest.raises(BitgaugeError, match=r"too large: .*larger than max") as caught:
            client.submit(job_of(BASELINE, BASELINE, "k" * (2 * MIB)))
        assert caught.value.code is Code.BAD_ARGUMENT


def test_a_flood_of_empty_pieces_ends_at_once_and_disturbs_nobody(crowded: Crowded) -> None:
    stop = threading.Event()
    codes: list[str] = []

    def pour() -> None:
        first = to_wire(digest_of(b"never complete"))

        def empty() -> Iterator[blobs_pb2.WriteRequest]:
            while not stop.is_set():
                yield blobs_pb2.WriteRequest(digest=first)

        with crowded.channel() as channel:
            try:
                blobs_pb2_grpc.BlobsStub(channel).Write(empty(), timeout=60, metadata=METADATA)
            except grpc.RpcError as error:
                codes.append(code_of(error))

    before = crowded.memory_bytes
    thread = threading.Thread(target=pour)
    thread.start()
    with crowded.client() as other:
        took = [seconds_of(other)]
        until = time.monotonic() + 30
        while thread.is_alive() and time.monotonic() < until:
            took.append(seconds_of(other))
            time.sleep(0.02)
    stop.set()
    thread.join()
    assert codes == [Code.BAD_ARGUMENT.value]
    assert sorted(took)[int(len(took) * 0.99)] < PROMPT_S
    assert crowded.memory_bytes - before < 64 * MIB
