"""Which blobs are here, for whoever brings or names them; on the store's thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from bitgauge.benchmarks.common.manifest import MAX_MANIFEST_BYTES, manifest_in
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..store.store import Store


def wanted(store: Store, digests: tuple[Digest, ...], now_ns: int) -> tuple[Digest, ...]:
    """Those of `digests` that are not here, for somebody who means to use them: others live on."""
    store.use_blobs(digests, now_ns)
    return store.missing_blobs(digests)


def files_of(digest: Digest, path: Path) -> tuple[Digest, ...]:
    """The files that a manifest lists; none of any other blob. Reads a file, so not on that thread.

    One that is not sound counts as any other blob: whoever names it as an artifact is told.
    """
    if digest.size_bytes > MAX_MANIFEST_BYTES:
        return ()
    with contextlib.suppress(BadInput, OSError):
        manifest = manifest_in(path)
        return () if manifest is None else tuple(file.digest for file in manifest.files)
    return ()


def recorded(
    store: Store,
    digest: Digest,
    now_ns: int,
    present: Callable[[Digest], bool],
    files: tuple[Digest, ...] = (),
    *,
    owner: str | None = None,
) -> bool:
    """Note a blob that is complete and durable on disk, and which files it lists; is it there?

    `present` is asked here, on the thread where blobs are collected too, so that a blob stays there
    once it is noted.
    """
    if not present(digest):
        return False
    store.record_blob(digest, now_ns, files, owner)
    return True
