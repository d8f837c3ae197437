"""A node's own copies of blobs: read through to the coordinator, verified, capped in size."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.common.digests import Hasher, digest_of
from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest

# A task may still be reading what it has just asked for.
SPARE_S = 600.0
REPLICA_VARIABLE = "BITGAUGE_REPLICA"
"""Where the node of an embedded Ray keeps its copies of blobs."""


def replica_folder() -> Path:
    """Where this node keeps its copies of blobs."""
    own = os.environ.get(REPLICA_VARIABLE)
    return Path(own or Path(tempfile.gettempdir()) / f"bitgauge-replica-{os.getuid()}")


class BlobSource(Protocol):
    """Where blobs come from."""

    def read(self, digest: Digest) -> Iterator[bytes]:
        """The bytes of a blob in chunks."""


class Replica:
    """Blobs as files of one folder, named by their SHA-256.

    Several processes may share the folder: a file appears by renaming, whole or not at all.
    """

    def __init__(self, folder: Path, source: BlobSource, capacity_bytes: int) -> None:
        """Use `folder`, made when absent (mode 0700), for nothing but copies.

        The oldest go when all together exceed the capacity.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise BadInput(Code.BAD_ARGUMENT, f"{folder} belongs to another user.")
        self._folder = folder
        self._source = source
        self._capacity_bytes = capacity_bytes

    def path(self, digest: Digest) -> Path:
        """A file with exactly the bytes of `digest`, checked now.

        Raises:
            BitgaugeError: the source lacks it, or sent other bytes (`DIGEST_MISMATCH`).
        """
        path = self._folder / digest.sha256
        if path.exists() and digest_of(path) == digest:
            os.utime(path)
            return path
        self._fetch(digest, path)
        self._make_room(path)
        return path

    def _fetch(self, digest: Digest, path: Path) -> None:
        hasher = Hasher()
        with whole_file(path, 0o600) as file:
            for chunk in self._source.read(digest):
                file.write(chunk)
                hasher.update(chunk)
            if hasher.digest != digest:
                raise BadInput(Code.DIGEST_MISMATCH, f"Blob {digest} arrived with other bytes.")

    def _make_room(self, newest: Path) -> None:
        copies = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                copies.append((facts.st_mtime, facts.st_size, path))
        total_bytes = sum(size for _, size, _ in copies)
        for used, size, path in sorted(copies):
            if total_bytes <= self._capacity_bytes or time.time() - used < SPARE_S:
                return
            if path != newest:
                path.unlink(missing_ok=True)
                total_bytes -= size
