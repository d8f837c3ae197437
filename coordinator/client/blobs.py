"""The client's calls to Blobs: files by their content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
from bitgauge.benchmarks.common.digests import per_call, verified
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.protos.v1 import blobs_pb2 as pb

from .artifacts import local_artifact
from .connection import Connection
from .upload import upload

WRITE_TIMEOUT_S = 600.0


class BlobCalls(Connection):
    """What a client asks of Blobs."""

    def upload(self, *paths: Path) -> tuple[Digest, ...]:
        """Bring files to the coordinator and name each by its content; known ones are not sent.

        A model that keeps weights in other files brings them along.

        Raises:
            BitgaugeError: `FILE_UNREADABLE`, `EXTERNAL_DATA`; `DISK_FULL`, `BLOB_LIMIT`;
                `UNREACHABLE`.
        """
        artifacts = [local_artifact(path) for path in paths]
        upload(self, [file for one in artifacts for file in one.files])
        return tuple(one.digest for one in artifacts)

    def find_missing(self, digests: Sequence[Digest]) -> tuple[Digest, ...]:
        """Those of `digests` that the coordinator lacks."""
        asked = (pb.FindMissingRequest(digests=map(to_wire, some)) for some in per_call(digests))
        return tuple(found for request in asked for found in self._values(Digest, request))

    def committed(self, digest: Digest) -> int | None:
        """Where to go on with a blob, in bytes; None when the coordinator has it complete."""
        request = pb.QueryWriteRequest(digest=to_wire(digest))
        answer = self._call(request)
        return None if answer.complete else int(answer.committed_size_bytes)

    def write(self, digest: Digest, offset: int, chunks: Iterator[bytes]) -> int:
        """Send a blob from `offset` to its end.

        Returns:
            The committed size in bytes.
        """
        answer = self._call(
            _write_requests(digest, offset, chunks), WRITE_TIMEOUT_S, pb.WriteRequest
        )
        return int(answer.committed_size_bytes)

    def read(self, digest: Digest) -> Iterator[bytes]:
        """Receive a blob in chunks; the caller verifies the digest."""
        request = pb.ReadRequest(digest=to_wire(digest))
        try:
            for part in self._stream(request, WRITE_TIMEOUT_S):
                yield part.data
        except grpc.RpcError as error:
            raise self._translated(error) from error

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob, verified.

        Raises:
            BitgaugeError: `BLOB_MISSING`, `DIGEST_MISMATCH`.
        """
        return verified(b"".join(self.read(digest)), digest)


def _write_requests(
    digest: Digest, offset: int, chunks: Iterator[bytes]
) -> Iterator[pb.WriteRequest]:
    first = to_wire(digest)
    position = offset
    for chunk in chunks:
        position += len(chunk)
        yield pb.WriteRequest(
            digest=first,
            offset=position - len(chunk),
            data=chunk,
            finish=position >= digest.size_bytes,
        )
        first = None
    if first is not None or position < digest.size_bytes:
        yield pb.WriteRequest(digest=first, offset=position, finish=True)
