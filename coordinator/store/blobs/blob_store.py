"""Content-addressed files on disk: resumable uploads in, verified bytes out.

A blob is hashed while it streams in, synced, renamed to the name that its digest gives it, and
its folder synced; only then does the caller record it. The committed offset of an unfinished
upload is the length of its partial file, so it survives a restart; should a power cut have
spoiled that file, the digest says so at the end and the upload begins again.

Synchronous and thread-safe; to be called from threads, never from an event loop.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bitgauge.benchmarks.common.digests import Hasher
from bitgauge.benchmarks.common.files import on_disk, open_own, sync
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .files import blob_file, listed, named

MAX_BLOB_BYTES = 16 << 30
MAX_PIECE_BYTES = 256 << 10
"""Of a blob that is read: as much as who reads it may leave unread."""
RESERVE_BYTES = 64 << 20
"""Uploads are refused when they would leave less than this, so that the database can go on."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Committed:
    """How much of a blob is here."""

    size_bytes: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Partial:
    """An upload that is not finished, with its bytes so far and when the last one came."""

    digest: Digest
    size_bytes: int
    changed_unix_ns: int


@dataclass(slots=True)
class _Upload:
    """One digest's upload in this process; `hasher` is None until the partial file is read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    hasher: Hasher | None = None

    def read(self, path: Path) -> Hasher:
        """The hash of the bytes so far; of a file that an earlier life of ours began, too."""
        if self.hasher is None:
            self.hasher = Hasher.of(path) if path.exists() else Hasher()
        return self.hasher

    def discard(self, path: Path) -> None:
        """Forget the bytes that came; they were wrong."""
        path.unlink(missing_ok=True)
        self.hasher = None


class BlobStore:
    """The blobs of one coordinator, in one folder."""

    def __init__(
        self,
        root: Path,
        max_blob_bytes: int = MAX_BLOB_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        """Keep blobs under `root`, which is made when missing.

        Args:
            root: the folder; nothing else may write there.
            max_blob_bytes: larger blobs are refused.
            reserve_bytes: free disk space that uploads may not use.

        Raises:
            Unavailable: `STORE_IO` or `DISK_FULL` when the folder can not be made.
        """
        self.root = root
        self._partial = root / "partial"
        self._trash = root / "trash"
        self._max_blob_bytes = max_blob_bytes
        self._reserve_bytes = reserve_bytes
        self._uploads: dict[Digest, _Upload] = {}
        self._guard = threading.Lock()
        with self._writing():
            self._partial.mkdir(parents=True, exist_ok=True)
            self._trash.mkdir(exist_ok=True)

    # -- in -------------------------------------------------------------------------------
    def committed(self, digest: Digest) -> Committed:
        """How many bytes of a blob are here, and whether it is complete."""
        with self._writing():
            if self.contains(digest):
                return Committed(digest.size_bytes, complete=True)
            return Committed(_size(self._partial_path(digest)), complete=False)

    def append(self, digest: Digest, offset: int, data: bytes) -> int:
        """Add the next bytes of a blob; the number of bytes that are here now.

        Raises:
            BadInput: `BLOB_OFFSET` when `offset` is not where the upload stands, `BLOB_TOO_LARGE`,
                or `DIGEST_MISMATCH` when the bytes go beyond the size that was announced.
            Unavailable: `DISK_FULL`, `STORE_IO`; what was committed before stays.
        """
        self._require_room(digest)
        with self._upload(digest) as upload:
            if self.contains(digest):
                return digest.size_bytes
            path = self._partial_path(digest)
            size_bytes = _size(path)
            if offset != size_bytes:
                raise BadInput(
                    Code.BLOB_OFFSET,
                    f"Blob {digest} continues at byte {size_bytes}, not at {offset}.",
                )
            if size_bytes + len(data) > digest.size_bytes:
                upload.discard(path)
                raise BadInput(
                    Code.DIGEST_MISMATCH, f"More bytes came than the size of blob {digest}."
                )
            hasher = upload.read(path)
            self._write(path, size_bytes, data)
            hasher.update(data)
            return size_bytes + len(data)

    def require_intake(self) -> None:
        """Refuse new work while the disk has less free than what uploads must leave.

        Raises:
            Unavailable: `DISK_FULL`, `STORE_IO`.
        """
        if self.free_bytes() < 0:
            raise Unavailable(
                Code.DISK_FULL,
                f"The disk of {self.root} has less than {self._reserve_bytes} bytes free.",
            )

    def finish(self, digest: Digest) -> None:
        """Verify a blob that has arrived and make it durable; finishing twice is harmless.

        Raises:
            BadInput: `BLOB_OFFSET` when bytes are missing; `DIGEST_MISMATCH` when they are not
                what was announced, after which the upload begins again.
            Unavailable: `DISK_FULL`, `STORE_IO`.
        """
        self._require_room(digest)
        with self._upload(digest) as upload:
            if self.contains(digest):
                return
            path = self._partial_path(digest)
            size_bytes = _size(path)
            if size_bytes != digest.size_bytes:
                raise BadInput(
                    Code.BLOB_OFFSET,
                    f"Blob {digest} ends after {size_bytes} of {digest.size_bytes} bytes.",
                )
            if upload.read(path).digest != digest:
                upload.discard(path)
                raise BadInput(
                    Code.DIGEST_MISMATCH, f"The bytes that came are not those of blob {digest}."
                )
            try:
                self._publish(path, digest)
            except OSError:
                # A disk that failed to sync may say so only once: nothing of it is trusted.
                upload.discard(path)
                raise
        with self._guard:
            self._uploads.pop(digest, None)

    # -- out ------------------------------------------------------------------------------
    def contains(self, digest: Digest) -> bool:
        """Whether the blob is here, complete."""
        path = self.path(digest)
        return path.is_file() and path.stat().st_size == digest.size_bytes

    def path(self, digest: Digest) -> Path:
        """Where the blob is, or would be; to be read only."""
        _require_name(digest)
        return blob_file(self.root, digest)

    def read(self, digest: Digest, offset: int = 0, limit: int | None = None) -> Iterator[bytes]:
        """The bytes of a blob in pieces of at most `MAX_PIECE_BYTES`.

        Args:
            digest: which blob.
            offset: first byte.
            limit: how many bytes at most; None or 0 for all that follow.

        Raises:
            NotFound: `BLOB_MISSING`.
            BadInput: `BLOB_OFFSET` when `offset` lies beyond the end.
        """
        if not self.contains(digest):
            raise NotFound(Code.BLOB_MISSING, f"Blob {digest} is not here.")
        if not 0 <= offset <= digest.size_bytes:
            raise BadInput(
                Code.BLOB_OFFSET, f"Blob {digest} has no byte {offset}, the one to begin at."
            )
        left = digest.size_bytes - offset
        return self._chunks(self.path(digest), offset, min(limit or left, left))

    def _chunks(self, path: Path, offset: int, left: int) -> Iterator[bytes]:
        with self._writing(), path.open("rb") as file:
            file.seek(offset)
            while left > 0 and (data := file.read(min(MAX_PIECE_BYTES, left))):
                left -= len(data)
                yield data

    # -- away -----------------------------------------------------------------------------
    def partials(self) -> tuple[Partial, ...]:
        """Uploads that were begun and not finished."""
        found = []
        with self._writing():
            for path in self._partial.iterdir():
                digest = named(path)
                with contextlib.suppress(FileNotFoundError):
                    facts = path.stat()
                    if digest is not None:
                        found.append(Partial(digest, facts.st_size, facts.st_mtime_ns))
        return tuple(found)

    def drop_partial(self, partial: Partial) -> None:
        """Forget an upload, unless it has gone on since it was listed."""
        with self._upload(partial.digest) as upload:
            path = self._partial_path(partial.digest)
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime_ns == partial.changed_unix_ns:
                    upload.discard(path)
                    with self._guard:
                        self._uploads.pop(partial.digest, None)

    def stored(self) -> dict[Digest, int]:
        """Every complete blob, and when its file appeared in UTC nanoseconds."""
        found = {}
        with self._writing():
            for digest in listed(self.root):
                with contextlib.suppress(FileNotFoundError):
                    found[digest] = self.path(digest).stat().st_mtime_ns
        return found

    def set_aside(self, digest: Digest) -> None:
        """Take a blob out of the store at once; `empty_trash` frees its space later."""
        with self._writing(), contextlib.suppress(FileNotFoundError):
            self.path(digest).replace(self._trash / digest.sha256)

    def empty_trash(self) -> None:
        """Free the space of what was set aside."""
        with self._writing():
            for path in self._trash.iterdir():
                path.unlink(missing_ok=True)

    # -- parts ----------------------------------------------------------------------------
    def _partial_path(self, digest: Digest) -> Path:
        return self._partial / f"{digest.sha256}.{digest.size_bytes}"

    def require_name(self, digest: Digest) -> None:
        """Refuse a digest that is none, or of more bytes than a blob may have.

        Raises:
            BadInput: `BAD_ARGUMENT` or `BLOB_TOO_LARGE`.
        """
        _require_name(digest)
        if digest.size_bytes > self._max_blob_bytes:
            raise BadInput(
                Code.BLOB_TOO_LARGE,
                f"Blob {digest} is larger than the limit of {self._max_blob_bytes} bytes.",
            )

    def _require_room(self, digest: Digest) -> None:
        self.require_name(digest)
        missing_bytes = digest.size_bytes - _size(self._partial_path(digest))
        if not self.contains(digest) and self.free_bytes() < missing_bytes:
            raise Unavailable(
                Code.DISK_FULL,
                f"Blob {digest} would leave less than {self._reserve_bytes} bytes on the disk of"
                f" {self.root}.",
            )

    def free_bytes(self) -> int:
        """What uploads may still use of the disk; below 0 when what must stay free is used."""
        with self._writing():
            return shutil.disk_usage(self._partial).free - self._reserve_bytes

    @contextlib.contextmanager
    def _upload(self, digest: Digest) -> Iterator[_Upload]:
        """The upload of a digest, by one thread at a time."""
        with self._guard:
            upload = self._uploads.setdefault(digest, _Upload())
        with upload.lock, self._writing():
            yield upload

    def _write(self, path: Path, size_bytes: int, data: bytes) -> None:
        """Add `data`, or leave the file as it was."""
        with os.fdopen(open_own(path, os.O_APPEND), "ab") as file:
            try:
                file.write(data)
                file.flush()
            except OSError:
                os.ftruncate(file.fileno(), size_bytes)
                raise

    def _publish(self, path: Path, digest: Digest) -> None:
        """Make the bytes durable before the name, and the name before anybody is told."""
        final = self.path(digest)
        if not final.parent.is_dir():
            final.parent.mkdir(exist_ok=True)
            sync(self.root)
        os.close(open_own(path, os.O_APPEND))  # an empty blob has no file yet
        os.utime(path)  # another one is new from now on
        sync(path)
        path.replace(final)
        try:
            sync(final.parent)
        except OSError:
            final.unlink(missing_ok=True)
            raise

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        """Turn what the disk answers into one sentence."""
        return on_disk(f"The blob folder {self.root}")


def _require_name(digest: Digest) -> None:
    """Refuse a digest that is none; its text becomes a file name."""
    if not _SHA256.fullmatch(digest.sha256) or digest.size_bytes < 0:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{digest.sha256[:80]!r} with {digest.size_bytes} bytes is no digest: it takes 64"
            " lower-case hexadecimal digits and a size.",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
