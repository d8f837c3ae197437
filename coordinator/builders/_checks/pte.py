"""The look at a built .pte file before a device sees it; see `_checks.onnx`.

It is read without the library. How much of it is quantized and what it computes its builder has
found out where the library is.
"""

from __future__ import annotations

from bitgauge.benchmarks.common.pte import program
from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from ...models.formats import pt2
from ..base import BuildRequest
from ._verdict import Verdict, broken, percent

VERSION = 1
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_KEPT = 0.9
"""Share of the program's bytes that a file of integers may still take."""


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    before = pt2.facts(request.baseline, "the model")
    after = program.read(request.output, "what was built")
    for side in ("inputs", "outputs"):
        wanted = [(one.name, len(one.shape)) for one in getattr(before, side)]
        there = [(one.name, len(one.shape)) for one in getattr(after, side)]
        if there != wanted:
            raise broken(f"its {side} are {_words(there)}, the model's {_words(wanted)}")
    sizes = request.baseline.stat().st_size, request.output.stat().st_size
    if request.recipe.family is not FormatFamily.FP32 and sizes[1] > LARGEST_KEPT * sizes[0]:
        raise broken(
            f"it keeps {percent(sizes[1] / sizes[0])} of the model's {sizes[0]} bytes, so most of"
            " its weights are no integers"
        )
    own = sum(after.operators.values())
    pieces = ", ".join(f"{name} in {count} pieces" for name, count in after.delegates.items())
    return Verdict(
        None, notes=(f"executed by {pieces or 'no delegate'}, {own} operators of its own",)
    )


def _words(side: list[tuple[str, int]]) -> str:
    return ", ".join(f"{name} of {axes} axes" for name, axes in side)
