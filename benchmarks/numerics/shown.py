"""Inner tensors that a runtime lets be looked at, whatever way it has of showing them.

What shows them holds itself to one rule: the outputs with inner tensors exposed are production's
bit for bit, on every call. A way of looking that changes what is computed shows something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from .graph import GraphFacts

Arrays = dict[str, npt.NDArray[Any]]
Run = Callable[[Arrays], Sequence[npt.NDArray[Any]]]

ALL = "all"
SINGLE = "single"
"""Exposures: every tensor of one call, or one tensor per run."""


class Uninstrumentable(Exception):
    """The inner tensors cannot be looked at; the text is one sentence that says why."""


class Observes(Protocol):
    """Tensors by name."""

    def observe(self, feeds: Arrays) -> Arrays:
        """Every tensor of one call: feeds, inner tensors and outputs.

        Raises:
            Uninstrumentable: an output is not production's.
            BitgaugeError: the runtime could not execute it.
        """
        ...


class Shown(Observes, Protocol):
    """What is executed, and its tensors.

    Attributes:
        facts: the operators that are executed; its names are those of `observe`.
        exposure: `ALL` or `SINGLE`; "" where the outputs alone are seen.
        why_not: why they are, or "".
    """

    facts: GraphFacts
    exposure: str
    why_not: str


class OutputsAlone:
    """A model of which only the outputs are seen, such as one in another runtime.

    Args:
        run: executes it.
        names: of its outputs, in the order of `run`.
    """

    def __init__(self, run: Run, names: Sequence[str]) -> None:
        self._run, self._names = run, tuple(names)

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds and outputs of one call by name."""
        return {**feeds, **dict(zip(self._names, self._run(feeds), strict=True))}


def same_bits(returned: Sequence[npt.NDArray[Any]], wanted: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether the first of what was returned is what was wanted, bit for bit."""
    pairs = zip(returned, wanted, strict=False)
    return len(returned) >= len(wanted) and all(bit_equal(one, other) for one, other in pairs)


def bit_equal(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Whether two arrays hold the same bits; a NaN equals itself."""
    same = (one.dtype, one.shape) == (other.dtype, other.shape)
    return same and one.tobytes() == other.tobytes()
