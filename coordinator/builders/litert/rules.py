"""What a recipe is to ai-edge-quantizer: rules of its own, as its recipe files hold them. Pure.

Spelled out here and not taken from its module of recipes, so that what an artifact was made with
stands in its lineage, and a new release of it changes nothing unseen.
"""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import (
    Granularity,
    GraphForm,
    RangeMethod,
    Recipe,
    Scheme,
)

Rule = dict[str, Any]

_BITS = {"s4": 4, "s8": 8, "s16": 16}
_FAMILIES = {FormatFamily.INT8: "s8", FormatFamily.INT4: "s4"}
_BORDER = ("INPUT", "OUTPUT")


def rules(recipe: Recipe) -> list[Rule] | None:
    """The quantizer's rules for a recipe; None where it has none."""
    if recipe.family is FormatFamily.FP16:
        return [_rule("float_casting", _weights(16, "TENSORWISE", "FLOAT"), in_float=True)]
    if _is_other(recipe):
        return None
    weight = recipe.weight or _FAMILIES[recipe.family]
    shared = "CHANNELWISE" if recipe.block is None else f"BLOCKWISE_{recipe.block}"
    weights = _weights(_BITS[weight], shared, "INT")
    if recipe.scheme is Scheme.WEIGHT_ONLY:
        return [_rule("min_max_uniform_quantize", weights, in_float=True)]
    if recipe.scheme is Scheme.DYNAMIC:
        return [_rule("min_max_uniform_quantize", weights)]
    assert recipe.activation is not None
    rule = _rule("min_max_uniform_quantize", weights, _BITS[recipe.activation])
    return [rule] if recipe.form is GraphForm.INTEGER_BORDER else [rule, *map(_left, _BORDER)]


_TYPES = {
    Scheme.STATIC: (("s8", "s8"), ("s16", "s8"), ("s8", "s4")),
    Scheme.DYNAMIC: (("s8", "s8"), ("s8", "s4")),
    Scheme.WEIGHT_ONLY: ((None, None),),
}
"""Activation and weight, by scheme."""


def _is_other(recipe: Recipe) -> bool:
    """Whether it is no recipe for channels of signed integers with ranges by extremes.

    Nor for blocks of four bits whose activations are scaled while running.
    """
    in_blocks = recipe.scheme is Scheme.DYNAMIC and recipe.block is not None
    return (
        recipe.scheme is None
        or recipe.family not in _FAMILIES
        or (recipe.activation, recipe.weight) not in _TYPES[recipe.scheme]
        or (recipe.granularity is not Granularity.PER_CHANNEL and not in_blocks)
        or recipe.ranges not in (None, RangeMethod.MIN_MAX)
        or recipe.reduced_range
        or recipe.form is GraphForm.OPERATORS
    )


def _rule(
    algorithm: str, weights: Rule, activation_bits: int = 0, *, in_float: bool = False
) -> Rule:
    """One rule for every operator that the quantizer takes."""
    config: Rule = {
        "weight_tensor_config": weights,
        "compute_precision": "FLOAT" if in_float else "INTEGER",
        "explicit_dequantize": in_float,
        "skip_checks": False,
        "min_weight_elements": 0,
    }
    if activation_bits:
        config["activation_tensor_config"] = {
            "num_bits": activation_bits,
            "symmetric": activation_bits > 8,
            "granularity": "TENSORWISE",
            "dtype": "INT",
        }
    return {"regex": ".*", "operation": "*", "algorithm_key": algorithm, "op_config": config}


def _weights(bits: int, granularity: str, dtype: str) -> Rule:
    return {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": dtype}


def _left(operation: str) -> Rule:
    return {"regex": ".*", "operation": operation, "algorithm_key": "no_quantize"}
