"""What each attack did to the coordinator and to others, as a table at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

PROPERTY = "attack"
"""Under this name a report carries what its test saw."""
MIB = 1 << 20
HEAD = (
    "attack",
    "grew MiB",
    "kept MiB",
    "p99 of others' calls, s",
    "others' share of the processors",
)


@dataclass(frozen=True)
class Figures:
    """Of one attack."""

    attack: str
    grew_bytes: int
    kept_bytes: int
    p99_s: dict[str, float]
    others: float
    """How much of the processors what is no part of this test took meanwhile, from 0 to 1."""


seen: list[Figures] = []
"""Of the test that runs."""


def drained() -> list[dict[str, Any]]:
    """What was seen since this was last asked, as a report can carry it."""
    told = [asdict(one) for one in seen]
    seen.clear()
    return told


def table(told: Iterable[dict[str, Any]]) -> list[str]:
    """A line for each attack, below a head."""
    rows = [HEAD, *(_row(Figures(**one)) for one in told)]
    wide = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return [_line(row, wide) for row in rows]


def _row(one: Figures) -> tuple[str, ...]:
    p99 = ", ".join(f"{name} {took:.3f}" for name, took in one.p99_s.items())
    grew, kept = (f"{count / MIB:.0f}" for count in (one.grew_bytes, one.kept_bytes))
    return one.attack, grew, kept, p99, f"{one.others:.0%}"


def _line(row: tuple[str, ...], wide: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip()
