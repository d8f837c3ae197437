"""What a kind of task is asked, and what it gives (measurement.md E-4). Pure.

Per sample a fixed number of figures is kept, from which the score of any choice of samples can be
had: so the difference of two artifacts is bootstrapped over samples, paired. A score lies between
0 and 1, more is better; differences are told in points of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from ...samples import Floats
from ...vocabulary.errors import BadInput, Code
from ..outputs import Output

MOST_FIGURES = 8_000_000
"""Of one artifact: what an array of a raw file holds."""

Rows = npt.NDArray[Any]
Truth = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an evaluation set asks for.

    Attributes:
        name: of the kind of task, such as ``ranking``.
        k: of the first how many; 0 where it was not said.
    """

    name: str
    k: int = 0


class TaskKind(Protocol):
    """The shape of a module of this folder.

    Attributes:
        NAME: as evaluation sets have it in `task`.
        MEASURE: what the score is called; `{k}` stands for how many.
        K: of the first how many, unless it is said; 0 where that means nothing.
        VERSION: raised when the same rows would give other figures.
    """

    NAME: str
    MEASURE: str
    K: int
    VERSION: int

    def problem(self, truth: Truth, samples: int) -> str:
        """What the truth of an evaluation set lacks, in words; empty when it serves."""
        ...

    def outputs(self, there: Sequence[Output], wish: str) -> tuple[str, ...]:
        """Names of the outputs that are needed, in the order of `figures`; none: they lack."""
        ...

    def figures(self, rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
        """Figures of each sample, (samples, any).

        Args:
            rows: of the outputs, first axis is samples.
            truth: as the evaluation set has it, first axis is samples.
            k: of the first how many.

        Raises:
            BadInput: BAD_EVALUATION_SET, outputs and truth do not fit.
        """
        ...

    def score(self, figures: Floats, weights: Floats) -> float:
        """The score of samples that count so often each, 0 to 1; NaN where nothing is judged."""
        ...

    def details(self, figures: Floats, weights: Floats) -> dict[str, float]:
        """More that these samples say, by name."""
        ...


def misfit(sentence: str) -> BadInput:
    """Outputs and truth do not fit."""
    return BadInput(Code.BAD_EVALUATION_SET, sentence)


def one_output(there: Sequence[Output], wish: str) -> tuple[str, ...]:
    """The output that is named, else the only one of numbers."""
    if wish:
        return (wish,) if wish in {one.name for one in there} else ()
    numbers = [
        one.name for one in there if one.dtype.startswith(("float", "bfloat", "int", "uint"))
    ]
    return tuple(numbers) if len(numbers) == 1 else ()


def lacks(truth: Truth, names: Sequence[str]) -> str:
    """Which arrays are missing, in words; empty when none is."""
    missing = [f"truth/{name}" for name in names if name not in truth]
    return f"it lacks {' and '.join(missing)}" if missing else ""


def too_many(samples: int, width: int) -> str:
    """Why so many samples of so many figures cannot be kept; empty when they can."""
    if samples * width <= MOST_FIGURES:
        return ""
    return f"its {samples} samples take {width} figures each; {MOST_FIGURES} are kept in all"


def no_details(figures: Floats, weights: Floats) -> dict[str, float]:
    """For a task of which the score says all."""
    return {}
