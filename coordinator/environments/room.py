"""Which builder environment goes when another needs its room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

MAX_ENVIRONMENTS_BYTES = 20 << 30
"""Of all builder environments of a machine together."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """An environment that is there.

    Attributes:
        size_bytes: of everything in it.
        used_unix_ns: when somebody began to work in it last.
        in_use: whether somebody works in it.
    """

    size_bytes: int
    used_unix_ns: int
    in_use: bool = False


def to_remove(kept: Mapping[T, Kept], needed_bytes: int, most_bytes: int) -> T | None:
    """The next to go so that another of `needed_bytes` fits; None: none need go, or none may.

    What was not used for longest goes first; none goes for one that would not fit alone.
    """
    held = sum(one.size_bytes for one in kept.values() if one.in_use)
    total = sum(one.size_bytes for one in kept.values())
    if total + needed_bytes <= most_bytes or held + needed_bytes > most_bytes:
        return None
    free = {key: one for key, one in kept.items() if not one.in_use}
    return min(free, key=lambda key: free[key].used_unix_ns, default=None)
