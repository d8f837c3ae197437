"""What an examination is: looks at one thing of a machine and says what it found.

An examination is a module of `examinations` that holds `NAME`, `RANK` (the highest is told first)
and `examine(patient)`; it is found by the name of its file. It changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class State(str, enum.Enum):
    """What a finding means for the numbers of this machine."""

    GOOD = "good"
    NOTE = "note"
    MEND = "mend"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was looked at.

    Attributes:
        subject: what it is about, in a word or two.
        state: `good`; `note` where nothing can or need be done; `mend` where numbers would be
            better or more of them known; `stop` where nothing can be measured.
        found: what is there.
        why: why it matters; empty of what is good.
        mend: the command or the step that mends it; empty where there is none.
    """

    subject: str
    state: State
    found: str
    why: str = ""
    mend: str = ""


def no_program(command: tuple[str, ...]) -> str | None:
    """As where no program is installed."""
    return None


@dataclass(frozen=True, slots=True)
class Patient:
    """The machine that is examined.

    Attributes:
        root: file system root, below which /proc and /sys are read.
        home: state folder.
        plugins: further folders of plug-ins.
        sandbox: name of the strongest level that works.
        sandbox_refused: stronger ones, and a sentence why each does not work.
        user_id: who asks: the sensors of some kernels are root's alone.
        run: what a program of the machine prints; None where it is not there or fails.
    """

    root: Path
    home: Path
    plugins: tuple[Path, ...] = ()
    sandbox: str = ""
    sandbox_refused: tuple[tuple[str, str], ...] = ()
    user_id: int = 0
    run: Callable[[tuple[str, ...]], str | None] = no_program


class Examination(Protocol):
    """The shape of an examination."""

    NAME: str
    RANK: int

    def examine(self, patient: Patient) -> Iterable[Observation]:
        """What it finds; nothing where the machine has no such thing."""
        ...
