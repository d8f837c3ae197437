"""Which operators of a file a delegate took, and in how many pieces.

LiteRT appends a node of kind DELEGATE for each piece and leaves the operators inside of it where
they are in its list, without saying which they are. A piece names what goes in and what comes out:
whatever lies between is inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PIECE = "DELEGATE"


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """One operator as the interpreter lists it."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the operators of a file run.

    Attributes:
        operators: those of the file, in its order.
        taken: numbers of those that a delegate took.
        pieces: how many nodes it made of them.
    """

    operators: tuple[PlacedNode, ...]
    taken: frozenset[int]
    pieces: int


def placement(details: Iterable[Mapping[str, Any]]) -> Placement:
    """Where operators run, from what `_get_ops_details` of an allocated interpreter tells."""
    nodes = [
        PlacedNode(
            str(one["op_name"]),
            tuple(int(at) for at in one["inputs"]),
            tuple(int(at) for at in one["outputs"]),
        )
        for one in details
    ]
    own = tuple(one for one in nodes if one.kind != _PIECE)
    pieces = [one for one in nodes if one.kind == _PIECE]
    makers = {at: number for number, one in enumerate(own) for at in one.outputs}
    taken = {number for piece in pieces for number in _inside(piece, own, makers)}
    return Placement(own, frozenset(taken), len(pieces))


def _inside(piece: PlacedNode, own: Sequence[PlacedNode], makers: Mapping[int, int]) -> set[int]:
    found: set[int] = set()
    wanted = list(piece.outputs)
    while wanted:
        number = makers.get(wanted.pop())
        if number is None or number in found:
            continue
        found.add(number)
        wanted += [at for at in own[number].inputs if at not in piece.inputs]
    return found
