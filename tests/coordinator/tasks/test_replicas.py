"""A node's copies of blobs: read once, checked always, capped."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.manifest import encoded, manifest_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, NotFound
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.tasks.replicas import SPARE_S, Replica


class Source:
    """Blobs in memory; counts how often each was read."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = {digest_of(blob): blob for blob in blobs}
        self.reads = 0

    def read(self, digest: Digest) -> Iterator[bytes]:
        self.reads += 1
        if digest not in self.blobs:
            raise NotFound(Code.BLOB_MISSING, "not here")
        blob = self.blobs[digest]
        yield from (blob[start : start + 3] for start in range(0, len(blob), 3))


def digest_of(blob: bytes) -> Digest:
    return Digest(hashlib.sha256(blob).hexdigest(), len(blob))


def test_a_blob_is_fetched_once(tmp_path: Path) -> None:
    source = Source(b"weights", b"")
    replica = Replica(tmp_path / "r", source, 1000)
    for digest, blob in list(source.blobs.items()) * 2:
        assert replica.path(digest).read_bytes() == blob
    assert source.reads == 2
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o700


def test_a_copy_that_the_disk_changed_is_fetched_again(tmp_path: Path) -> None:
    source = Source(b"weights")
    replica = Replica(tmp_path, source, 1000)
    (digest,) = source.blobs
    replica.path(digest).write_bytes(b"weighty")
    assert replica.path(digest).read_bytes() == b"weights"
    assert source.reads == 2


def test_other_bytes_than_asked_for_are_refused_and_not_kept(tmp_path: Path) -> None:
    source = Source()
    digest = digest_of(b"weights")
    source.blobs[digest] = b"poison!"
    with pytest.raises(BitgaugeError) as caught:
        Replica(tmp_path, source, 1000).path(digest)
    assert caught.value.code is Code.DIGEST_MISMATCH
    assert list(tmp_path.iterdir()) == []


def test_a_blob_that_the_source_lacks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BitgaugeError, match="not here"):
        Replica(tmp_path, Source(), 1000).path(digest_of(b"weights"))
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_copies_make_room_and_fresh_ones_stay(tmp_path: Path) -> None:
    blobs = [bytes([value]) * 10 for value in range(4)]
    source = Source(*blobs)
    replica = Replica(tmp_path, source, 25)
    paths = [replica.path(digest_of(blob)) for blob in blobs[:3]]
    assert all(path.exists() for path in paths), "what a task may be reading stays"
    for age, path in enumerate(reversed(paths), start=1):
        before = path.stat().st_mtime - SPARE_S - age
        os.utime(path, (before, before))
    newest = replica.path(digest_of(blobs[3]))
    assert [path.exists() for path in paths] == [False, False, True]
    assert newest.exists()


def manifest(*named: tuple[str, bytes]) -> tuple[bytes, Source, Digest]:
    """The manifest of an entry and named files, with all of them as blobs."""
    files = dict(named)
    entry = files.pop("entry")
    made = manifest_of("onnx", digest_of(entry), {at: digest_of(one) for at, one in files.items()})
    data = encoded(made)
    return data, Source(data, entry, *files.values()), digest_of(data)


def test_an_artifact_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    _, source, digest = manifest(("entry", b"graph"), ("w/a.bin", b"weights"))
    replica = Replica(tmp_path, source, 1000)
    for _ in range(2):
        path = replica.artifact(digest)
        assert path.read_bytes() == b"graph"
        assert sorted(one.name for one in path.parent.iterdir()) == ["artifact", "w"]
        assert (path.parent / "w/a.bin").read_bytes() == b"weights"
        assert (path.parent / "w/a.bin").stat().st_nlink == 1, "onnx refuses others"
    assert source.reads == 3
    (path.parent / "w/a.bin").write_bytes(b"weightz")
    assert (replica.artifact(digest).parent / "w/a.bin").read_bytes() == b"weights"


def test_a_single_file_has_no_blob_of_others_beside_it(tmp_path: Path) -> None:
    source = Source(b"model", b"secret")
    replica = Replica(tmp_path, source, 1000)
    replica.path(digest_of(b"secret"))
    path = replica.artifact(digest_of(b"model"))
    assert path.read_bytes() == b"model"
    assert list(path.parent.iterdir()) == [path]


def test_an_artifact_with_a_wrong_or_missing_file_is_refused_and_leaves_no_folder(
    tmp_path: Path,
) -> None:
    for bad in (b"poison!", None):
        _, source, digest = manifest(("entry", b"graph"), ("w", b"weights"))
        if bad is None:
            del source.blobs[digest_of(b"weights")]
        else:
            source.blobs[digest_of(b"weights")] = bad
        with pytest.raises(BitgaugeError) as caught:
            Replica(tmp_path, source, 1000).artifact(digest)
        assert caught.value.code in (Code.DIGEST_MISMATCH, Code.BLOB_MISSING)
        assert [one.name for one in tmp_path.iterdir()] == [digest.sha256]


def test_a_manifest_that_is_not_sound_is_one_sentence(tmp_path: Path) -> None:
    inner, _, _ = manifest(("entry", b"graph"))
    for data, said in (
        (inner.replace(b'"artifact"', b'"../artifa"'), "leaves the folder"),
        (manifest(("entry", inner))[0], "lists another manifest"),
    ):
        source = Source(data, inner, b"graph")
        with pytest.raises(BitgaugeError, match=said) as caught:
            Replica(tmp_path, source, 1000).artifact(digest_of(data))
        assert caught.value.code is Code.BAD_MODEL


def test_folders_make_room_too(tmp_path: Path) -> None:
    _, source, digest = manifest(("entry", b"graph"), ("w", b"weights" * 50))
    replica = Replica(tmp_path, source, 100)
    folder = replica.artifact(digest).parent
    before = folder.stat().st_mtime - SPARE_S - 1
    os.utime(folder, (before, before))
    source.blobs[digest_of(b"new")] = b"new"
    replica.path(digest_of(b"new"))
    assert not folder.exists()
