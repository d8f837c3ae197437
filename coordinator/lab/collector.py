"""The collector: which blobs go, and when. Deciding is a pure function; the rest is a thin shell.

A store says which blobs nothing needs (`spare_blobs`): never what a live job names, never what a
result refers to. Of those, `choose` takes what is old, and under a size limit as much more as it
needs, what nothing refers to before what can be built again, least recently used first.

Row and file go on the store's thread, where blobs are recorded too: nobody can be told of a blob
that is about to go. Rows go first: a crash in between leaves a file without a row, which the next
sweep removes, and never a row without a file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..store.blobs.blob_store import BlobStore, Partial
from ..store.store import Store
from ..store.values import SpareBlob
from ..store.writer import Writer

EVERY_S = 300.0

_S = 1_000_000_000
_DAY = 86_400 * _S
LONGEST_PARTIAL_NS = _DAY
"""What came of an upload is kept for so long after its last byte, that it may go on."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectionTerms:
    """How long blobs are kept that nothing needs.

    Attributes:
        limit_bytes: size that all blobs together keep to; None: what the disk holds.
        grace_ns: what was used more recently stays, whatever the limit; somebody may be about
            to name it.
        unreferenced_after_ns: uploads that nothing refers to go after this.
        partial_after_ns: uploads that are not finished go after this.
        rebuildable_after_ns: built artifacts whose jobs have ended go after this.
    """

    limit_bytes: int | None = None
    grace_ns: int = 3600 * _S
    unreferenced_after_ns: int = 7 * _DAY
    partial_after_ns: int = LONGEST_PARTIAL_NS
    rebuildable_after_ns: int = 30 * _DAY


@dataclass(frozen=True, slots=True)
class Chosen:
    """What goes.

    Attributes:
        excess_bytes: what is then still above the limit, because something needs it.
    """

    blobs: tuple[Digest, ...] = ()
    partials: tuple[Partial, ...] = ()
    excess_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        """What it takes on disk."""
        partial_bytes = sum(partial.size_bytes for partial in self.partials)
        return sum(digest.size_bytes for digest in self.blobs) + partial_bytes


def choose(
    spare: Sequence[SpareBlob],
    partials: Sequence[Partial],
    total_bytes: int,
    terms: CollectionTerms,
    now_ns: int,
    *,
    wanted_bytes: int = 0,
) -> Chosen:
    """What to delete now.

    Args:
        spare: blobs that nothing needs.
        partials: uploads that are not finished.
        total_bytes: size of all complete blobs, needed ones too.
        terms: what to keep.
        now_ns: the present, UTC.
        wanted_bytes: what is about to come and should fit below the limit, too.
    """
    ranked: list[tuple[int, int, int, SpareBlob | Partial]] = [
        *((0, half.changed_unix_ns, terms.partial_after_ns, half) for half in partials),
        *((*_rank(blob, terms), blob) for blob in spare),
    ]
    ranked.sort(key=lambda one: one[:2])
    excess = 0
    if terms.limit_bytes is not None:
        total_bytes += sum(partial.size_bytes for partial in partials)
        excess = total_bytes + wanted_bytes - terms.limit_bytes
    chosen, young = [], []
    for _, used_ns, after_ns, one in ranked:
        if now_ns - used_ns > max(after_ns, terms.grace_ns):
            chosen.append(one)
            excess -= _size(one)
        elif now_ns - used_ns > terms.grace_ns:
            young.append(one)
    for one in young:
        if excess > 0:
            chosen.append(one)
            excess -= _size(one)
    return Chosen(
        tuple(one.digest for one in chosen if isinstance(one, SpareBlob)),
        tuple(one for one in chosen if isinstance(one, Partial)),
        max(excess, 0),
    )


def _rank(blob: SpareBlob, terms: CollectionTerms) -> tuple[int, int, int]:
    """Where a blob stands in the line, when it was used last, and what age it may reach."""
    if blob.rebuildable:
        return 1, blob.used_unix_ns, terms.rebuildable_after_ns
    return 0, blob.used_unix_ns, terms.unreferenced_after_ns


def _size(one: SpareBlob | Partial) -> int:
    return one.size_bytes if isinstance(one, Partial) else one.digest.size_bytes


@dataclass(eq=False)
class Collector:
    """Deletes what `choose` says, of one coordinator."""

    writer: Writer
    blob_store: BlobStore
    terms: CollectionTerms
    _said_excess: bool = field(default=False, init=False)
    _collecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def run(self) -> None:
        """Compare record and folder once, then collect for ever; a full disk stops nothing."""
        steps: tuple[Callable[[], Awaitable[object]], ...] = (self.reconcile, self.collect)
        while True:
            for step in steps:
                try:
                    await step()
                except BitgaugeError as error:
                    _log.error("blobs could not be collected: %s", error)
            steps = (self.collect,)
            await asyncio.sleep(EVERY_S)

    async def free(self, excess_bytes: int) -> None:
        """Delete what may go until so many bytes less are here, or nothing more may go."""
        terms = self.terms
        used_bytes = await self.writer.call(lambda store: store.blob_bytes())
        halves = await asyncio.to_thread(self.blob_store.partials)
        used_bytes += sum(half.size_bytes for half in halves)
        if terms.limit_bytes is not None:
            await self.collect(terms.limit_bytes - used_bytes + excess_bytes)

    async def collect(self, wanted_bytes: int = 0) -> Chosen:
        """Delete what may go, so that `wanted_bytes` more fit below the limit; what went."""
        async with self._collecting:
            now_ns = self.writer.now_ns()
            partials = await asyncio.to_thread(self.blob_store.partials)
            chosen = await self.writer.call(
                lambda store: self._take(store, partials, now_ns, wanted_bytes)
            )
            await asyncio.to_thread(self._free, chosen)
        self._say(chosen)
        return chosen

    def _take(
        self, store: Store, partials: Sequence[Partial], now_ns: int, wanted_bytes: int
    ) -> Chosen:
        """On the store's thread: decide, forget, take away."""
        spare = store.spare_blobs(now_ns - self.terms.grace_ns)
        total_bytes = store.blob_bytes()
        chosen = choose(spare, partials, total_bytes, self.terms, now_ns, wanted_bytes=wanted_bytes)
        if chosen.blobs:
            store.forget_blobs(chosen.blobs)
        for digest in chosen.blobs:
            self.blob_store.set_aside(digest)
        return chosen

    def _free(self, chosen: Chosen) -> None:
        self.blob_store.empty_trash()
        for partial in chosen.partials:
            self.blob_store.drop_partial(partial)

    def _say(self, chosen: Chosen) -> None:
        if chosen.blobs or chosen.partials:
            _log.info(
                "collected %d blobs and %d unfinished uploads, %d bytes",
                len(chosen.blobs),
                len(chosen.partials),
                chosen.size_bytes,
            )
        excess = chosen.excess_bytes > 0
        if excess and not self._said_excess:
            _log.warning("blobs that are needed exceed the limit by %d bytes", chosen.excess_bytes)
        self._said_excess = excess

    async def reconcile(self) -> tuple[Digest, ...]:
        """Compare record and folder; the blobs whose files are lost, which are forgotten.

        A file that is not recorded, left by a crash, goes once it is older than the grace.
        """
        now_ns = self.writer.now_ns()
        files = await asyncio.to_thread(self.blob_store.stored)
        lost = await self.writer.call(lambda store: self._compare(store, files, now_ns))
        await asyncio.to_thread(self.blob_store.empty_trash)
        for digest in lost:
            _log.error("blob %s is recorded and its file is gone; it will be asked for", digest)
        return lost

    def _compare(self, store: Store, files: dict[Digest, int], now_ns: int) -> tuple[Digest, ...]:
        recorded = {digest for digest, _ in store.blobs()}
        for digest in files.keys() - recorded:
            if now_ns - files[digest] > self.terms.grace_ns:
                self.blob_store.set_aside(digest)
        lost = tuple(one for one in recorded - files.keys() if not self.blob_store.contains(one))
        if lost:
            store.forget_blobs(lost)
        return lost
