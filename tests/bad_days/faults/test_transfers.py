"""Broken, damaged and contested transfers: the real client, the real agent, a proxy between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bitgauge.agents.connection import connection as agent_connection
from bitgauge.agents.connection.connection import Connection
from bitgauge.agents.connection.transfer import Transfer
from bitgauge.agents.storage.cache import Cache
from bitgauge.benchmarks.common import digests
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import CHUNK_BYTES, local_file, upload
from bitgauge.coordinator.services.pace import Pace

from tests.labs.host import Host, digest_of, running

from .proxy import Plan, Proxy, between

MIB = 1 << 20
SIZE = 3 * MIB + 12_345
CUTS = int(os.environ.get("BITGAUGE_SOAK_CUTS", "6"))
SLOW_PAUSE_S = 0.002
"""After each 4 KiB: at most 2 MB/s, half a second for each chunk to reach the disk."""
HEADERS = 4000
"""More than what a connection carries before the first byte of a blob."""


def payload(seed: int, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


def cut_offsets(seed: int) -> list[int]:
    """Where connections end: inside headers, chunks and the last message."""
    rng = random.Random(seed)
    return [1, 30, 300, MIB, SIZE, *(rng.randrange(SIZE + HEADERS) for _ in range(CUTS))]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running(tmp_path_factory.mktemp("host"), pace=lambda: Pace(1.0)) as made:
        yield made


@pytest.fixture
def proxy(host: Host) -> Iterator[Proxy]:
    with between(host.port) as made:
        yield made


@pytest.fixture
def client(host: Host, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr("bitgauge.coordinator.client.upload.PAUSE_S", 0.01)
    with host.client(proxy.address) as made:
        yield made


def written(folder: Path, data: bytes) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(data)
    return path


def held(host: Host, data: bytes) -> bytes:
    return b"".join(host.blobs.read(digest_of(data)))


# -- a person's upload --------------------------------------------------------------------
def test_an_upload_that_is_cut_anywhere_goes_on_where_it_was(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    proxy.up = [Plan(cut_at=offset) for offset in cut_offsets(1)]
    wanted, number = len(proxy.up), 0
    while proxy.up:
        number += 1
        data = payload(1000 + number)
        file = local_file(written(tmp_path, data))
        while not host.blobs.contains(file.digest):
            with contextlib.suppress(Unavailable):  # five breaks without any progress: once more
                upload(client, [file])
        assert held(host, data) == data
    assert proxy.cuts >= wanted - 1


def test_a_cut_on_a_line_slower_than_the_disk_costs_one_chunk(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    data = payload(2)
    proxy.up = [Plan(cut_at=2 * MIB + 500_000, pause_s=SLOW_PAUSE_S)]
    result = upload(client, [local_file(written(tmp_path, data))])
    assert held(host, data) == data
    assert proxy.cuts == 1
    assert proxy.up_bytes < SIZE + CHUNK_BYTES + 64_000
    assert result.sent_files == 1


def test_after_a_cut_nothing_is_sent_again_that_was_committed(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On any line. A fast one runs ahead of the disk: what was in flight has to come again."""
    data = payload(12, 8 * MIB)
    digest = digest_of(data)
    begun: list[tuple[int, int]] = []
    send = client.write

    def noted(wanted: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        begun.append((offset, host.blobs.committed(digest).size_bytes))
        return send(wanted, offset, chunks)

    monkeypatch.setattr(client, "write", noted)
    proxy.up = [Plan(cut_at=6 * MIB + 500_000)]
    upload(client, [local_file(written(tmp_path, data))])
    assert held(host, data) == data
    assert proxy.cuts == 1
    assert begun[0] == (0, 0)
    # The last attempt is the one that ended the blob; it began where the coordinator stood.
    offset, committed = begun[-1]
    assert offset == committed > 0


def test_a_reply_that_is_lost_after_the_last_byte_sends_nothing_again(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    data = payload(3)
    proxy.down = [Plan(cut_at=700)]
    upload(client, [local_file(written(tmp_path, data))])
    assert held(host, data) == data


def test_bytes_that_arrived_without_their_end_are_finished(
    host: Host, client: Client, tmp_path: Path
) -> None:
    data = payload(4)
    digest = digest_of(data)
    host.blobs.append(digest, 0, data)  # all of it, and then the coordinator was killed
    assert client.committed(digest) == len(data)
    result = upload(client, [local_file(written(tmp_path, data))])
    assert result.sent_bytes == 0
    assert client.committed(digest) is None
    assert held(host, data) == data


def test_one_flipped_bit_is_refused_and_sent_once_more(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    data = payload(5)
    proxy.up = [Plan(flips_at=(MIB + 77_777,))]
    upload(client, [local_file(written(tmp_path, data))])
    assert proxy.flips == 1
    assert held(host, data) == data


def test_a_line_that_damages_twice_is_an_error(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    data = payload(6)
    proxy.up = [Plan(flips_at=(MIB + 77_777, SIZE + MIB + 77_777))]
    with pytest.raises(BitgaugeError) as caught:
        upload(client, [local_file(written(tmp_path, data))])
    assert caught.value.code is Code.DIGEST_MISMATCH
    assert not host.blobs.contains(digest_of(data))


def test_a_bit_flipped_anywhere_never_stores_wrong_bytes(
    host: Host, proxy: Proxy, client: Client, tmp_path: Path
) -> None:
    rng, codes = random.Random(7), set[Code]()
    for number in range(5):
        data = payload(100 + number, 200_000)
        proxy.up = [Plan(flips_at=(rng.randrange(200_000),))]
        with host.client(proxy.address, timeout_s=3) as fresh:
            try:
                upload(fresh, [local_file(written(tmp_path, data))])
            except BitgaugeError as error:
                codes.add(error.code)
            else:
                assert held(host, data) == data
    assert codes <= {Code.DIGEST_MISMATCH, Code.UNREACHABLE, Code.INTERNAL}


def test_a_file_that_changes_under_way_is_named(host: Host, client: Client, tmp_path: Path) -> None:
    path = written(tmp_path, payload(8))
    file = local_file(path)
    path.write_bytes(payload(9))
    with pytest.raises(BitgaugeError, match=r"model\.onnx changed while it was sent") as caught:
        upload(client, [file])
    assert caught.value.code is Code.DIGEST_MISMATCH


def test_two_who_send_the_same_blob_both_succeed(host: Host, tmp_path: Path) -> None:
    data = payload(10)
    file = local_file(written(tmp_path, data))
    errors: list[BaseException] = []

    def send() -> None:
        try:
            with host.client() as own:
                upload(own, [file])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert held(host, data) == data


def test_a_blob_whose_file_vanished_is_asked_for_again(
    host: Host, client: Client, tmp_path: Path
) -> None:
    data = payload(11, 10_000)
    file = local_file(written(tmp_path, data))
    upload(client, [file])
    assert client.find_missing([file.digest]) == ()
    host.blobs.path(file.digest).unlink()
    assert client.find_missing([file.digest]) == (file.digest,)
    upload(client, [file])
    assert held(host, data) == data


# -- the agent ----------------------------------------------------------------------------
@pytest.fixture
async def line(
    host: Host, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Connection]:
    monkeypatch.setattr(agent_connection, "_FIRST_WAIT_S", 0.02)
    connection = host.agent(proxy.address)
    yield connection
    await connection.close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 1 << 30)


async def test_a_download_that_is_cut_anywhere_goes_on(
    host: Host, proxy: Proxy, line: Connection, cache: Cache
) -> None:
    data = payload(20)
    digest = host.put(data)
    proxy.down = [Plan(cut_at=offset) for offset in cut_offsets(20)]
    transfer = Transfer(line, cache)
    while proxy.down:
        path = await transfer.fetch(digest)
        assert digests.digest_of(path) == digest
        path.unlink()


async def test_a_damaged_download_is_fetched_once_more_and_then_is_an_error(
    host: Host, proxy: Proxy, line: Connection, cache: Cache
) -> None:
    data = payload(21)
    digest = host.put(data)
    proxy.down = [Plan(flips_at=(MIB + 5000,))]
    path = await Transfer(line, cache).fetch(digest)
    assert (proxy.flips, path.read_bytes()) == (1, data)
    bad = host.put(payload(22))
    damaged = host.blobs.path(bad)
    content = bytearray(damaged.read_bytes())
    content[1000] ^= 1
    damaged.chmod(0o600)
    damaged.write_bytes(content)
    with pytest.raises(BitgaugeError, match="arrived damaged") as caught:
        await Transfer(line, cache).fetch(bad)
    assert caught.value.code is Code.DIGEST_MISMATCH
    assert cache.verified(bad) is None


@pytest.mark.parametrize("damage", ["flipped", "cut short", "longer", "a folder"])
async def test_a_damaged_cache_entry_is_dropped_at_use_and_fetched_again(
    host: Host, line: Connection, cache: Cache, damage: str
) -> None:
    data = payload(23, 50_000)
    digest = host.put(data)
    transfer = Transfer(line, cache)
    path = await transfer.fetch(digest)
    content = bytearray(data)
    if damage == "flipped":
        content[49_999] ^= 1
    elif damage == "cut short":
        del content[-1]
    elif damage == "longer":
        content += b"!"
    path.write_bytes(content)
    if damage == "a folder":
        path.unlink()
        path.mkdir()
        with pytest.raises(BitgaugeError) as caught:
            await transfer.fetch(digest)
        assert caught.value.code is Code.STORE_IO
        return
    assert (await transfer.fetch(digest)).read_bytes() == data


@pytest.mark.parametrize(
    "plans",
    [
        [Plan(cut_at=MIB + 1), Plan(cut_at=5000), Plan(cut_at=2 * MIB)],
        [Plan(flips_at=(MIB + 9000,))],
    ],
    ids=["cut", "flipped"],
)
async def test_a_raw_file_goes_up_through_a_bad_line(
    host: Host, proxy: Proxy, line: Connection, cache: Cache, tmp_path: Path, plans: list[Plan]
) -> None:
    data = payload(30 + len(plans))
    path = written(tmp_path, data)
    proxy.up = list(plans)
    transfer = Transfer(line, cache)
    await agent_connection.patiently(lambda: transfer.upload({digest_of(data): path}))
    assert held(host, data) == data
    assert proxy.cuts + proxy.flips >= 1


async def test_two_agents_that_send_the_same_raw_file_both_succeed(
    host: Host, line: Connection, cache: Cache, tmp_path: Path
) -> None:
    data = payload(33)
    path = written(tmp_path, data)
    other = host.agent()

    async def send(one: Connection) -> None:
        rival = Transfer(one, cache)
        await agent_connection.patiently(lambda: rival.upload({digest_of(data): path}))

    await asyncio.gather(send(line), send(other))
    assert held(host, data) == data
    await other.close()


async def test_a_raw_file_that_is_damaged_on_the_device_is_named(
    line: Connection, cache: Cache, tmp_path: Path
) -> None:
    path = written(tmp_path, payload(34, 5000))
    wanted = digest_of(payload(35, 5000))
    with pytest.raises(BitgaugeError, match=r"model\.onnx on the device has other bytes") as caught:
        await Transfer(line, cache).upload({wanted: path})
    assert caught.value.code is Code.DIGEST_MISMATCH
