"""A content, and the name that it gives itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.digests import Digest

READ_BYTES = 1 << 20


def digest_of(path: Path) -> Digest:
    """Content address of a file, read once.

    Raises:
        OSError: it cannot be read.
    """
    hasher, size_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            hasher.update(data)
            size_bytes += len(data)
    return Digest(hasher.hexdigest(), size_bytes)


def verified(data: bytes, digest: Digest) -> bytes:
    """`data`, if it is what `digest` names.

    Raises:
        BadInput: `DIGEST_MISMATCH`, it is something else.
    """
    if Digest(hashlib.sha256(data).hexdigest(), len(data)) != digest:
        raise BadInput(Code.DIGEST_MISMATCH, f"Blob {digest} holds other bytes than its name says.")
    return data
