"""Recipes: the spelling and the meaning are inverse to each other."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import (
    DEFAULT_RECIPES,
    Granularity,
    RangeMethod,
    Recipe,
    Scheme,
    known_recipes,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@given(st.sampled_from(known_recipes()))
def test_every_recipe_round_trips(recipe: Recipe) -> None:
    assert parse(str(recipe)) == recipe
    assert str(recipe).split("-")[0] == recipe.family.value


def test_spellings_are_unique() -> None:
    recipes = known_recipes()
    assert len({str(recipe) for recipe in recipes}) == len(recipes) == len(set(recipes))


@settings(max_examples=60)
@given(st.one_of(st.text(max_size=80), st.text(alphabet="fpint8432-usdyarcbwo", max_size=30)))
def test_any_text_is_a_recipe_or_one_sentence(text: str) -> None:
    if text in {str(recipe) for recipe in known_recipes()}:
        assert str(parse(text)) == text
        return
    with pytest.raises(BadInput, match="nearest known spelling is") as caught:
        parse(text)
    assert caught.value.code is Code.BAD_RECIPE


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("int8-static", "int8-static-u8s8-pc"),
        ("int8-statik-u8s8-pc", "int8-static-u8s8-pc"),
        ("INT8-Dynamic", "int8-dynamic"),
        ("int8_dynamic", "int8-dynamic"),
        ("int8-static-u8s8-pc-minmax", "int8-static-u8s8-pc"),
        ("fp-16", "fp16"),
        ("int4", "int4-wo-b32"),
        ("int4-wo", "int4-wo-b32"),
    ],
)
def test_a_wrong_spelling_names_the_nearest(written: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"nearest known spelling is '{meant}'"):
        parse(written)


def test_the_words_mean_what_the_grammar_says() -> None:
    assert parse("int8-static-u8s8-pc-percentile-rr") == Recipe(
        FormatFamily.INT8,
        Scheme.STATIC,
        activation="u8",
        weight="s8",
        granularity=Granularity.PER_CHANNEL,
        ranges=RangeMethod.PERCENTILE,
        reduced_range=True,
    )
    assert parse("int4-wo-b32").block == 32
    assert parse("int8-dynamic").granularity is Granularity.PER_TENSOR


def test_default_recipes_start_with_the_baseline() -> None:
    assert [str(recipe) for recipe in DEFAULT_RECIPES] == [
        "fp32",
        "fp16",
        "int8-dynamic",
        "int8-static-u8s8-pc",
        "int8-static-s8s8-pc",
        "int8-static-u8u8-pt",
        "int8-static-u8s8-pc-rr",
        "int4-wo-b32",
    ]
