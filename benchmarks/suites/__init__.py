"""The suites that ship: what a refresh measures unless somebody writes another one."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def shipped() -> tuple[str, ...]:
    """Names of the suites that ship."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
