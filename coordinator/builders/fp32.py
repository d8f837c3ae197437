"""fp32: the baseline itself, byte for byte."""

from __future__ import annotations

from bitgauge.benchmarks.numerics.external_data import copy_model
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from .base import BuildRequest

VERSION = 1
MAKES = "onnx"
DISTRIBUTIONS: tuple[str, ...] = ()


def accepts(recipe: Recipe) -> bool:
    """Only `fp32`."""
    return recipe.family is FormatFamily.FP32


def build(request: BuildRequest) -> None:
    """Copy the baseline."""
    copy_model(request.baseline, request.output)
