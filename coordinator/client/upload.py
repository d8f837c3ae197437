"""Bring local files to the coordinator: send only what it lacks, resume after a break."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from bitgauge.benchmarks.common.again import Again
from bitgauge.benchmarks.common.digests import Hasher
from bitgauge.benchmarks.common.files import plain_file
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest

# Message overhead stays under gRPC's 4 MiB, and a chunk under the contract's 1 MiB.
CHUNK_BYTES = 1 << 20
ATTEMPTS = 5
CORRUPT_TRIES = 2
PAUSE_S = 0.2


class Blobs(Protocol):
    """What uploading needs of a client."""

    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        """Those of `digests` that the coordinator lacks."""

    def committed(self, digest: Digest) -> int | None:
        """Where to go on with a blob, in bytes; None when the coordinator has it complete."""

    def write(self, digest: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        """Send a blob from `offset` on; the bytes that are then there."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine and its content address.

    Attributes:
        path: where it is.
        digest: what it is called.
        content: its bytes, when it is made of the file at `path` and lies nowhere.
    """

    path: Path
    digest: Digest
    content: bytes | None = None

    def open(self) -> BinaryIO:
        """Its bytes, to read.

        Raises:
            OSError: it cannot be opened.
        """
        return self.path.open("rb") if self.content is None else BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload did, in files and bytes; the rest was already there."""

    files: int
    sent_files: int
    total_bytes: int
    sent_bytes: int


def local_file(path: Path) -> LocalFile:
    """Read a file once to name it by its content.

    Raises:
        BadInput: `FILE_UNREADABLE`.
    """
    try:
        with plain_file(path) as file:  # a pipe would never end, nor be there a second time
            return LocalFile(path, Hasher.of_open(file).digest)
    except OSError as error:
        raise _unreadable(path, error) from error


def upload(
    client: Blobs, files: Sequence[LocalFile], told: Callable[[int, int], None] | None = None
) -> Uploaded:
    """Send those of `files` that the coordinator lacks; equal files are sent once.

    Args:
        client: where to.
        files: what shall be there.
        told: is told now and then how many bytes went, and of how many that were missing.

    Raises:
        BitgaugeError: a file changed or vanished meanwhile, or the coordinator refused it or
            stayed away.
    """
    unique = {file.digest: file for file in files}
    patience = Again(2 * PAUSE_S, attempts=ATTEMPTS)
    missing = patience.call_blocking(lambda: client.find_missing(tuple(unique)))
    missing_bytes = sum(digest.size_bytes for digest in missing)
    counted = 0

    def count(size_bytes: int) -> None:
        nonlocal counted
        counted += size_bytes
        if told is not None:
            told(counted, missing_bytes)

    for digest in missing:
        _send(client, unique[digest], count)
    return Uploaded(
        files=len(unique),
        sent_files=len(missing),
        total_bytes=sum(digest.size_bytes for digest in unique),
        sent_bytes=counted,
    )


def _send(client: Blobs, file: LocalFile, sent: Callable[[int], None]) -> None:
    """Send one file, going on at the committed offset after each break.

    Bytes that were damaged on the way are sent once more. A break after which the file has come
    further costs no attempt.
    """
    damaged = attempt = furthest = 0
    while True:
        attempt += 1
        source = _Source(file, sent)
        try:
            offset = client.committed(file.digest)
            if offset is None:
                return
            if offset > furthest:
                attempt, furthest = 1, offset
            if client.write(file.digest, offset, source.chunks(offset)) == file.digest.size_bytes:
                return
            raise Unavailable(Code.BLOB_OFFSET, f"{file.path} arrived in part only.")
        except BitgaugeError as error:
            if source.broken is not None:
                raise source.broken from error
            # Another writer of the same blob moves the offset; asking again settles it.
            lost = isinstance(error, Unavailable) or error.code is Code.BLOB_OFFSET
            if error.code is Code.DIGEST_MISMATCH:
                damaged += 1
                _require_unchanged(file)
                lost = damaged < CORRUPT_TRIES
            if not lost or attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_S * 2**attempt)


class _Source:
    """Chunks of a file.

    An error while reading is kept in `broken`, because gRPC consumes the chunks on a thread of
    its own, where raising would only print a traceback.
    """

    def __init__(self, file: LocalFile, sent: Callable[[int], None]) -> None:
        self.broken: BadInput | None = None
        self._file = file
        self._sent = sent

    def chunks(self, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` to the size that the digest names."""
        left = self._file.digest.size_bytes - offset
        try:
            with self._file.open() as source:
                source.seek(offset)
                while left > 0 and (chunk := source.read(min(CHUNK_BYTES, left))):
                    left -= len(chunk)
                    yield chunk
                    self._sent(len(chunk))
        except OSError as error:
            self.broken = _unreadable(self._file.path, error)


def _require_unchanged(file: LocalFile) -> None:
    """Refuse to send again what changed here and not on the way."""
    if file.content is None and local_file(file.path).digest != file.digest:
        raise BadInput(
            Code.DIGEST_MISMATCH, f"{file.path} changed while it was sent; leave it as it is."
        )


def _unreadable(path: Path, error: OSError) -> BadInput:
    why = error.strerror or type(error).__name__
    return BadInput(Code.FILE_UNREADABLE, f"{path} cannot be read: {why}.")
