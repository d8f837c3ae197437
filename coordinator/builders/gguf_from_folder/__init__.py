"""fp32 for llama.cpp of a Hugging Face folder, by llama.cpp's converter in its own environment."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from .._outside import run
from ..base import BuildRequest

VERSION = 1
MAKES, TAKES = "gguf", "safetensors"
ENVIRONMENT = "hf_gguf"
DISTRIBUTIONS: tuple[str, ...] = ()
SCRIPT = "hf_gguf/from_folder.py"


def accepts(recipe: Recipe) -> bool:
    """Only `fp32`: what is smaller, llama.cpp's quantizer makes of that."""
    return recipe.family is FormatFamily.FP32


def build(request: BuildRequest) -> None:
    """Convert; what the folder holds in half precision is widened, which is exact.

    Raises:
        Unsupported: the converter does not know the architecture or the tokenizer.
    """
    run(request, SCRIPT, {"source": request.baseline.parent, "output": request.output})
