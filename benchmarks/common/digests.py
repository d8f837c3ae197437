"""A content, and the name that it gives itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
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


def sha256_of_tokens(tokens: Iterable[bytes]) -> str:
    """Which vocabulary a language model has: two predict the same tokens only where it is equal.

    Args:
        tokens: the texts of all tokens in the order of their ids, as bytes of UTF-8.

    Returns:
        SHA-256 in hexadecimal of all of them, a zero byte after each; of whatever file format.
    """
    return hashlib.sha256(b"".join(one + b"\0" for one in tokens)).hexdigest()


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
