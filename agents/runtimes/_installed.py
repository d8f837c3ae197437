"""Which packages are installed, asked without importing them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions of those that are installed, by name, in the order given."""
    found: dict[str, str] = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
