"""Artifacts and evaluation sets on the device: named by digest, capped in size, least used out.

A file enters under its name only when every byte of it is there, hashed and on the disk. It is
hashed again before each use, because disks and people change files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bitgauge.benchmarks.common.digests import Hasher, digest_of
from bitgauge.benchmarks.common.files import on_disk, open_own, sync
from bitgauge.benchmarks.common.manifest import MAX_MANIFEST_BYTES, manifest_in
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest

_PARTIAL = ".partial"


class Cache:
    """A folder of blobs. Calls block on the disk: the agent makes them from a thread.

    Args:
        folder: made when it is not there.
        limit_bytes: the size that all blobs together keep to, whole and half.
        reserve_bytes: no blob is begun that would leave less on the disk.
    """

    def __init__(self, folder: Path, limit_bytes: int, reserve_bytes: int = 0) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._limit_bytes = limit_bytes
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or will be."""
        return self._folder / digest.sha256

    def verified(self, digest: Digest) -> Path | None:
        """The blob's file when it is there and its bytes are right; a damaged one is dropped.

        Using a blob makes it the most recently used one.
        """
        path = self.path(digest)
        try:
            if path.stat().st_size == digest.size_bytes and digest_of(path) == digest:
                os.utime(path)
                return path
        except FileNotFoundError:
            return None
        except OSError:  # what cannot be read is damaged, too
            pass
        with _on_disk(path):
            path.unlink(missing_ok=True)
        return None

    def writer(self, digest: Digest) -> BlobWriter:
        """Receives a blob, going on where an earlier attempt stopped.

        Raises:
            Refused: `DISK_FULL` or `STORE_IO`.
        """
        with _on_disk(self.path(digest)):
            free_bytes = shutil.disk_usage(self._folder).free
            wanted_bytes = digest.size_bytes - self._come(digest)
            if free_bytes < wanted_bytes + self._reserve_bytes:
                raise Refused(
                    Code.DISK_FULL,
                    f"Blob {digest} does not fit on the disk of {self._folder} on the device, which"
                    f" has {free_bytes} bytes free.",
                )
            return BlobWriter(self.path(digest), digest)

    @contextlib.contextmanager
    def holding(self, digests: Iterable[Digest]) -> Iterator[None]:
        """Blobs that somebody uses; inside they stay, and leave that much less for others.

        So do the files that a manifest among them lists.
        """
        names = [digest.sha256 for digest in digests]
        with self._lock:
            self._held.update(names)
        try:
            yield
        finally:
            with self._lock:
                self._held.subtract(names)
                self._held = +self._held

    def make_room(self, digest: Digest) -> None:
        """Removes least recently used blobs until what is missing of a blob fits into the limit.

        Raises:
            Refused: `CACHE_LIMIT`, what is in use leaves no room for it, or it is larger than the
                limit. Nothing of it is taken then, whatever the coordinator would send.
        """
        wanted_bytes = digest.size_bytes - self._come(digest)
        excess_bytes = digest.size_bytes - self._limit_bytes
        if excess_bytes <= 0:
            excess_bytes = self._remove(wanted_bytes - self._limit_bytes)
        if excess_bytes > 0:
            raise Refused(
                Code.CACHE_LIMIT,
                f"Blob {digest} does not fit into the device's cache of {self._limit_bytes} bytes"
                f" beside what its job uses: {excess_bytes} are too many.",
            )

    def _come(self, digest: Digest) -> int:
        """How much of a blob has come."""
        with _on_disk(self._folder), contextlib.suppress(FileNotFoundError):
            return self.path(digest).with_name(digest.sha256 + _PARTIAL).lstat().st_size
        return 0

    def clear(self) -> None:
        """Removes every blob that nobody holds, when the disk itself is full."""
        self._remove(1 << 62)

    def _remove(self, above_bytes: int) -> int:
        """Removes least recently used blobs until what is here and `above_bytes` are below 0.

        Returns:
            What is then still above, because somebody holds it.
        """
        with self._lock:
            kept = set(self._held)
        with _on_disk(self._folder):
            used, sizes, parts = self._contents()
            kept |= {part for name in kept for part in parts.get(name, ())}
            needed = Counter(part for names in parts.values() for part in names)
            excess = sum(sizes.values()) + above_bytes
            for name in sorted(used.keys() - needed.keys(), key=lambda name: (used[name], name)):
                if excess <= 0:
                    break
                if name in kept:
                    continue
                needed.subtract(parts.get(name, ()))
                for gone in {name, *(one for one in parts.get(name, ()) if not needed[one])} - kept:
                    for path in (self._folder / gone, self._folder / f"{gone}{_PARTIAL}"):
                        excess -= sizes.pop(path, 0)
                        path.unlink(missing_ok=True)
        return excess

    def _contents(self) -> tuple[dict[str, float], dict[Path, int], dict[str, set[str]]]:
        """What is here: last use by blob, size by file, and the blobs of each manifest.

        The files of a manifest go with it, and not before: one of them alone is of no use.
        """
        used: dict[str, float] = {}
        sizes: dict[Path, int] = {}
        parts: dict[str, set[str]] = {}
        for path in self._folder.iterdir():
            found, name = path.stat(), path.name.removesuffix(_PARTIAL)
            used[name] = max(used.get(name, 0.0), found.st_mtime)
            sizes[path] = found.st_size
            if name == path.name and found.st_size <= MAX_MANIFEST_BYTES:
                with contextlib.suppress(BadInput):
                    manifest = manifest_in(path)
                    parts[name] = {one.sha256 for one in manifest.files} if manifest else set()
        return used, sizes, {name: files for name, files in parts.items() if files}


class BlobWriter:
    """Writes one blob to a partial file and hashes it on the way; see `Cache.writer`."""

    def __init__(self, path: Path, digest: Digest) -> None:
        self._path = path
        self._partial = path.with_name(path.name + _PARTIAL)
        self._digest = digest
        self._descriptor = open_own(self._partial, os.O_APPEND)
        if self._partial.stat().st_size > digest.size_bytes:
            os.ftruncate(self._descriptor, 0)
        self._hash = Hasher.of(self._partial)

    @property
    def offset(self) -> int:
        """The first byte that is not here yet."""
        return self._hash.size_bytes

    def write(self, data: bytes) -> None:
        """Appends the next bytes.

        Raises:
            BadInput: more came than the blob has; none of it is kept.
            Refused: `DISK_FULL` or `STORE_IO`; what was written is looked at anew next time.
        """
        if self.offset + len(data) > self._digest.size_bytes:
            self._partial.unlink(missing_ok=True)
            raise BadInput(
                Code.DIGEST_MISMATCH, f"More bytes came than the size of blob {self._digest}."
            )
        rest = memoryview(data)
        with _on_disk(self._partial):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        self._hash.update(data)

    def commit(self) -> Path:
        """Puts the complete blob under its name, durably.

        Raises:
            BadInput: the bytes are not those of the digest; the partial file is gone.
            Refused: `DISK_FULL` or `STORE_IO`; the partial file is gone, because a disk that
                failed to keep it may say so only once.
        """
        try:
            with _on_disk(self._partial):
                os.fsync(self._descriptor)
        except Refused:
            self._partial.unlink(missing_ok=True)
            raise
        finally:
            self.close()
        if self._hash.digest != self._digest:
            self._partial.unlink(missing_ok=True)
            raise BadInput(Code.DIGEST_MISMATCH, f"Blob {self._digest} arrived damaged.")
        with _on_disk(self._path):
            os.replace(self._partial, self._path)
            sync(self._path.parent)
        return self._path

    def close(self) -> None:
        """Keeps what has arrived, so that a later attempt goes on from there."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _on_disk(path: Path) -> contextlib.AbstractContextManager[None]:
    return on_disk(f"{path} on the device", Refused)
