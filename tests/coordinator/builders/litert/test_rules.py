"""Which recipes LiteRT's quantizer has rules for, and what they say."""

from __future__ import annotations

import json

import pytest
from bitgauge.benchmarks.vocabulary.recipes import known_recipes, parse
from bitgauge.coordinator.builders import litert, registry
from bitgauge.coordinator.builders.litert.rules import rules

MADE = (
    *("fp16", "int8-static-s8s8-pc", "int8-static-s8s8-pc-io", "int8-static-s16s8-pc"),
    *("int8-static-s16s8-pc-io", "int8-dynamic-s8s8-pc", "int4-static-s8s4-pc"),
    *("int4-static-s8s4-pc-io", "int4-dynamic-s8s4-pc", "int8-wo-pc", "int4-wo-pc"),
    *(f"int4-dynamic-s8s4-b{block}" for block in (32, 64, 128, 256)),
)


def test_it_makes_these_and_no_others() -> None:
    assert {str(one) for one in known_recipes() if litert.accepts(one)} == set(MADE)


@pytest.mark.parametrize("recipe", MADE)
def test_the_rules_are_plain_values_with_the_bits_of_the_recipe(recipe: str) -> None:
    asked = parse(recipe)
    found = rules(asked)
    assert found is not None
    assert json.loads(json.dumps(found)) == found
    config = found[0]["op_config"]
    bits = {"s4": 4, "s8": 8, "s16": 16}
    family = {"fp16": 16, "int8": 8, "int4": 4}[recipe.partition("-")[0]]
    assert config["weight_tensor_config"]["num_bits"] == family
    stored = config.get("activation_tensor_config", {}).get("num_bits")
    static = asked.activation if "static" in recipe else None
    assert stored == (bits[static] if static else None)
    left = {one["operation"] for one in found if one["algorithm_key"] == "no_quantize"}
    assert left == ({"INPUT", "OUTPUT"} if static and not recipe.endswith("-io") else set())


def test_activations_of_16_bits_have_no_zero_point() -> None:
    """Its kernels take none."""
    (wide, *_), (narrow, *_) = (
        rules(parse(one)) or [{}] for one in ("int8-static-s16s8-pc", "int8-static-s8s8-pc")
    )
    assert wide["op_config"]["activation_tensor_config"]["symmetric"] is True
    assert narrow["op_config"]["activation_tensor_config"]["symmetric"] is False


def test_what_shapes_an_artifact_is_in_the_key_of_a_build() -> None:
    found = registry.toolchain(parse("int8-wo-pc"), ("tflite",))
    assert found.startswith("litert/1 litert@")
