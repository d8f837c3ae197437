"""Every environment that there is or may be, as it stands on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .definition import Definition
from .interpreters import interpreter_for, own
from .shelf import Ready, Shelf

READY = "ready"
ABSENT = "absent"
OLD = "old"
"""Made from a lock, or for a Python, that is not the present one: nothing is built in it."""


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """One environment as people see it.

    Attributes:
        name: of its definition.
        state: `READY`, `ABSENT` or `OLD`.
        gives: what is built in it: an artifact kind with its recipes.
        size_bytes: of one that is made; of one that is not, what it took elsewhere; 0: not known.
        seconds: that making it took, here or elsewhere; 0: not known.
        python: version of its interpreter, or of the one that it would have; empty: none will do.
        wants: which Python versions it is for.
        made_unix_ns: when it was made; 0 for one that is not.
        used_unix_ns: when somebody worked in it last.
        path: where it is, or would be.
    """

    name: str
    state: str
    gives: Mapping[str, tuple[str, ...]]
    size_bytes: int
    seconds: float
    python: str
    wants: str
    made_unix_ns: int
    used_unix_ns: int
    path: str


Gives = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By the name of an environment, then by artifact kind: the recipes that are built in it."""


def overview(
    definitions: Sequence[Definition], shelf: Shelf, gives: Gives
) -> tuple[EnvironmentView, ...]:
    """Each definition, made or not, and what is made of none."""
    there = {one.path: one for one in shelf.all()}
    views = []
    for definition in definitions:
        interpreter = interpreter_for(definition.pythons)
        line = (interpreter or own()).line
        path = shelf.path(definition.name, definition.made_with(line))
        made, cost = there.pop(path, None), definition.cost
        views.append(
            EnvironmentView(
                name=definition.name,
                state=READY if made else ABSENT,
                gives=gives.get(definition.name, {}),
                size_bytes=made.note.size_bytes if made else cost.size_bytes if cost else 0,
                seconds=made.note.seconds if made else cost.seconds if cost else 0.0,
                python=interpreter.version if interpreter else "",
                wants=str(definition.pythons),
                made_unix_ns=made.note.made_unix_ns if made else 0,
                used_unix_ns=made.used_unix_ns if made else 0,
                path=str(path),
            )
        )
    return (*views, *map(_old, there.values()))


def _old(made: Ready) -> EnvironmentView:
    note = made.note
    return EnvironmentView(
        name=note.name,
        state=OLD,
        gives={},
        size_bytes=note.size_bytes,
        seconds=note.seconds,
        python=note.python,
        wants="",
        made_unix_ns=note.made_unix_ns,
        used_unix_ns=made.used_unix_ns,
        path=str(made.path),
    )
