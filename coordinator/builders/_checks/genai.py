"""The look at a built folder of onnxruntime-genai: what of its graph is quantized, and its size.

What it answers is compared with its source by its builder, where the library is.
"""

from __future__ import annotations

from bitgauge.benchmarks.common.folders.genai import config_of
from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from ...models.formats import genai, safetensors
from ..base import BuildRequest
from ._verdict import Verdict, broken, percent
from .onnx.share import share

VERSION = 1
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_KEPT = 0.9
"""Share of the model's bytes that a folder of small integers may still take."""


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    import onnx

    what = "what was built"
    facts = genai.facts(request.output, what)
    if str(facts.recipe) != str(request.recipe):
        raise broken(f"it is {facts.recipe or 'of mixed formats'}, not {request.recipe}")
    if request.recipe.family is FormatFamily.FP32:
        return Verdict(None)
    path = request.output.parent / config_of(request.output, what).model
    found = share(onnx.load(str(path), load_external_data=False), {})
    if not found.operators[0]:
        raise broken("nothing was quantized")
    kept = facts.size_bytes / safetensors.facts(request.baseline, "the model").size_bytes
    if kept > LARGEST_KEPT:
        raise broken(f"it keeps {percent(kept)} of the model's size")
    return Verdict(found)
