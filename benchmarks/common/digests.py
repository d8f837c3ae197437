"""A content, and the name that it gives itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.digests import Digest

READ_BYTES = 1 << 20
MAX_DIGESTS_PER_CALL = 1000
"""Blobs that one call asks for; who wants to know of more asks again."""


class Hasher:
    """Takes the bytes of a content in order; its digest so far."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0

    def update(self, data: bytes) -> None:
        """Takes the next bytes."""
        self._sha256.update(data)
        self.size_bytes += len(data)

    @property
    def digest(self) -> Digest:
        """Content address of what was taken."""
        return Digest(self._sha256.hexdigest(), self.size_bytes)

    @classmethod
    def of(cls, path: Path) -> Hasher:
        """One that has taken a file, to go on where it ends.

        Raises:
            OSError: it cannot be read.
        """
        with path.open("rb") as file:
            return cls.of_open(file)

    @classmethod
    def of_open(cls, file: BinaryIO) -> Hasher:
        """One that has taken the rest of a file that is open to read."""
        hasher = cls()
        while data := file.read(READ_BYTES):
            hasher.update(data)
        return hasher


def digest_of(path: Path) -> Digest:
    """Content address of a file, read once.

    Raises:
        OSError: it cannot be read.
    """
    return Hasher.of(path).digest


def verified(data: bytes, digest: Digest) -> bytes:
    """`data`, if it is what `digest` names.

    Raises:
        BadInput: `DIGEST_MISMATCH`, it is something else.
    """
    hasher = Hasher()
    hasher.update(data)
    if hasher.digest != digest:
        raise BadInput(Code.DIGEST_MISMATCH, f"Blob {digest} holds other bytes than its name says.")
    return data


def per_call(digests: Sequence[Digest]) -> Iterator[Sequence[Digest]]:
    """The same digests, as many at a time as one call may ask for; one empty part of none."""
    for at in range(0, max(len(digests), 1), MAX_DIGESTS_PER_CALL):
        yield digests[at : at + MAX_DIGESTS_PER_CALL]
