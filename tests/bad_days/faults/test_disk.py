"""Full, read-only and failing disks, on both sides: refused in a sentence, nothing lost."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bitgauge.agents.connection.connection import Connection
from bitgauge.agents.connection.outbox import Outbox
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.storage.cache import Cache
from bitgauge.agents.storage.room import Room
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.jobs import Assignment, JobSpec
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import Registration

from tests.labs.host import DEVICE, Host, digest_of, job_of, report_of, running

from .tmpfs import Disk, disk

MIB = 1 << 20
RESERVE = 2 * MIB


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", "12m") as made:
        yield made


@pytest.fixture
def host(small: Disk) -> Iterator[Host]:
    with running(small.root / "home", reserve_bytes=RESERVE) as made:
        made.call(
            made.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True))
        )
        yield made


def a_job(host: Host, key: str) -> JobSpec:
    return job_of(host.put(b"baseline"), host.put(b"evaluation"), key)


def claimed(host: Host) -> Assignment:
    assignment = host.call(host.leases.acquire(DEVICE.device_id, "one", 5.0))
    assert assignment is not None
    return assignment


# -- the coordinator's disk ---------------------------------------------------------------
def test_below_the_reserve_intake_is_refused_and_work_goes_on(host: Host, small: Disk) -> None:
    spec = a_job(host, "first")
    raw = host.put(b"raw")
    with host.client() as client:
        job_id = client.submit(spec).job_id
        small.fill(leave_bytes=RESERVE - 65_536)
        for refused in (
            lambda: client.submit(dataclasses.replace(spec, idempotency_key="second")),
            lambda: client.write(digest_of(b"n" * 100), 0, iter([b"n" * 100])),
        ):
            with pytest.raises(BitgaugeError, match=r"disk of .*home.*Free disk space") as caught:
                refused()
            assert caught.value.code is Code.DISK_FULL
            assert caught.value.status == "RESOURCE_EXHAUSTED"
        # What was taken goes on: a lease, a result, its analysis. Reading always works.
        assignment = claimed(host)
        report = report_of(assignment, 0, raw)
        assert host.call(host.leases.report(report)) is Disposition.ACCEPTED
        assert client.job(job_id).job_id == job_id
        assert b"".join(client.read(raw)) == b"raw"
        small.free()
        assert client.submit(dataclasses.replace(spec, idempotency_key="second")).created
        assert client.write(digest_of(b"n" * 100), 0, iter([b"n" * 100])) == 100


def test_filled_to_the_last_byte_nothing_acknowledged_is_lost(host: Host, small: Disk) -> None:
    spec = a_job(host, "first")
    raw = host.put(b"raw")
    with host.client() as client:
        many = dataclasses.replace(spec, entries=spec.entries * 200)
        job_id = client.submit(many).job_id
        assignment = claimed(host)
        small.fill()
        accepted, refused = [], 0
        for index in range(200):
            report = report_of(assignment, index, raw)
            try:
                host.call(host.leases.report(report))
                accepted.append(report.run_id)
            except BitgaugeError as error:
                assert error.code is Code.DISK_FULL, error  # noqa: PT017
                refused += 1
        assert refused, "the disk was not full"
        assert {run.run_id for run in client.runs(job_id)} == set(accepted)
        assert len(client.devices()) == len(client.jobs()) == 1
        assert client.table(TableQuery()) is not None
        small.free()
        # No restart: the same reports now arrive, those that were taken are not taken twice.
        for index in range(200):
            answer = host.call(host.leases.report(report_of(assignment, index, raw)))
            assert answer is Disposition.ACCEPTED
        assert len(client.runs(job_id)) == 200
    again = sqlite3.connect(host.home / "store.db")
    assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again.close()


def test_an_upload_that_meets_the_end_of_the_disk_goes_on_when_there_is_room(
    host: Host, small: Disk
) -> None:
    data = b"u" * (3 * MIB)
    host.blobs.append(digest_of(data), 0, data[:MIB])
    small.fill()
    with host.client() as client:
        with pytest.raises(BitgaugeError) as caught:
            client.write(digest_of(data), MIB, iter([data[MIB : 2 * MIB], data[2 * MIB :]]))
        assert caught.value.code is Code.DISK_FULL
        assert client.committed(digest_of(data)) == MIB
        small.free()
        client.write(digest_of(data), MIB, iter([data[MIB : 2 * MIB], data[2 * MIB :]]))
        assert client.committed(digest_of(data)) is None


def test_a_coordinator_that_starts_on_a_full_disk_serves_answers(small: Disk) -> None:
    home = small.root / "home"
    with running(home) as first:
        spec = a_job(first, "first")
        with first.client() as client:
            job_id = client.submit(spec).job_id
        # As after a kill: log and index are left, because the connection is not closed.
        keep = sqlite3.connect(home / "store.db")
        keep.execute("SELECT count(*) FROM jobs").fetchone()
    small.fill()
    with running(home) as second, second.client() as client:
        assert client.job(job_id).job_id == job_id
        small.free()
        second.call(second.dispatcher.refresh_leases())
    keep.close()


# -- a disk that fails --------------------------------------------------------------------
@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Host]:
    with running(tmp_path / "home", loops=False) as made:
        yield made


def test_a_read_only_state_folder_is_refused_with_a_sentence(small: Disk) -> None:
    home = small.root / "home"
    with running(home):
        pass
    small.read_only(True)
    try:
        with pytest.raises(BitgaugeError, match=r"store\.db") as caught:
            Store.open(home / "store.db")
        assert caught.value.code is Code.STORE_IO
        with pytest.raises(BitgaugeError, match="Read-only") as blobs:
            BlobStore(home / "elsewhere")
        assert blobs.value.code is Code.STORE_IO
    finally:
        small.read_only(False)
    Store.open(home / "store.db").close()


def test_after_an_io_error_nothing_more_is_acknowledged(plain: Host) -> None:
    spec = a_job(plain, "first")
    with plain.client() as client:
        client.submit(spec)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            with pytest.raises(BitgaugeError, match="does not answer") as caught:
                client.submit(dataclasses.replace(spec, idempotency_key="second"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.code is Code.STORE_IO
        # The disk is well again, and still nothing is written: what was kept is not known.
        assert plain.writer.failed.is_set()
        with pytest.raises(BitgaugeError) as still:
            client.submit(dataclasses.replace(spec, idempotency_key="third"))
        assert still.value.code is Code.STORE_IO
    opened = Store.open(plain.home / "store.db")
    assert [job.job_id for job in opened.jobs()] == [opened.jobs()[0].job_id]
    opened.close()


@pytest.mark.parametrize("at", ["file", "folder"])
def test_a_blob_whose_sync_failed_is_sent_again(
    plain: Host, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """A second fsync may say that all is well after the kernel has dropped the pages."""
    digest = digest_of(b"precious")
    plain.blobs.append(digest, 0, b"precious")
    sync, calls = os.fsync, list[int]()

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        if at == "file" or len(calls) > 1:
            raise OSError(5, "Input/output error")
        sync(descriptor)

    plain.blobs.path(digest).parent.mkdir()
    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(BitgaugeError) as caught:
        plain.blobs.finish(digest)
    monkeypatch.undo()
    assert caught.value.code is Code.STORE_IO
    assert not plain.blobs.contains(digest)
    assert plain.blobs.committed(digest).size_bytes == 0
    plain.put(b"precious")
    assert plain.blobs.contains(digest)


# -- a store that others hold or have damaged ---------------------------------------------
def test_a_locked_store_is_waited_for_5_seconds_and_then_said_so(plain: Host) -> None:
    spec = a_job(plain, "first")
    other = sqlite3.connect(plain.home / "store.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with plain.client(timeout_s=30) as client:
        began = time.monotonic()
        with pytest.raises(BitgaugeError, match="another process is writing to") as caught:
            plain.call(plain.jobs.submit(spec))
        assert 4.0 < time.monotonic() - began < 15.0
        assert caught.value.code is Code.STORE_BUSY
        assert not plain.writer.failed.is_set()  # nothing is wrong with the disk
        other.execute("COMMIT")
        assert client.submit(spec).created  # and nothing needs a restart
    other.close()


def test_a_damaged_store_is_refused_and_never_half_read(tmp_path: Path) -> None:
    """Pages overwritten one after the other: found at the open, or nothing was lost."""
    path = tmp_path / "store.db"
    with running(tmp_path, loops=False) as host:
        for number in range(20):
            spec = a_job(host, f"{number}")
            host.call(host.jobs.submit(spec))
    whole = path.read_bytes()
    pages, found = len(whole) // 4096, 0
    for page in range(pages):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        for left in ("store.db-wal", "store.db-shm"):
            (tmp_path / left).unlink(missing_ok=True)
        try:
            opened = Store.open(path)
        except BitgaugeError as error:
            assert error.code is Code.STORE_DAMAGED, error  # noqa: PT017
            assert str(path) in error.sentence  # noqa: PT017
            found += 1
        else:
            assert len(opened.jobs()) == 20
            opened.close()
    assert found > pages * 0.9, f"{found} of {pages}"


# -- the device's disk --------------------------------------------------------------------
@pytest.fixture
async def line(plain: Host) -> AsyncIterator[Connection]:
    connection = plain.agent()
    yield connection
    await connection.close()


async def test_a_download_on_a_full_device_is_refused_and_later_goes_on(
    plain: Host, small: Disk, line: Connection
) -> None:
    data = b"a" * (2 * MIB)
    digest = plain.put(data)
    cache = Cache(small.root / "cache", 1 << 30)
    transfer = Transfer(line, cache)
    small.fill(leave_bytes=MIB)
    with pytest.raises(Refused, match="does not fit on the disk") as caught:
        await transfer.fetch(digest)
    assert caught.value.code is Code.DISK_FULL
    small.free()
    assert (await transfer.fetch(digest)).read_bytes() == data


async def test_on_a_full_device_old_blobs_make_room_for_the_present_job(
    plain: Host, small: Disk, line: Connection
) -> None:
    old, new = plain.put(b"o" * (4 * MIB)), plain.put(b"n" * (4 * MIB))
    cache = Cache(small.root / "cache", 1 << 30)
    transfer = Transfer(line, cache)
    await transfer.fetch(old)
    small.fill(leave_bytes=MIB)
    await transfer.fetch(new)
    assert cache.verified(old) is None
    assert cache.verified(new) is not None


async def test_results_stay_in_the_spool_of_a_full_device_and_arrive_later(
    plain: Host, small: Disk, line: Connection
) -> None:
    plain.call(plain.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True)))
    plain.call(plain.jobs.submit(a_job(plain, "first")))
    assignment = claimed(plain)
    spool = Spool(small.root / "spool")
    raw = small.root / "raw.npz"
    raw.write_bytes(b"raw")
    report = report_of(assignment, 0, spool.put_raw(raw))
    small.fill()
    with pytest.raises(OSError, match="No space left"):
        spool.put_report(report)
    assert spool.reports() == []
    small.free()
    spool.put_report(report)
    small.fill()  # delivering needs no room: the acknowledged report only goes
    said: list[str] = []
    outbox = Outbox(spool, line, Transfer(line, Cache(small.root / "cache", 1 << 30)), said.append)
    assert await asyncio.wait_for(outbox.deliver(), 20)
    assert spool.reports() == []
    assert said == []
    with plain.client() as client:
        assert [run.run_id for run in client.runs(assignment.job_id)] == [report.run_id]


def test_no_job_on_a_device_without_room_until_there_is_some(small: Disk) -> None:
    said: list[str] = []
    cache = Cache(small.root / "cache", 1 << 30)
    room = Room(small.root, cache, RESERVE, said.append)
    assert not room.low()
    small.fill(leave_bytes=MIB)
    assert room.low()
    assert room.low()
    small.free()
    assert not room.low()
    assert len(said) == 2
    assert "no new job until some are freed" in said[0]
    assert "has room again" in said[1]


async def test_a_coordinator_whose_store_failed_keeps_the_agents_spooling(
    plain: Host, line: Connection, tmp_path: Path
) -> None:
    """Refused for good is one thing, a coordinator on a bad day another."""
    plain.call(plain.leases.register(Registration(DEVICE, "1", "boot", "one", leftovers_dead=True)))
    plain.call(plain.jobs.submit(a_job(plain, "first")))
    assignment = claimed(plain)
    spool = Spool(tmp_path / "spool")
    raw = tmp_path / "raw"
    raw.write_bytes(b"raw")
    spool.put_report(report_of(assignment, 0, spool.put_raw(raw)))
    outbox = Outbox(spool, line, Transfer(line, Cache(tmp_path / "cache", 1 << 30)), print)
    report = plain.leases.report
    for code in (Code.STORE_DAMAGED, Code.STORE_IO, Code.STORE_BUSY, Code.DISK_FULL):

        async def failing(*_: object, code: Code = code) -> Disposition:
            raise BitgaugeError(code, "The store has a bad day.")

        plain.leases.report = failing  # type: ignore[method-assign,assignment]
        assert not await outbox.deliver(), code
        assert len(spool.reports()) == 1, code
    plain.leases.report = report  # type: ignore[method-assign]
    assert await outbox.deliver()
    assert spool.reports() == []
