"""A node's own copies of blobs: read through to the coordinator, verified, capped in size."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.common.digests import Hasher, digest_of
from bitgauge.benchmarks.common.files import on_disk, remove_tree, whole_file
from bitgauge.benchmarks.common.home import private_folder
from bitgauge.benchmarks.common.manifest import (
    MAX_MANIFEST_BYTES,
    ArtifactFiles,
    Manifest,
    laid_out,
    manifest_in,
    manifest_of,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest

# A task may still be reading what it has just asked for.
SPARE_S = 600.0
REPLICA_VARIABLE = "BITGAUGE_REPLICA"
"""Where the node of an embedded Ray keeps its copies of blobs."""

RESERVE_BYTES = 64 << 20
"""A copy is not begun when it would leave less than this on the node's disk."""

_FILES = ".files"
_ANY_KIND = "any"


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
        private_folder(folder)
        self._folder = folder
        self._source = source
        self._capacity_bytes = capacity_bytes

    def path(self, digest: Digest) -> Path:
        """A file with exactly the bytes of `digest`, checked now.

        Raises:
            BitgaugeError: the source lacks it, or sent other bytes (`DIGEST_MISMATCH`).
        """
        path = self._folder / digest.sha256
        if path.is_file() and not path.is_symlink() and digest_of(path) == digest:
            os.utime(path)
            return path
        self._fetch(digest, path)
        self._make_room(path)
        return path

    def artifact(self, digest: Digest) -> Path:
        """The file to load of an artifact, alone in a folder with the files that belong to it.

        A model file may name others beside it; among the blobs those would be other people's. The
        files have one link each: onnx refuses to read weights from one with several.

        Raises:
            BitgaugeError: as `path`; BAD_MODEL for a manifest that is not sound.
        """
        manifest = self._manifest(digest)
        folder = self._folder / f"{digest.sha256}{_FILES}"
        found = ArtifactFiles(
            manifest.entry, {file.name: folder / file.name for file in manifest.files}
        )
        if os.path.lexists(folder):
            if _is_folder(folder) and _is_sound(manifest, found):
                os.utime(folder)
                return found.path
            remove_tree(folder)
        aside = Path(tempfile.mkdtemp(prefix=".", dir=self._folder))
        try:
            laid_out(manifest, aside, self._fetch)
            with contextlib.suppress(OSError):  # another task was faster
                aside.rename(folder)
        finally:
            remove_tree(aside)
        self._make_room(folder)
        return found.path

    def _manifest(self, digest: Digest) -> Manifest:
        """What an artifact consists of; one file is an artifact, too."""
        if digest.size_bytes <= MAX_MANIFEST_BYTES:
            manifest = manifest_in(self.path(digest))
            if manifest is not None:
                return manifest
        return manifest_of(_ANY_KIND, digest, {})

    def _fetch(self, digest: Digest, path: Path) -> None:
        hasher = Hasher()
        with on_disk(f"The copies of blobs in {self._folder}"), whole_file(path, 0o600) as file:
            free_bytes = shutil.disk_usage(self._folder).free
            if free_bytes < digest.size_bytes + RESERVE_BYTES:
                raise Unavailable(
                    Code.DISK_FULL,
                    f"A copy of blob {digest} does not fit on the disk of {self._folder}, which has"
                    f" {free_bytes} bytes free.",
                )
            for chunk in self._source.read(digest):
                if hasher.size_bytes + len(chunk) > digest.size_bytes:
                    break
                file.write(chunk)
                hasher.update(chunk)
            if hasher.digest != digest:
                raise BadInput(Code.DIGEST_MISMATCH, f"Blob {digest} arrived with other bytes.")

    def _make_room(self, newest: Path) -> None:
        copies = []
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                copies.append((path.lstat().st_mtime, _size(path), path))
        total_bytes = sum(size for _, size, _ in copies)
        for used, size, path in sorted(copies):
            if total_bytes <= self._capacity_bytes or time.time() - used < SPARE_S:
                return
            if path != newest:
                remove_tree(path) if _is_folder(path) else path.unlink(missing_ok=True)
                total_bytes -= size


def _is_sound(manifest: Manifest, found: ArtifactFiles) -> bool:
    """Whether every file of an artifact is there, with the right bytes."""
    with contextlib.suppress(FileNotFoundError):
        return all(digest_of(found.files[one.name]) == one.digest for one in manifest.files)
    return False


def _size(path: Path) -> int:
    """Of a copy, or of an artifact's folder with all its files."""
    if not _is_folder(path):
        return path.lstat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*"))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
