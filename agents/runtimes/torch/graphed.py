"""A program as a CUDA graph: recorded once for each size, handed over as a whole.

Every replay reads and writes the same memory. What comes from the host is copied there first, and
what it leaves is read before the next replay. It counts only when it answers as the eager program
does: what it would not record (work on the host, a size that depends on values) fails or is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitgauge.benchmarks.common.exported.program import Program
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .. import _cuda_queue
from .executions import Run, largest_difference, refuse_wrong
from .place import GRAPH, ComputePlace


class Graphed:
    """See `executions.Execution`.

    Args:
        plain: the program's module on the card.
        program: what it declares.
        cards: the library's module for cards.
    """

    def __init__(self, plain: Run, program: Program, cards: Any) -> None:
        self._plain, self._program, self._cuda = plain, program, cards
        self._known: dict[tuple[Any, ...], Run] = {}
        self.told: dict[str, str] = {}

    def ready(self, tensors: Sequence[Any]) -> Run:
        """What replays the graph for these sizes; it is recorded and compared once."""
        key = tuple((tuple(one.shape), str(one.dtype)) for one in tensors)
        if key not in self._known:
            self._known[key] = self._learned(tensors)
        return self._known[key]

    def _learned(self, tensors: Sequence[Any]) -> Run:
        import torch

        with torch.no_grad():
            # Recorded with other values: what a replay leaves out would else be there already.
            held = [torch.zeros_like(one) for one in tensors]
            replay, made = _cuda_queue.recorded(self._cuda, lambda: self._plain(*held))

            def run(*given: Any) -> Any:
                for target, one in zip(held, given, strict=True):
                    target.copy_(one)
                replay()
                return made

            difference = largest_difference(self._plain(*tensors), run(*tensors))
        refuse_wrong(difference, GRAPH, self._program)
        self.told = {"difference to eager": f"{difference:.2g}"}
        return run


def opened(plain: Run, program: Program, place: ComputePlace) -> Graphed:
    """A graph of a program on a card.

    Raises:
        Refused: `unsupported_artifact`, there is no card, or a call changes the next one.
    """
    if not place.is_card:
        raise Refused(Code.UNSUPPORTED_ARTIFACT, "CUDA graphs exist on cards of NVIDIA alone.")
    if program.keeps_state:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            "A call of the program changes what the next one computes, so that its graph cannot be"
            " compared with it.",
        )
    return Graphed(plain, program, place.cards())
