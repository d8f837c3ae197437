"""Decoders for onnxruntime-genai of a Hugging Face folder, by the library's own builder.

Weights are rounded to the nearest of their block (its algorithm `default`), those of the head too;
embeddings stay in float. Activations are computed with as the runtime's kernels do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bitgauge.benchmarks.common.folders.genai import CONFIG
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme

from .._checks._verdict import broken
from .._outside import run
from ..base import BuildRequest
from ..safetensors.language import held, put_beside, source_of, windows_of

VERSION = 1
MAKES, TAKES = "genai", "safetensors"
ENVIRONMENT = "genai"
DISTRIBUTIONS: tuple[str, ...] = ()
USUAL = ("int8-wo-b32", "int4-wo-b32")
SCRIPT = "genai/from_safetensors.py"
MOST_OFF = 1e-3
"""Nats by which a token may cost more or less where both are floats of 32 bits: their sums are in
another order."""
_INTEGERS = (FormatFamily.INT4, FormatFamily.INT8)


def accepts(recipe: Recipe) -> bool:
    """`fp32`, and weights alone in blocks."""
    if recipe.kept:
        return False
    blocks = recipe.scheme is Scheme.WEIGHT_ONLY and recipe.block is not None
    return recipe.family is FormatFamily.FP32 or (recipe.family in _INTEGERS and blocks)


def build(request: BuildRequest) -> None:
    """Have the folder made, and compare what it answers with its source.

    Raises:
        Unsupported: the builder takes no such architecture, or what it made cannot be used.
        BadInput: the model is no folder of a language model; BAD_CALIBRATION_SET.
    """
    config = source_of(request)
    windows, from_texts = windows_of(request, config)
    with tempfile.TemporaryDirectory(dir=request.output.parent, prefix="made-") as folder:
        spec = {
            "source": request.baseline.parent,
            "output": folder,
            "precision": request.recipe.family.value,
            "block": request.recipe.block or 0,
            "windows": windows,
        }
        answer = run(request, SCRIPT, spec)
        put_beside(Path(folder), CONFIG, request.output)
    found = held(answer, from_texts=from_texts)
    if request.recipe.family is FormatFamily.FP32 and found.farthest > MOST_OFF:
        raise broken(
            f"a token costs {found.farthest:.3g} nats more or less than its source says, which no"
            " order of float sums explains"
        )
    request.log.notes.append(found.words)
