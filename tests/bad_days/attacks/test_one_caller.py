"""One token takes its own places and nobody else's, whatever it does not read or end."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from bitgauge.benchmarks.common.digests import MAX_DIGESTS_PER_CALL
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.client.upload import local_file, upload
from bitgauge.coordinator.decisions.calls import (
    MAX_CALLS,
    MAX_RECEIVING,
    MAX_STREAMS,
    MAX_TRANSFERS,
)
from bitgauge.coordinator.services.server import MAX_UNREAD_OF_STREAM_BYTES
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc, lab_pb2

from tests.labs.host import digest_of

from .http2 import RawConnection
from .lab import MIB, Attacked, bearer, other_call


@pytest.fixture(scope="module")
def blob(lab: Attacked) -> Digest:
    data = os.urandom(8 * MIB)
    digest = digest_of(data)
    with lab.client() as client:
        client.write(digest, 0, (data[at : at + MIB] for at in range(0, len(data), MIB)))
    return digest


@pytest.fixture(scope="module")
def token(lab: Attacked) -> str:
    return lab.token("attacker", Role.SUBMIT)


@contextlib.contextmanager
def unread(lab: Attacked, token: str, path: str, message: bytes) -> Iterator[int]:
    """How many of 400 calls stay open while nothing of their answers is read."""
    (header,) = bearer(token)
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(RawConnection(lab.port)) for _ in range(4)]
        for connection in connections:
            connection.hear(0.02)
            for _ in range(100):
                connection.ask(path, message, header)
        for connection in connections:
            connection.hear(0.3)
        yield sum(len(one.streams) - one.ended() for one in connections)


def test_400_reads_that_are_not_read(lab: Attacked, token: str, blob: Digest) -> None:
    request = blobs_pb2.ReadRequest(digest=to_wire(blob)).SerializeToString()
    with (
        lab.harmless("400 unread reads"),
        unread(lab, token, "/bitgauge.v1.Blobs/Read", request) as held,
    ):
        assert held == MAX_TRANSFERS
        with lab.client(lab.token("other", Role.READ)) as other:
            assert sum(map(len, other.read(blob))) == blob.size_bytes


def test_400_watches(lab: Attacked, token: str) -> None:
    request = lab_pb2.WatchRequest(job_id=lab.lease.job_id).SerializeToString()
    with (
        lab.harmless("400 watches"),
        unread(lab, token, "/bitgauge.v1.Jobs/Watch", request) as held,
    ):
        assert held == MAX_STREAMS


def test_requests_that_are_half_sent_hold_their_sender_s_places_only(
    lab: Attacked, token: str
) -> None:
    (header,) = bearer(token)
    with contextlib.ExitStack() as opened, lab.harmless("400 half-sent requests"):
        connections = [opened.enter_context(RawConnection(lab.port)) for _ in range(4)]
        for connection in connections:
            connection.hear(0.02)
            for _ in range(100):
                call = connection.begin("/bitgauge.v1.Jobs/Submit", header)
                connection.announce(call, MIB)
        for connection in connections:
            connection.pour(list(connection.streams), MIB - 1, 0.2)
            connection.hear(0.1)
        assert sum(len(one.streams) - one.ended() for one in connections) == MAX_CALLS
        sent = sorted(call.sent for one in connections for call in one.streams.values())
        print(f"{sum(sent) / MIB:.1f} MiB were sent; the largest {sent[-1]} bytes")
        assert all(size <= MAX_UNREAD_OF_STREAM_BYTES for size in sent[:-MAX_RECEIVING])


def test_questions_for_very_many_blobs(lab: Attacked, token: str) -> None:
    digests = [Digest(f"{number:064x}", number) for number in range(3 * MAX_DIGESTS_PER_CALL)]
    at_once = blobs_pb2.FindMissingRequest(
        digests=map(to_wire, digests[: MAX_DIGESTS_PER_CALL + 1])
    )

    def ask(_: int) -> int:
        with lab.client(token, 60.0) as client:
            return len(client.find_missing(digests))

    few = blobs_pb2.FindMissingRequest(digests=map(to_wire, digests[:3]))
    other = other_call("Blobs/FindMissing", few, lab.token("asks little", Role.READ))
    with (
        lab.harmless("30 times 3,000 digests", FindMissing=other),
        ThreadPoolExecutor(30) as threads,
    ):
        with lab.channel() as channel:
            stub = blobs_pb2_grpc.BlobsStub(channel)
            with pytest.raises(grpc.RpcError, match="at most 1000"):
                stub.FindMissing(at_once, metadata=bearer(token), timeout=10)
        assert set(threads.map(ask, range(30))) == {len(digests)}


def test_more_uploads_at_once_than_there_are_places_all_arrive(
    lab: Attacked, token: str, tmp_path: Path
) -> None:
    for number in range(MAX_TRANSFERS + 8):
        (tmp_path / str(number)).write_bytes(os.urandom(MIB))

    def bring(number: int) -> int:
        with lab.client(token) as client:
            return upload(client, [local_file(tmp_path / str(number))]).sent_files

    count = MAX_TRANSFERS + 8
    with lab.harmless(f"{count} uploads"), ThreadPoolExecutor(count) as threads:
        assert sum(threads.map(bring, range(count))) == count


def test_a_reader_who_never_stops_asking(lab: Attacked, token: str) -> None:
    (header,) = bearer(token)
    message = lab_pb2.ListJobsRequest().SerializeToString()
    until, count = time.monotonic() + 1.5, 0
    with lab.harmless("lists without end"), RawConnection(lab.port) as connection:
        connection.hear(0.02)
        while time.monotonic() < until:
            under_way = len(connection.streams) - connection.ended()
            for _ in range(MAX_CALLS - under_way):
                connection.ask("/bitgauge.v1.Jobs/ListJobs", message, header)
                count += 1
            connection.hear(0.005)
        print(f"{count} lists")


def test_places_come_back(lab: Attacked, token: str, blob: Digest) -> None:
    with lab.client(token) as client:
        assert sum(map(len, client.read(blob))) == blob.size_bytes
        assert client.find_missing([blob]) == ()
