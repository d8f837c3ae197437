"""Small directory trees that stand for a machine's /proc and /sys."""

from __future__ import annotations

from pathlib import Path


def put(root: Path, path: str, text: str) -> None:
    """Writes a file below `root`, with the folders that lead to it."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
