"""Formats of llama.cpp, by its own quantizer in an environment of its own.

With `-cal` the quantizer is told how much each column of a weight matters, from the calibration
texts: the mean square of what is multiplied with it, as llama.cpp's `imatrix` tool computes it.
"""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.common.gguf.decoder import decoder_of
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ...models.formats.gguf.recipe import FILE_TYPES
from .._outside import run
from ..base import BuildRequest, Unsupported

VERSION = 1
MAKES = TAKES = "gguf"
ENVIRONMENT = "llamacpp"
DISTRIBUTIONS: tuple[str, ...] = ()
SCRIPT = "llamacpp/quantize.py"
WINDOW_TOKENS = 512
"""Tokens of a piece of a calibration text, as many as llama.cpp's own tool takes at a time."""

_OWN = {
    "int8-q8_0": False,
    "int6-q6_k": True,
    "int5-q5_k_m": True,
    "int5-q5_0": True,
    "int4-q4_k_m": True,
    "int4-q4_k_s": True,
    "int4-q4_0": True,
    "int4-iq4_nl": True,
    "int3-q3_k_m": True,
    "int2-q2_k": True,
}
"""What is built, and whether the importance of columns changes it: q8_0 rounds to the nearest."""
RECIPES = (*_OWN, *(f"{name}-cal" for name, told in _OWN.items() if told))
USUAL = ("fp16", "int8-q8_0", "int6-q6_k", "int5-q5_k_m", "int4-q4_k_m", "int4-q4_0")

_HALVES = (FormatFamily.FP16, FormatFamily.BF16)


def accepts(recipe: Recipe) -> bool:
    """Floats of two bytes."""
    return recipe.family in _HALVES


def build(request: BuildRequest) -> None:
    """Quantize the model.

    Raises:
        Unsupported: the calibration set holds no texts of this model's tokens.
        BadInput: the model is no GGUF file, or llama.cpp does not take it.
    """
    recipe = request.recipe
    name = recipe.own or recipe.family.value
    spec: dict[str, Any] = {
        "source": request.baseline,
        "output": request.output,
        "file_type": FILE_TYPES[name],
    }
    if recipe.own_calibrated:
        spec |= _texts(request)
    answer = run(request, SCRIPT, spec)
    if recipe.own_calibrated:
        request.log.notes += _said(answer)


def _texts(request: BuildRequest) -> dict[str, Any]:
    """What the quantizer's environment is told of the calibration texts."""
    from bitgauge.benchmarks.quality.texts import read_text_set

    header = read_header(request.baseline, "the model")
    decoder = decoder_of(header)
    if request.calibration is None:
        raise Unsupported(
            f"{request.recipe} needs a calibration set of texts; give one with --cal."
        )
    texts = read_text_set(request.calibration)
    if texts.tokenizer_sha256 != decoder.tokenizer_sha256:
        raise Unsupported("The calibration texts are of another tokenizer than the model.")
    return {
        "texts": request.calibration,
        "bos": decoder.bos,
        "context": min(decoder.context_tokens, WINDOW_TOKENS),
    }


def _said(answer: dict[str, Any]) -> list[str]:
    """What the importance comes from, and of what no text told anything."""
    notes = [
        f"the importance of columns comes from {answer['tokens']} tokens of"
        f" {answer['documents']} texts, for {len(answer['known'])} weights"
    ]
    if answer["unreached"]:
        notes.append(f"no text reached {', '.join(map(str, answer['unreached']))}")
    return notes
