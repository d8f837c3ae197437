"""Room for uploads: what one announces is set aside for it before its first byte is taken.

What is promised lives in memory and ends with the call, however that ends; what came stays on
the disk and is counted there, so a restart begins with nothing promised and nothing forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES

from ..access.access import Caller
from ..access.tokens import Party
from ..decisions.room import MAX_DEVICE_BYTES, Account, RoomTerms, Space, excess_bytes, refusal
from ..store.blobs.blob_store import BlobStore, Partial
from ..store.writer import Writer
from .collector import Collector

MAX_UNFINISHED = 1000
"""Uploads begun and not finished whose bytes are kept; of more the oldest goes."""

_ALL = ""
"""Stands for all accounts together."""


def account_of(who: Caller) -> Account:
    """On whose account a caller's uploads stand."""
    owner = f"{who.party.value} {who.device_id or who.name or 'local'}"
    return Account(
        owner,
        person=who.party is Party.SUBMIT,
        device=who.party is Party.AGENT,
        free=who.party is Party.TASK,
    )


@dataclass(slots=True)
class _Upload:
    """A blob that somebody sends or has begun to send."""

    owner: str
    senders: int = 0


@dataclass(eq=False)
class UploadRoom:
    """Says whether an upload may begin, of one coordinator."""

    writer: Writer
    blobs: BlobStore
    collector: Collector
    device_bytes: int = MAX_DEVICE_BYTES
    _uploads: dict[Digest, _Upload] = field(default_factory=dict, init=False)
    _known: dict[str, int] = field(default_factory=dict, init=False)
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @contextlib.asynccontextmanager
    async def kept(self, digest: Digest, who: Caller) -> AsyncIterator[str]:
        """Keeps the announced bytes of a blob for its sender; inside, whose account it stands on.

        Raises:
            BitgaugeError: `DISK_FULL`, `BLOB_LIMIT`, `BLOB_SHARE` or, of a raw file,
                `BLOB_TOO_LARGE`; nothing was taken.
        """
        account = account_of(who)
        if account.device and digest.size_bytes > MAX_RAW_FILE_BYTES:
            raise BadInput(
                Code.BLOB_TOO_LARGE,
                f"Blob {digest} is larger than {MAX_RAW_FILE_BYTES} bytes, which are taken at most"
                " of a raw file.",
            )
        async with self._deciding:
            wanted_bytes = await self._require(digest, account)
            for name in self._known.keys() & {_ALL, account.owner}:
                self._known[name] += wanted_bytes
            upload = self._uploads.setdefault(digest, _Upload(account.owner))
            upload.senders += 1
        try:
            yield account.owner
        finally:
            upload.senders -= 1

    async def _require(self, digest: Digest, account: Account) -> int:
        """How many bytes an upload still wants, when there is room for them.

        First judged by what is known, which may be too much and never too little.
        """
        terms = RoomTerms(self.collector.terms.limit_bytes, self.device_bytes)
        wanted, space = await self._space(digest, account, terms)
        refused = refusal(account, terms, wanted, space)
        if refused is not None:
            for name in (_ALL, account.owner):
                self._known.pop(name, None)
            wanted, space = await self._space(digest, account, terms)
            excess = excess_bytes(account, terms, wanted, space)
            if excess > 0:
                await self.collector.free(excess)
                self._known.clear()
                wanted, space = await self._space(digest, account, terms)
            refused = refusal(account, terms, wanted, space)
        if refused is not None:
            raise refused
        return wanted

    async def _space(self, digest: Digest, account: Account, terms: RoomTerms) -> tuple[int, Space]:
        """What an upload wants, and what there is without it."""
        halves = await self._halves()
        wanted = digest.size_bytes - halves.pop(digest, 0)
        promised = {
            one: one.size_bytes - halves.get(one, 0)
            for one, upload in self._uploads.items()
            if upload.senders and one != digest
        }
        own = {one for one, upload in self._uploads.items() if upload.owner == account.owner}
        stored = held = 0
        if terms.limit_bytes is not None:
            stored = await self._bytes_of(_ALL) + sum(halves.values())
        if account.bound:
            held = await self._bytes_of(account.owner)
            held += sum(promised.get(one, 0) + halves.get(one, 0) for one in own)
        free = await asyncio.to_thread(self.blobs.free_bytes)
        return wanted, Space(free, sum(promised.values()), stored, held, str(self.blobs.root))

    async def _bytes_of(self, owner: str) -> int:
        """What is recorded of an account, or of all together, and was admitted since."""
        if owner not in self._known:
            self._known[owner] = await self.writer.call(
                lambda store: store.held_bytes(owner) if owner else store.blob_bytes()
            )
        return self._known[owner]

    async def _halves(self) -> dict[Digest, int]:
        """What has come of each unfinished upload; of too many the oldest go."""
        found = await asyncio.to_thread(self.blobs.partials)
        here = {half.digest for half in found}
        idle = [one for one, upload in self._uploads.items() if not upload.senders]
        for digest in idle:
            if digest not in here:
                del self._uploads[digest]
        if len(found) >= MAX_UNFINISHED:
            found = await asyncio.to_thread(self._drop_oldest, found)
        return {half.digest: half.size_bytes for half in found}

    def _drop_oldest(self, found: tuple[Partial, ...]) -> tuple[Partial, ...]:
        sent = {one for one, upload in self._uploads.items() if upload.senders}
        left = sorted(found, key=lambda half: (half.digest in sent, half.changed_unix_ns))
        gone = left[: len(found) - MAX_UNFINISHED + 1]
        for half in gone:
            self.blobs.drop_partial(half)
        return tuple(left[len(gone) :])
