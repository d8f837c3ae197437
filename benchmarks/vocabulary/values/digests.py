"""The name of a content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """Content address of a blob: lower-case SHA-256 hex and size."""

    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.size_bytes} bytes)"
