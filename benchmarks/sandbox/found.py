"""What came of looking for a level that works on a machine, in values and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..vocabulary.errors import Code, Refused
from .base import AUTO, Level


@dataclass(frozen=True, slots=True)
class Survey:
    """What came of looking for a level.

    Attributes:
        level: the strongest that works.
        refused: stronger ones, and a sentence why each does not work.
    """

    level: Level
    refused: tuple[tuple[str, str], ...]


def considered(wanted: str, known: Mapping[str, Level]) -> dict[str, Level]:
    """The levels to try, the strongest first.

    Args:
        wanted: name of a level, or `AUTO`.
        known: every level.

    Raises:
        Refused: there is no such level.
    """
    if wanted not in (AUTO, *known):
        raise Refused(
            Code.SANDBOX_UNAVAILABLE,
            f"There is no sandbox level {wanted!r}; there are: {', '.join(known)}.",
        )
    return {name: level for name, level in known.items() if wanted in (AUTO, name)}


def none_works(wanted: str, why: str) -> Refused:
    """What is told when the level that was wanted does not work."""
    return Refused(
        Code.SANDBOX_UNAVAILABLE, f"The sandbox level {wanted} does not work here: {why}"
    )


def in_words(found: Survey) -> str:
    """The level, and why no stronger one."""
    reasons = " ".join(f"{name}: {why}" for name, why in found.refused)
    return f"{found.level.NAME} ({reasons.rstrip('.')})" if reasons else found.level.NAME
