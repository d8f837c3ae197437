"""Blobs between the coordinator and the device, in chunks, going on where a break was.

The model is that of Bazel's Remote Execution API: find what is missing, write at the committed
offset, read from an offset, verify every digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from weakref import WeakValueDictionary

import grpc.aio
from bitgauge.benchmarks.common.digests import digest_of, per_call
from bitgauge.benchmarks.common.manifest import (
    MAX_MANIFEST_BYTES,
    ArtifactFiles,
    manifest_in,
    require_flat,
)
from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.protos.v1 import blobs_pb2

from ..storage.cache import BlobWriter, Cache
from .connection import Connection, patiently

CHUNK_BYTES = 1 << 20
_SLOWEST_BYTES_PER_S = 50_000
_CORRUPT_TRIES = 2
_OFFSET_TRIES = 6
_OFFSET_WAIT_S = 0.1
_AGAIN = (Code.DIGEST_MISMATCH, Code.BLOB_OFFSET)


class Transfer:
    """Uploads and downloads over one connection.

    Args:
        connection: to the coordinator.
        cache: where downloads are kept.
    """

    def __init__(self, connection: Connection, cache: Cache) -> None:
        self._connection = connection
        self._cache = cache
        self._one_at_a_time: WeakValueDictionary[Digest, asyncio.Lock] = WeakValueDictionary()

    def holding(self, digests: Iterable[Digest]) -> AbstractContextManager[None]:
        """Keeps the blobs of a job in the cache for as long as it runs."""
        return self._cache.holding(digests)

    async def artifact(self, digest: Digest) -> ArtifactFiles:
        """The verified files of an artifact: one, or those that its manifest lists.

        They stay in the cache for as long as the artifact is held.

        Raises:
            BitgaugeError: as `fetch`; a manifest is not sound.
        """
        with self._cache.holding((digest,)):
            path = await self.fetch(digest)
            manifest = None
            if digest.size_bytes <= MAX_MANIFEST_BYTES:
                manifest = await asyncio.to_thread(manifest_in, path)
            if manifest is None:
                return ArtifactFiles(digest.sha256, {digest.sha256: path})
            files = {one.name: await self.fetch(one.digest) for one in manifest.files}
        found = ArtifactFiles(manifest.entry, files)
        await asyncio.to_thread(require_flat, found)
        return found

    async def fetch(self, digest: Digest) -> Path:
        """The verified file of a blob, downloaded when the cache lacks it.

        Waits while the coordinator is away, and while another device of this agent gets the same
        blob.

        Raises:
            BitgaugeError: the coordinator has no such blob, it arrives damaged twice, or the
                disk is full.
        """
        lock = self._one_at_a_time.setdefault(digest, asyncio.Lock())
        async with lock:
            with self._cache.holding((digest,)):
                return await self._fetch(digest)

    async def _fetch(self, digest: Digest) -> Path:
        found = await asyncio.to_thread(self._cache.verified, digest)
        if found is not None:
            return found
        await asyncio.to_thread(self._cache.make_room, digest)
        damaged, cleared = 0, False
        while True:
            try:
                return await patiently(lambda: self._download(digest))
            except BitgaugeError as error:
                if error.code is Code.DIGEST_MISMATCH and damaged + 1 < _CORRUPT_TRIES:
                    damaged += 1
                elif error.code is Code.DISK_FULL and not cleared:
                    cleared = True
                    await asyncio.to_thread(self._cache.clear)
                else:
                    raise

    async def upload(self, files: dict[Digest, Path]) -> None:
        """Sends those of `files` that the coordinator lacks, one after the other.

        Raises:
            Unavailable: the coordinator is away; what was sent is kept there.
            BitgaugeError: it refuses, or a file is not here.
        """
        for some in per_call(tuple(files)):
            request = blobs_pb2.FindMissingRequest(digests=map(to_wire, some))
            answer = await self._connection.call(self._connection.blobs.FindMissing, request)
            for wanted in answer.missing:
                digest = from_wire(Digest, wanted)
                if not await asyncio.to_thread(files[digest].exists):
                    raise BadInput(
                        Code.BLOB_MISSING, f"Raw file {digest} is neither here nor there."
                    )
                await self._send(digest, files[digest])

    async def _download(self, digest: Digest) -> Path:
        writer = await asyncio.to_thread(self._cache.writer, digest)
        try:
            if writer.offset < digest.size_bytes:
                await self._receive(digest, writer)
            return await asyncio.to_thread(writer.commit)
        finally:
            writer.close()

    async def _receive(self, digest: Digest, writer: BlobWriter) -> None:
        request = blobs_pb2.ReadRequest(digest=to_wire(digest), offset=writer.offset)
        connection = self._connection
        call = connection.blobs.Read(
            request, timeout=_patience_s(digest), metadata=connection.metadata
        )
        try:
            async for answer in call:
                await asyncio.to_thread(writer.write, answer.data)
        except grpc.aio.AioRpcError as error:
            raise connection.translate(error) from error
        connection.outage.ended()

    async def _send(self, digest: Digest, path: Path) -> None:
        """Sends one blob, going on where the coordinator stands; damaged on the way, once more.

        Another sender of the same blob, or an earlier call of ours that the coordinator has not
        seen the end of, moves that place; then it is asked for again.
        """
        damaged = 0
        for tried in range(_OFFSET_TRIES):
            try:
                return await self._send_rest(digest, path)
            except BitgaugeError as error:
                if error.code is Code.DIGEST_MISMATCH:
                    damaged += 1
                    await asyncio.to_thread(_require_intact, digest, path)
                if damaged == _CORRUPT_TRIES or error.code not in _AGAIN:
                    raise
            await asyncio.sleep(_OFFSET_WAIT_S * 2**tried)
        raise Unavailable(Code.BLOB_OFFSET, f"Blob {digest} is being sent by somebody else, too.")

    async def _send_rest(self, digest: Digest, path: Path) -> None:
        connection = self._connection
        request = blobs_pb2.QueryWriteRequest(digest=to_wire(digest))
        asked = await connection.call(connection.blobs.QueryWrite, request)
        if asked.complete:
            return
        pieces = _pieces(digest, path, asked.committed_size_bytes)
        answer = await connection.call(connection.blobs.Write, pieces, _patience_s(digest))
        if answer.committed_size_bytes != digest.size_bytes:
            raise BitgaugeError(
                Code.BLOB_OFFSET,
                f"Of {digest} only {answer.committed_size_bytes} bytes were taken.",
            )


async def _pieces(digest: Digest, path: Path, offset: int) -> AsyncIterator[blobs_pb2.WriteRequest]:
    """The messages that carry a file from `offset` on; the last one says so."""
    at = offset
    while True:
        data = await asyncio.to_thread(_read_piece, path, at)
        finish = at + len(data) >= digest.size_bytes
        yield blobs_pb2.WriteRequest(digest=to_wire(digest), offset=at, data=data, finish=finish)
        at += len(data)
        if finish or not data:
            return


def _require_intact(digest: Digest, path: Path) -> None:
    """Refuse to send again what is damaged here and not on the way."""
    if digest_of(path) != digest:
        raise BadInput(
            Code.DIGEST_MISMATCH, f"{path} on the device has other bytes than those of {digest}."
        )


def _read_piece(path: Path, offset: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(CHUNK_BYTES)


def _patience_s(digest: Digest) -> float:
    """Deadline of a whole transfer: what the slowest line that we serve needs, and a minute."""
    return 60.0 + digest.size_bytes / _SLOWEST_BYTES_PER_S
