"""Which blobs are here, for whoever brings or names them; on the store's thread."""

from __future__ import annotations

from collections.abc import Callable

from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..store.store import Store


def wanted(store: Store, digests: tuple[Digest, ...], now_ns: int) -> tuple[Digest, ...]:
    """Those of `digests` that are not here, for somebody who means to use them: others live on."""
    store.use_blobs(digests, now_ns)
    return store.missing_blobs(digests)


def recorded(store: Store, digest: Digest, now_ns: int, present: Callable[[Digest], bool]) -> bool:
    """Note a blob that is complete and durable on disk; whether it is there.

    `present` is asked here, on the thread where blobs are collected too, so that a blob stays there
    once it is noted.
    """
    if not present(digest):
        return False
    store.record_blob(digest, now_ns)
    return True
