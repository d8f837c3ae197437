"""Where blobs lie in a folder, and whether their bytes are theirs.

A folder of blobs has the same layout in a coordinator's home and in a backup. Synchronous; to be
called from threads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bitgauge.benchmarks.common.digests import Hasher
from bitgauge.benchmarks.common.files import open_own, opened_plain
from bitgauge.benchmarks.vocabulary.values.digests import Digest

CHUNK_BYTES = 1 << 20
_NAME = re.compile(r"([0-9a-f]{64})\.([0-9]+)")


def blob_file(root: Path, digest: Digest) -> Path:
    """Where a blob is below `root`, or would be."""
    return root / digest.sha256[:2] / f"{digest.sha256}.{digest.size_bytes}"


def listed(root: Path) -> Iterator[Digest]:
    """Every blob whose file lies below `root`; uploads that are under way are none."""
    for path in sorted(root.glob("[0-9a-f][0-9a-f]/*")):
        digest = named(path)
        if digest is not None and path == blob_file(root, digest):
            yield digest


def named(path: Path) -> Digest | None:
    """The digest that a file is named by; None for a file that is not ours."""
    match = _NAME.fullmatch(path.name)
    return Digest(match.group(1), int(match.group(2))) if match else None


def is_digest(digest: Digest) -> bool:
    """Whether it has the form of one, and so names a file within a folder of blobs."""
    return _NAME.fullmatch(f"{digest.sha256}.{digest.size_bytes}") is not None


def is_sound(root: Path, digest: Digest) -> bool:
    """Whether a blob is below `root`, a plain file, and its bytes are what its name says."""
    try:
        with opened_plain(blob_file(root, digest), follow=False) as file:
            as_long = os.fstat(file.fileno()).st_size == digest.size_bytes
            return as_long and Hasher.of_open(file).digest == digest
    except OSError:
        return False


def copy(source: Path, target: Path, size_bytes: int | None = None) -> Digest:
    """Copy a plain file durably; the content address of what was written.

    Args:
        source: what to copy.
        target: where to; its folder is made.
        size_bytes: what it should have: hardly more is copied, however long it has become.

    Raises:
        OSError: either file cannot be used.
    """
    hasher = Hasher()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = open_own(target, os.O_TRUNC)
    with os.fdopen(made, "wb") as write, opened_plain(source) as read:
        while data := read.read(CHUNK_BYTES):
            hasher.update(data)
            write.write(data)
            if size_bytes is not None and hasher.size_bytes > size_bytes:
                break
        write.flush()
        os.fsync(write.fileno())
    return hasher.digest
