"""What a recipe is to the script that quantizes programs. Pure."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme, parse

Rule = dict[str, object]

_SPELLED: tuple[tuple[str, Rule], ...] = (
    ("bf16", {"format": "half", "dtype": "bfloat16"}),
    ("fp16", {"format": "half", "dtype": "float16"}),
    ("int8-static-u8s8-pc", {"format": "static"}),
    ("int8-dynamic-s8s8-pc", {"format": "layers", "how": "int8-dynamic"}),
    ("int8-wo-pc", {"format": "layers", "how": "int8-wo"}),
    ("fp8-wo-e4m3-pc", {"format": "layers", "how": "fp8-wo"}),
)
_RULES = {parse(text): rule for text, rule in _SPELLED}


def rule(recipe: Recipe) -> Rule | None:
    """What the script is told of a recipe; None where it makes none of it."""
    alone = recipe.scheme is Scheme.WEIGHT_ONLY and recipe.block is not None
    if recipe.family is FormatFamily.INT4 and alone and not recipe.kept:
        return {"format": "layers", "how": "int4-wo", "block": recipe.block}
    return _RULES.get(recipe)
