"""Quantized Hugging Face folders by llm-compressor, in an environment of its own.

Nothing here computes with such files as they are: what loads them unpacks every weight to a float.
So a build is held against its source by transformers in that environment, and that is said of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.printable import cleaned
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ...models.formats.safetensors import ENTRY
from .._outside import run
from ..base import BuildRequest, Unsupported
from .language import SourceComparison, Windows, held, put_beside, source_of, windows_of

VERSION = 1
MAKES = TAKES = "safetensors"
ENVIRONMENT = "llmcompressor"
DISTRIBUTIONS: tuple[str, ...] = ()
RECIPES = ("int4-gptq_w4a16-cal", "int4-awq_w4a16-cal", "int8-rtn_w8a8", "fp8-rtn_fp8_dynamic")
SCRIPT = "llmcompressor/quantize.py"
_MAKER_CHARACTERS = 60
"""Characters of what an artifact was made with."""
CALIBRATION_WINDOWS = 64
"""Pieces of the calibration texts that a quantizer sees."""
_ASKED = {
    "gptq_w4a16": ("gptq", "W4A16"),
    "awq_w4a16": ("awq", "W4A16_ASYM"),
    "rtn_w8a8": ("rtn", "W8A8"),
    "rtn_fp8_dynamic": ("rtn", "FP8_DYNAMIC"),
}
"""Algorithm and scheme as the script takes them, by a runtime's own name of a recipe."""


def accepts(recipe: Recipe) -> bool:
    """No known one: what is in `RECIPES` is taken anyway."""
    return False


def build(request: BuildRequest) -> None:
    """Quantize the layers between embedding and head, and load again what was written.

    Raises:
        Unsupported: there are no calibration texts, llm-compressor does not take the model, or what
            it wrote cannot be used.
        BadInput: the model is no folder of a language model; BAD_CALIBRATION_SET.
    """
    config = source_of(request)
    algorithm, scheme = _ASKED[str(request.recipe.own)]
    calibration: Windows = []
    if request.recipe.needs_calibration:
        if request.calibration is None:
            raise Unsupported(f"{request.recipe} needs calibration texts, and the job has none.")
        calibration, _ = windows_of(request, config, CALIBRATION_WINDOWS)
    windows, from_texts = windows_of(request, config)
    with tempfile.TemporaryDirectory(dir=request.output.parent, prefix="made-") as folder:
        spec = {
            "source": request.baseline.parent,
            "output": folder,
            "algorithm": algorithm,
            "scheme": scheme,
            "calibration": calibration,
            "windows": windows,
        }
        answer = run(request, SCRIPT, spec)
        put_beside(Path(folder), ENTRY, request.output)
    found = held(answer, from_texts=from_texts)
    request.log.notes += _notes(answer, found, len(calibration))


def _notes(answer: Mapping[str, Any], found: SourceComparison, pieces: int) -> list[str]:
    """What is said of the artifact."""
    told = f", with {pieces} pieces of the calibration texts" if pieces else ""
    return [
        f"quantized by {cleaned(str(answer['maker']), _MAKER_CHARACTERS)}{told}",
        f"compute: {answer['compute']} by transformers; {found.words}",
        "exported, not timed: nothing here computes with its numbers as they are stored",
    ]
