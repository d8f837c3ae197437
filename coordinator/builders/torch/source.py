"""The program that a builder is given."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from ...models.base import ModelFacts
from ...models.formats import pt2
from ..base import BuildRequest, Unsupported


def float_program(request: BuildRequest) -> ModelFacts:
    """What the baseline of a request is, none of it loaded.

    Raises:
        Unsupported: it is not an FP32 program of plain tensors.
        BadInput: it would run code when it is loaded, or is damaged.
    """
    facts = pt2.facts(request.baseline, "the model")
    if facts.recipe is None or facts.recipe.family is not FormatFamily.FP32:
        raise Unsupported("The program is not one of float32 throughout, which this is built of.")
    return facts
