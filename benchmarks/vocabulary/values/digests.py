"""The name of a content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """Content address of a blob: lower-case SHA-256 hex and size."""

    sha256: str
    size_bytes: int

    @property
    def short(self) -> str:
        """Its first eight digits: what people are shown, and may type."""
        return self.sha256[:8]

    def under(self, label: str) -> str:
        """What the file is called that has it: the label that it was given, and `short`."""
        return f"{label} {self.short}".strip()

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.size_bytes} bytes)"
