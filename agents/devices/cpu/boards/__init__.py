"""What only a kind of board tells: one file each, which knows its board at sight.

A board module holds `is_here(root)`, `stack(root)`, `preflight(root)` and `hindrances(root, run)`.
It is no device of its own: the processor of a board is a processor, and keeps its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Run = Callable[[tuple[str, ...]], "str | None"]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps a board from its pace now: what it is, why that matters, what to do."""

    found: str
    why: str
    mend: str


class Board(Protocol):
    """The shape of a board module."""

    def is_here(self, root: Path) -> bool:
        """Whether the machine below `root` is such a board."""
        ...

    def stack(self, root: Path) -> dict[str, str]:
        """What can change a number without the board changing; what cannot be read is left out."""
        ...

    def preflight(self, root: Path) -> dict[str, str | None]:
        """Its state before a timed launch, always with the same names; None where it is unknown."""
        ...

    def hindrances(self, root: Path, run: Run) -> Iterator[Hindrance]:
        """What slows it down now.

        Args:
            root: file system root.
            run: what a program of the board prints; None where it is not there or fails.
        """
        ...


def board(root: Path) -> Board | None:
    """The kind of board that the machine below `root` is; None for any other machine."""
    from . import jetson, raspberry_pi

    kinds: tuple[Board, ...] = (raspberry_pi, jetson)
    return next((one for one in kinds if one.is_here(root)), None)


def hindrances(root: Path, run: Run) -> Iterator[Hindrance]:
    """What slows the board down now; nothing of other machines."""
    found = board(root)
    return iter(()) if found is None else found.hindrances(root, run)
