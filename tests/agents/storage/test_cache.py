"""The cache of artifacts: verified, resumed, capped."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from bitgauge.agents.storage.cache import Cache
from bitgauge.benchmarks.common.manifest import encoded, manifest_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from tests.labs.agent import digest_of


def fill(cache: Cache, data: bytes) -> Digest:
    digest = digest_of(data)
    writer = cache.writer(digest)
    writer.write(data)
    writer.commit()
    return digest


def missing(size: int) -> Digest:
    """A blob of this size of which nothing is here."""
    return Digest("f" * 64, size)


def test_a_blob_is_verified_at_each_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    digest = fill(cache, b"weights")
    assert cache.verified(digest) == cache.path(digest)
    cache.path(digest).write_bytes(b"wEights")
    assert cache.verified(digest) is None
    assert not cache.path(digest).exists()
    assert cache.verified(Digest("0" * 64, 1)) is None


def test_a_download_goes_on_where_it_stopped(tmp_path: Path) -> None:
    cache, data = Cache(tmp_path, 1000), b"0123456789"
    digest = digest_of(data)
    first = cache.writer(digest)
    first.write(data[:4])
    first.close()
    second = cache.writer(digest)
    assert second.offset == 4
    second.write(data[4:])
    assert second.commit().read_bytes() == data


def test_damaged_bytes_never_get_the_name(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    digest = digest_of(b"right")
    writer = cache.writer(digest)
    writer.write(b"wrong")
    with pytest.raises(BadInput) as caught:
        writer.commit()
    assert caught.value.code is Code.DIGEST_MISMATCH
    assert list(tmp_path.iterdir()) == []


def test_the_least_recently_used_goes_first_and_the_jobs_own_never(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 30)
    old, mid, new = (fill(cache, bytes([65 + k]) * 10) for k in range(3))
    for age, digest in enumerate((new, mid, old)):
        os.utime(cache.path(digest), (1000 - age, 1000 - age))
    with cache.holding([old]):
        cache.make_room(missing(10))
    assert [cache.path(one).exists() for one in (old, mid, new)] == [True, False, True]
    with cache.holding([old]), cache.holding([old, mid]):
        cache.make_room(missing(20))
    assert [cache.path(one).exists() for one in (old, mid, new)] == [True, False, False]


@pytest.mark.parametrize("size", [31, 21, 1 << 60])
def test_what_does_not_fit_beside_the_jobs_own_is_refused(tmp_path: Path, size: int) -> None:
    cache = Cache(tmp_path, 30)
    used = fill(cache, b"u" * 10)
    with cache.holding([used]), pytest.raises(Refused, match="cache of 30 bytes") as caught:
        cache.make_room(missing(size))
    assert caught.value.code is Code.CACHE_LIMIT
    assert cache.path(used).exists()


def test_what_has_come_of_a_blob_is_not_counted_twice(tmp_path: Path) -> None:
    cache, data = Cache(tmp_path, 10), b"0123456789"
    writer = cache.writer(digest_of(data))
    writer.write(data[:9])
    writer.close()
    with cache.holding([digest_of(data)]):
        cache.make_room(digest_of(data))
    assert cache.writer(digest_of(data)).offset == 9


def test_more_bytes_than_were_announced_are_not_kept(tmp_path: Path) -> None:
    writer = Cache(tmp_path, 1000).writer(digest_of(b"12345"))
    writer.write(b"123")
    with pytest.raises(BadInput, match="More bytes came") as caught:
        writer.write(b"45 and so on without end")
    assert caught.value.code is Code.DIGEST_MISMATCH
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_blob_that_would_fill_the_disk_is_not_begun(tmp_path: Path) -> None:
    free_bytes = shutil.disk_usage(tmp_path).free
    cache = Cache(tmp_path, 1 << 60, reserve_bytes=free_bytes // 2)
    with pytest.raises(Refused, match="does not fit on the disk") as caught:
        cache.writer(missing(free_bytes * 3 // 4))
    assert caught.value.code is Code.DISK_FULL
    assert list(tmp_path.iterdir()) == []


def artifact(cache: Cache, entry: bytes, weights: bytes, used: float) -> tuple[Digest, ...]:
    """A manifest and its two files in the cache, all last used then."""
    parts = (digest_of(entry), digest_of(weights))
    data = encoded(manifest_of("onnx", parts[0], {"w": parts[1]}))
    made = tuple(fill(cache, one) for one in (data, entry, weights))
    for one in made:
        os.utime(cache.path(one), (used, used))
    return made


def here(cache: Cache, digests: tuple[Digest, ...]) -> list[bool]:
    return [cache.path(one).exists() for one in digests]


def test_an_artifact_of_several_files_is_held_and_goes_as_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    older = artifact(cache, b"graph 1", b"weights 1", 1000)
    newer = artifact(cache, b"graph 2", b"weights 2", 2000)
    os.utime(cache.path(newer[2]), (1, 1))  # when a file of it was used does not count
    with cache.holding(older[:1]):
        cache.make_room(missing(1000 - sum(one.size_bytes for one in older)))
        assert (here(cache, older), here(cache, newer)) == ([True] * 3, [False] * 3)
    cache.clear()
    assert here(cache, older) == [False] * 3


def test_a_file_that_another_artifact_needs_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    older = artifact(cache, b"graph 1", b"shared", 1000)
    newer = artifact(cache, b"graph 2", b"shared", 2000)
    with cache.holding(newer[:1]):
        cache.clear()
    assert here(cache, older) == [False, False, True]
    assert here(cache, newer) == [True] * 3
    cache.clear()
    assert list(tmp_path.iterdir()) == []


def test_a_download_of_a_held_artifact_that_has_begun_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000)
    made = artifact(cache, b"graph", b"weights", 1000)
    cache.path(made[2]).rename(cache.path(made[2]).with_suffix(".partial"))
    with cache.holding(made[:1]):
        cache.clear()
        assert len(list(tmp_path.iterdir())) == 3
    cache.clear()
    assert list(tmp_path.iterdir()) == []
