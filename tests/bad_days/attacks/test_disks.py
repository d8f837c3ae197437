"""What may lie on disks: nobody fills one by promises, by halves or by sizes that lie."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from bitgauge.agents.launcher import supervision
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.common.wire import CODE_KEY, to_wire
from bitgauge.benchmarks.vocabulary.enums import Disposition, FailureGroup, Role
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES
from bitgauge.coordinator.lab import room
from bitgauge.coordinator.lab.collector import LONGEST_PARTIAL_NS, CollectionTerms
from bitgauge.coordinator.store import log_growth
from bitgauge.coordinator.store.values import Registration
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc

from tests.labs.agent import fake_artifact, open_lab, until
from tests.labs.host import (
    AGENT_TOKEN,
    DEVICE,
    USER_TOKEN,
    Host,
    digest_of,
    job_of,
    report_of,
    running,
)

KIB = 1 << 10
LIMIT = 1000 * KIB
DEVICE_LIMIT = 200 * KIB
TERMS = CollectionTerms(limit_bytes=LIMIT)
PATIENCE_S = 20.0


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with running(tmp_path / "home", collection=TERMS, device_bytes=DEVICE_LIMIT, loops=False) as it:
        yield it


@contextlib.contextmanager
def stub(host: Host) -> Iterator[blobs_pb2_grpc.BlobsStub]:
    with grpc.insecure_channel(host.address, (("grpc.use_local_subchannel_pool", 1),)) as channel:
        yield blobs_pb2_grpc.BlobsStub(channel)


def metadata(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def announced(size: int) -> Digest:
    return Digest(os.urandom(32).hex(), size)


def send(host: Host, token: str, digest: Digest, data: bytes, finish: bool = True) -> str:
    """One upload in one message; the code that it ended with, empty when it was taken."""
    request = blobs_pb2.WriteRequest(digest=to_wire(digest), data=data, finish=finish)
    with stub(host) as blobs:
        try:
            blobs.Write(iter([request]), timeout=PATIENCE_S, metadata=metadata(token))
        except grpc.RpcError as error:
            return code_of(error)
    return ""


def code_of(error: Any) -> str:
    """What gRPC raises is also the call that failed; its type does not say so."""
    return str(dict(error.trailing_metadata() or ()).get(CODE_KEY))


def bring(host: Host, token: str, size: int) -> str:
    data = os.urandom(size)
    return send(host, token, digest_of(data), data)


@contextlib.contextmanager
def begun(host: Host, token: str, digest: Digest, data: bytes = b"x") -> Iterator[Any]:
    """An upload that announces a blob, sends its first bytes, and then waits."""
    messages: queue.Queue[blobs_pb2.WriteRequest | None] = queue.Queue()
    messages.put(blobs_pb2.WriteRequest(digest=to_wire(digest), data=data))
    with stub(host) as blobs:
        call = blobs.Write.future(
            iter(messages.get, None), timeout=PATIENCE_S, metadata=metadata(token)
        )
        until = time.monotonic() + PATIENCE_S
        while not call.done() and host.blobs.committed(digest).size_bytes < len(data):
            assert time.monotonic() < until
            time.sleep(0.01)
        try:
            yield call
        finally:
            messages.put(None)
            call.cancel()


def used_bytes(host: Host) -> int:
    return sum(one.stat().st_size for one in (host.home / "blobs").rglob("*") if one.is_file())


# -- what is promised ---------------------------------------------------------------------
def test_uploads_under_way_share_one_limit_and_give_back_what_they_did_not_use(host: Host) -> None:
    """Six of a third of the limit each, one byte sent: before, all were let in and then grew."""
    with contextlib.ExitStack() as uploads:
        calls = [
            uploads.enter_context(begun(host, USER_TOKEN, announced(LIMIT // 3))) for _ in range(6)
        ]
        assert [call.done() for call in calls] == [False, False, True, True, True, True]
        for call in calls[2:]:
            assert "does not fit below the limit" in str(call.details())
        assert bring(host, USER_TOKEN, LIMIT // 3) == Code.BLOB_LIMIT.value
        assert bring(host, USER_TOKEN, LIMIT // 10) == ""  # what is left is anybody's
    until = time.monotonic() + PATIENCE_S
    while bring(host, USER_TOKEN, LIMIT // 3) != "":
        assert time.monotonic() < until, "what was promised is promised for ever"
        time.sleep(0.05)
    assert used_bytes(host) <= LIMIT


def test_after_a_restart_halves_count_and_nothing_is_promised(tmp_path: Path) -> None:
    home = tmp_path / "home"
    whole = os.urandom(600 * KIB)
    with running(home, collection=TERMS, loops=False) as first:
        half = whole[: 500 * KIB]
        assert send(first, USER_TOKEN, digest_of(whole), half, finish=False) == ""
    with running(home, collection=TERMS, loops=False) as second:
        assert bring(second, USER_TOKEN, 450 * KIB) == Code.BLOB_LIMIT.value
        assert bring(second, USER_TOKEN, 300 * KIB) == ""
        rest = blobs_pb2.WriteRequest(
            digest=to_wire(digest_of(whole)), offset=500 * KIB, data=whole[500 * KIB :], finish=True
        )
        with stub(second) as blobs:  # its own half is no hindrance to it
            blobs.Write(iter([rest]), timeout=PATIENCE_S, metadata=metadata(USER_TOKEN))
        assert second.blobs.contains(digest_of(whole))


# -- shares -------------------------------------------------------------------------------
def test_one_person_cannot_shut_the_others_out(host: Host) -> None:
    with host.client() as client:
        ann, ben = (client.create_token(name, Role.SUBMIT)[0] for name in ("ann", "ben"))
    said = [bring(host, ann.partition("@")[0], 100 * KIB) for _ in range(8)]
    assert said == [""] * 5 + [Code.BLOB_SHARE.value] * 3
    assert bring(host, ben.partition("@")[0], 300 * KIB) == ""
    assert bring(host, AGENT_TOKEN, 100 * KIB) == ""  # results have their tenth


def test_a_device_fills_no_disk_and_loses_no_result(host: Host) -> None:
    host.call(host.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True)))
    spec = job_of(host.put(b"baseline"), host.put(b"evaluation"))
    host.call(host.jobs.submit(dataclasses.replace(spec, entries=spec.entries * 2)))
    assignment = host.call(host.leases.acquire(DEVICE.device_id, "one", 5.0))
    assert assignment is not None
    for index in range(2):  # what a result refers to is not on the device's account
        raw = os.urandom(150 * KIB)
        assert send(host, AGENT_TOKEN, digest_of(raw), raw) == ""
        report = report_of(assignment, index, digest_of(raw))
        assert host.call(host.leases.report(report)) is Disposition.ACCEPTED
    said = [bring(host, AGENT_TOKEN, 50 * KIB) for _ in range(8)]
    assert said == [""] * 4 + [Code.BLOB_SHARE.value] * 4
    # Refused reports leave raw files that nothing refers to: they go, and it may go on.
    eager = dataclasses.replace(TERMS, grace_ns=-1, unreferenced_after_ns=-1)
    host.collector.terms = eager
    with begun(host, USER_TOKEN, announced(50 * KIB)) as under_way:
        gone = host.call(host.collector.collect())
        assert len(gone.blobs) >= 4
        assert not under_way.done()
    assert bring(host, AGENT_TOKEN, 50 * KIB) == ""


# -- lies ---------------------------------------------------------------------------------
def test_a_size_that_lies_is_refused_and_leaves_nothing(host: Host) -> None:
    few = Digest(digest_of(b"more than announced").sha256, 5)
    many = Digest(digest_of(b"fewer").sha256, 500)
    assert send(host, USER_TOKEN, few, b"more than announced") == Code.DIGEST_MISMATCH.value
    assert host.blobs.committed(few).size_bytes == 0
    assert send(host, USER_TOKEN, many, b"fewer") == Code.BLOB_OFFSET.value
    assert send(host, USER_TOKEN, announced(1 << 40), b"x") == Code.BLOB_TOO_LARGE.value
    large = announced(MAX_RAW_FILE_BYTES + 1)
    assert send(host, AGENT_TOKEN, large, b"x") == Code.BLOB_TOO_LARGE.value
    for size in (-1, (1 << 63) - 1):
        assert send(host, USER_TOKEN, announced(size), b"x") == Code.BAD_ARGUMENT.value
    assert bring(host, USER_TOKEN, 800 * KIB) == ""  # none of it is promised any more


# -- halves -------------------------------------------------------------------------------
def test_halves_are_few_and_go_after_a_day_at_the_start_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MAX_UNFINISHED", 5)
    home = tmp_path / "home"
    with running(home, loops=False) as first:
        for _ in range(12):
            assert send(first, USER_TOKEN, announced(100), b"x", finish=False) == ""
        left = first.blobs.partials()
        assert len(left) == 5
        assert len(first.blobs._uploads) == 5
        old = home / "blobs" / "partial" / f"{left[0].digest.sha256}.100"
        past = time.time() - LONGEST_PARTIAL_NS / 1e9 - 60
        os.utime(old, (past, past))
    with running(home) as second:
        until = time.monotonic() + PATIENCE_S
        while old.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert len(second.blobs.partials()) == 4


def test_the_client_says_which_bound_it_was(host: Host) -> None:
    data = os.urandom(950 * KIB)
    with host.client() as client, pytest.raises(BitgaugeError, match="--blob-limit") as caught:
        client.write(digest_of(data), 0, iter([data]))
    assert caught.value.code is Code.BLOB_LIMIT


# -- a child on a device ------------------------------------------------------------------
async def test_a_child_is_ended_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are bounded one by one, and it may make many."""
    monkeypatch.setattr(supervision, "DISK_EVERY_S", 0.1)
    async with open_lab(tmp_path, devices=("fake",)) as lab:
        lab.assignment([fake_artifact(behaviour="hang", when="run")])
        async with lab.agent():
            spool = Spool(lab.folder / "home" / "agent" / "spool")
            await until(lambda: any(intent.pid for intent in spool.intents()), PATIENCE_S)
            monkeypatch.setattr(supervision, "RESERVE_BYTES", 1 << 62)  # as if it had filled it
            (report,) = await lab.reports(1)
    assert report.failure is not None
    assert (report.failure.code, report.failure.group) == ("disk_full", FailureGroup.DEVICE)
    assert list((lab.folder / "home" / "agent" / "work").iterdir()) == []


# -- a reader that never ends -------------------------------------------------------------
READER = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, isolation_level=None)
connection.execute("BEGIN")
print(connection.execute("SELECT count(*) FROM jobs").fetchone()[0], flush=True)
sys.stdin.read()
"""


def test_a_reader_that_never_ends_costs_a_bounded_log_and_is_named(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Datasette would with a page that is never closed: SQLite keeps everything for it."""
    monkeypatch.setattr(log_growth, "MAX_LOG_BYTES", 10 << 20)
    log = host.home / "store.db-wal"
    host.call(host.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True)))
    spec = job_of(host.put(b"baseline"), host.put(b"evaluation"))
    host.call(host.jobs.submit(spec))
    assignment = host.call(host.leases.acquire(DEVICE.device_id, "one", 5.0))
    assert assignment is not None

    def write(store: object) -> None:
        store._connection.executescript(  # type: ignore[attr-defined]
            "CREATE TABLE filler (x); INSERT INTO filler VALUES (randomblob(16000000));"
            "DROP TABLE filler;"
        )

    command = [sys.executable, "-c", READER, str(host.home / "store.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"1\n"
        host.call(host.writer.call(write))
        assert log.stat().st_size > log_growth.MAX_LOG_BYTES
        with pytest.raises(BitgaugeError, match=rf"process {reader.pid} \(") as caught:
            host.call(host.jobs.submit(dataclasses.replace(spec, idempotency_key="second")))
        assert caught.value.code is Code.STORE_BUSY
        raw = host.put(b"raw")  # what was begun goes on
        assert host.call(host.leases.report(report_of(assignment, 0, raw))) is Disposition.ACCEPTED
        assert host.call(host.jobs.cancel(assignment.job_id)) is not None
        assert reader.stdin is not None
        reader.stdin.close()
    for number in range(3):
        host.put(b"%d" % number)  # whatever is written next brings the log back into the file
    host.call(host.jobs.submit(dataclasses.replace(spec, idempotency_key="third")))
    assert log.stat().st_size <= 8 << 20
