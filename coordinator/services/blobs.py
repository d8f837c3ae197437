"""The Blobs service: unpack, call, pack. Files are touched on threads only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakValueDictionary

from bitgauge.benchmarks.common.crash import crash_point
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.protos.v1 import blobs_pb2 as pb
from bitgauge.protos.v1 import blobs_pb2_grpc

from ..access.access import Caller, caller
from ..lab.blobs import files_of, recorded, wanted
from ..store.blobs.blob_store import BlobStore
from ..store.writer import Writer
from .agents_blobs import BlobRights
from .pace import Pace


class RoomKeeper(Protocol):
    """Who keeps room for uploads."""

    def kept(self, digest: Digest, who: Caller) -> AbstractAsyncContextManager[str]:
        """Keep room inside, and say on whose account the blob stands; or raise why not."""


@dataclass(eq=False)
class BlobsService(blobs_pb2_grpc.BlobsServicer):
    """Content-addressed transfer.

    Attributes:
        writer: the store, which knows which blobs are recorded.
        blobs: their bytes.
        room: asked before the first byte of an upload; None: no limit but the disk.
        pace: makes what ends an upload that is too slow.
    """

    writer: Writer
    blobs: BlobStore
    room: RoomKeeper | None = None
    pace: Callable[[], Pace] = Pace

    def __post_init__(self) -> None:
        self._rights = BlobRights(self.writer)
        self._finding: WeakValueDictionary[Caller, asyncio.Lock] = WeakValueDictionary()

    async def FindMissing(
        self, request: pb.FindMissingRequest, context: Any
    ) -> pb.FindMissingResponse:
        # One at a time of each caller: in between, the store's thread has time for everybody else.
        async with self._finding.setdefault(caller(), asyncio.Lock()):
            digests = await asyncio.to_thread(_digests_of, request)
            now_ns = self.writer.now_ns()
            missing = set(await self.writer.call(lambda store: wanted(store, digests, now_ns)))
            # A file that somebody removed is asked for again, whatever the record says.
            missing |= await asyncio.to_thread(self._lost, digests)
            missing |= await self._rights.strange(digests)
        return pb.FindMissingResponse(
            missing=[to_wire(digest) for digest in digests if digest in missing]
        )

    def _lost(self, digests: tuple[Digest, ...]) -> set[Digest]:
        return {digest for digest in digests if not self.blobs.contains(digest)}

    async def Write(
        self, request_iterator: AsyncIterator[pb.WriteRequest], context: Any
    ) -> pb.WriteResponse:
        async with AsyncExitStack() as room:
            return await self._write(aiter(request_iterator), room)

    async def _write(
        self, messages: AsyncIterator[pb.WriteRequest], room: AsyncExitStack
    ) -> pb.WriteResponse:
        pace, owner = self.pace(), ""
        digest: Digest | None = None
        committed_bytes = 0
        while (request := await pace.next_of(messages)) is not None:
            pace.came(len(request.data))
            if digest is not None and not request.data and not request.finish:
                # However fast they come: waiting alone would never end a flood of these.
                raise BadInput(
                    Code.BAD_ARGUMENT, f"A message of the upload of {digest} brings nothing."
                )
            named = from_wire(Digest, request.digest) if request.HasField("digest") else digest
            if named is None:
                raise BadInput(Code.BAD_ARGUMENT, "The first message of a blob names no digest.")
            if digest not in (None, named):
                raise BadInput(
                    Code.BAD_ARGUMENT, "One upload names two blobs; send them one by one."
                )
            committed = await asyncio.to_thread(self.blobs.committed, named)
            if committed.complete and await self._record(named, owner):  # somebody was faster
                return pb.WriteResponse(committed_size_bytes=named.size_bytes)
            if digest is None:
                owner = await self._begun(named, room)
            digest, committed_bytes = named, committed.size_bytes
            if request.data:
                committed_bytes = await asyncio.to_thread(
                    self.blobs.append, digest, request.offset, request.data
                )
                crash_point("C4")
            if request.finish or committed_bytes == digest.size_bytes > 0:
                await asyncio.to_thread(self.blobs.finish, digest)
                await self._record(digest, owner)
                return pb.WriteResponse(committed_size_bytes=digest.size_bytes)
        return pb.WriteResponse(committed_size_bytes=committed_bytes)

    async def _begun(self, digest: Digest, room: AsyncExitStack) -> str:
        """Whose account an upload stands on, once room is kept for it until `room` ends."""
        self.blobs.require_name(digest)
        await self._rights.require_owing(digest)
        if self.room is None:
            return ""
        return await room.enter_async_context(self.room.kept(digest, caller()))

    async def _record(self, digest: Digest, owner: str = "") -> bool:
        """Note a blob that is here; False when the collector has just taken it."""
        now_ns, present = self.writer.now_ns(), self.blobs.contains
        files = await asyncio.to_thread(files_of, digest, self.blobs.path(digest))
        return await self.writer.call(
            lambda store: recorded(store, digest, now_ns, present, files, owner=owner or None)
        )

    async def QueryWrite(
        self, request: pb.QueryWriteRequest, context: Any
    ) -> pb.QueryWriteResponse:
        digest = from_wire(Digest, request.digest)
        await self._rights.require_owing(digest)
        committed = await asyncio.to_thread(self.blobs.committed, digest)
        # A crash may have come between the rename and the record.
        complete = committed.complete and await self._record(digest)
        return pb.QueryWriteResponse(
            committed_size_bytes=committed.size_bytes if complete == committed.complete else 0,
            complete=complete,
        )

    async def Read(self, request: pb.ReadRequest, context: Any) -> AsyncIterator[pb.ReadResponse]:
        digest = from_wire(Digest, request.digest)
        if request.limit < 0:
            raise BadInput(Code.BAD_ARGUMENT, "The limit of a read is below 0.")
        await self._rights.require_named(digest)
        chunks = await asyncio.to_thread(
            self.blobs.read, digest, request.offset, request.limit or None
        )
        while data := await asyncio.to_thread(next, chunks, b""):
            yield pb.ReadResponse(data=data)


def _digests_of(request: pb.FindMissingRequest) -> tuple[Digest, ...]:
    return tuple(from_wire(Digest, digest) for digest in request.digests)
