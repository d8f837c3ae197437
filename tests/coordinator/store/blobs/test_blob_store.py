import contextlib
import hashlib
import os
import resource
import threading
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.blobs.blob_store import BlobStore, Committed
from bitgauge.coordinator.store.blobs.files import CHUNK_BYTES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.labs.refused import refused

DATA = b"weights " * 1000


def named(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root: Path) -> BlobStore:
    return BlobStore(root, reserve_bytes=0)


def put(blobs: BlobStore, data: bytes) -> Digest:
    digest = named(data)
    blobs.append(digest, blobs.committed(digest).size_bytes, data)
    blobs.finish(digest)
    return digest


def test_what_goes_in_comes_out(blobs: BlobStore, root: Path) -> None:
    digest = put(blobs, DATA)
    assert b"".join(blobs.read(digest)) == DATA
    assert blobs.committed(digest) == Committed(len(DATA), complete=True)
    assert blobs.path(digest).read_bytes() == DATA
    assert list((root / "partial").iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"x", b"y" * (2 * CHUNK_BYTES + 1)])
def test_sizes_around_a_chunk(blobs: BlobStore, data: bytes) -> None:
    if not data:
        blobs.finish(named(data))
    else:
        put(blobs, data)
    chunks = list(blobs.read(named(data)))
    assert b"".join(chunks) == data
    assert all(len(chunk) <= CHUNK_BYTES for chunk in chunks)


@pytest.mark.parametrize("restart", [False, True])
def test_an_upload_goes_on_where_it_stands(root: Path, restart: bool) -> None:
    blobs, digest = BlobStore(root, reserve_bytes=0), named(DATA)
    assert blobs.append(digest, 0, DATA[:100]) == 100
    if restart:
        blobs = BlobStore(root, reserve_bytes=0)
    assert blobs.committed(digest) == Committed(100, complete=False)
    for wrong in (0, 99, 101):
        with refused(Code.BLOB_OFFSET):
            blobs.append(digest, wrong, DATA[wrong:])
    with refused(Code.BLOB_OFFSET):
        blobs.finish(digest)
    blobs.append(digest, 100, DATA[100:])
    blobs.finish(digest)
    assert b"".join(blobs.read(digest)) == DATA


def test_finishing_and_sending_again_is_harmless(blobs: BlobStore) -> None:
    digest = put(blobs, DATA)
    assert blobs.append(digest, 0, DATA) == len(DATA)
    blobs.finish(digest)
    assert blobs.contains(digest)


def test_other_bytes_are_refused_and_the_upload_begins_again(blobs: BlobStore) -> None:
    digest = named(DATA)
    blobs.append(digest, 0, DATA[:-1] + b"!")
    with refused(Code.DIGEST_MISMATCH):
        blobs.finish(digest)
    assert blobs.committed(digest) == Committed(0, complete=False)
    with refused(Code.DIGEST_MISMATCH):
        blobs.append(digest, 0, DATA + b"more")
    assert not blobs.contains(digest)
    put(blobs, DATA)
    assert blobs.contains(digest)


def test_a_spoiled_partial_file_is_found(blobs: BlobStore, root: Path) -> None:
    digest = named(DATA)
    blobs.append(digest, 0, DATA)
    (partial,) = (root / "partial").iterdir()
    partial.write_bytes(b"\0" * len(DATA))
    blobs = BlobStore(root, reserve_bytes=0)
    with refused(Code.DIGEST_MISMATCH):
        blobs.finish(digest)


@pytest.mark.parametrize(
    ("sha256", "size_bytes"),
    [("../../etc/passwd", 1), ("0" * 63, 1), ("A" * 64, 1), ("0" * 64 + "\n", 1), ("0" * 64, -1)],
)
def test_what_is_no_digest_never_becomes_a_path(
    blobs: BlobStore, sha256: str, size_bytes: int
) -> None:
    bad = Digest(sha256, size_bytes)
    for call in (
        lambda: blobs.append(bad, 0, b"x"),
        lambda: blobs.finish(bad),
        lambda: blobs.read(bad),
        lambda: blobs.committed(bad),
        lambda: blobs.path(bad),
    ):
        with refused(Code.BAD_ARGUMENT):
            call()


def test_limits_of_size_and_space(root: Path) -> None:
    small = BlobStore(root, max_blob_bytes=10, reserve_bytes=0)
    with refused(Code.BLOB_TOO_LARGE):
        small.append(named(DATA), 0, DATA)
    full = BlobStore(root, reserve_bytes=1 << 60)
    with refused(Code.DISK_FULL):
        full.append(named(DATA), 0, DATA)


def test_a_write_that_breaks_leaves_what_was_committed(blobs: BlobStore) -> None:
    data = os.urandom(300_000)
    digest = named(data)
    blobs.append(digest, 0, data[:1000])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with refused(Code.STORE_IO):
            blobs.append(digest, 1000, data[1000:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert blobs.committed(digest) == Committed(1000, complete=False)
    blobs.append(digest, 1000, data[1000:])
    blobs.finish(digest)


def test_reading_a_part(blobs: BlobStore) -> None:
    digest = put(blobs, DATA)
    assert b"".join(blobs.read(digest, 10, 20)) == DATA[10:30]
    assert b"".join(blobs.read(digest, len(DATA) - 5, 20)) == DATA[-5:]
    assert b"".join(blobs.read(digest, len(DATA))) == b""
    for wrong in (-1, len(DATA) + 1):
        with refused(Code.BLOB_OFFSET):
            blobs.read(digest, wrong)
    with refused(Code.BLOB_MISSING):
        blobs.read(named(b"not here"))


def test_many_threads_may_send_one_blob(blobs: BlobStore) -> None:
    data = os.urandom(200_000)
    digest = named(data)

    def send() -> None:
        while not blobs.committed(digest).complete:
            offset = blobs.committed(digest).size_bytes
            with contextlib.suppress(BitgaugeError):
                blobs.append(digest, offset, data[offset : offset + 7_001])
            with contextlib.suppress(BitgaugeError):
                blobs.finish(digest)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert b"".join(blobs.read(digest)) == data


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_any_cuts_and_restarts_give_the_same_blob(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int]
) -> None:
    root = tmp_path_factory.mktemp("blobs")
    digest = named(data)
    for end in (*sorted(min(cut, len(data)) for cut in cuts), len(data)):
        blobs = BlobStore(root, reserve_bytes=0)
        offset = blobs.committed(digest).size_bytes
        assert blobs.append(digest, offset, data[offset:end]) == end
    blobs.finish(digest)
    assert b"".join(blobs.read(digest)) == data
