"""The Blobs service: unpack, call, pack. Files are touched on threads only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from bitgauge.benchmarks.errors import BadInput, Code
from bitgauge.benchmarks.model import Digest
from bitgauge.benchmarks.wire import from_wire, to_wire
from bitgauge.protos.v1 import blobs_pb2, blobs_pb2_grpc

from ..blob_store import BlobStore
from ..core import Coordinator


class BlobsService(blobs_pb2_grpc.BlobsServicer):
    """Content-addressed transfer."""

    def __init__(self, coordinator: Coordinator, blobs: BlobStore) -> None:
        self._coordinator = coordinator
        self._blobs = blobs

    async def FindMissing(  # noqa: N802, D102
        self, request: blobs_pb2.FindMissingRequest, context: Any
    ) -> blobs_pb2.FindMissingResponse:
        digests = tuple(from_wire(Digest, digest) for digest in request.digests)
        missing = await self._coordinator.missing_blobs(digests)
        return blobs_pb2.FindMissingResponse(missing=map(to_wire, missing))

    async def Write(  # noqa: N802, D102
        self, request_iterator: AsyncIterator[blobs_pb2.WriteRequest], context: Any
    ) -> blobs_pb2.WriteResponse:
        digest: Digest | None = None
        committed_bytes = 0
        async for request in request_iterator:
            if request.HasField("digest"):
                digest = from_wire(Digest, request.digest)
            if digest is None:
                raise BadInput(Code.BAD_ARGUMENT, "The first message of a blob names no digest.")
            committed = await asyncio.to_thread(self._blobs.committed, digest)
            if committed.complete:  # somebody else was faster
                await self._coordinator.record_blob(digest)
                return blobs_pb2.WriteResponse(committed_size_bytes=digest.size_bytes)
            committed_bytes = committed.size_bytes
            if request.data:
                committed_bytes = await asyncio.to_thread(
                    self._blobs.append, digest, request.offset, request.data
                )
            if request.finish:
                await asyncio.to_thread(self._blobs.finish, digest)
                await self._coordinator.record_blob(digest)
                return blobs_pb2.WriteResponse(committed_size_bytes=digest.size_bytes)
        return blobs_pb2.WriteResponse(committed_size_bytes=committed_bytes)

    async def QueryWrite(  # noqa: N802, D102
        self, request: blobs_pb2.QueryWriteRequest, context: Any
    ) -> blobs_pb2.QueryWriteResponse:
        digest = from_wire(Digest, request.digest)
        committed = await asyncio.to_thread(self._blobs.committed, digest)
        if committed.complete:  # a crash may have come between the rename and the record
            await self._coordinator.record_blob(digest)
        return blobs_pb2.QueryWriteResponse(
            committed_size_bytes=committed.size_bytes, complete=committed.complete
        )

    async def Read(  # noqa: N802, D102
        self, request: blobs_pb2.ReadRequest, context: Any
    ) -> AsyncIterator[blobs_pb2.ReadResponse]:
        digest = from_wire(Digest, request.digest)
        if request.limit < 0:
            raise BadInput(Code.BAD_ARGUMENT, "The limit of a read is below 0.")
        chunks = await asyncio.to_thread(
            self._blobs.read, digest, request.offset, request.limit or None
        )
        while data := await asyncio.to_thread(next, chunks, b""):
            yield blobs_pb2.ReadResponse(data=data)
