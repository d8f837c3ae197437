"""Recipes: the spelling and the meaning are inverse to each other."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import (
    CUSTOM,
    DEFAULT_RECIPES,
    Granularity,
    GraphForm,
    RangeMethod,
    Recipe,
    Scheme,
    base_of,
    default_recipes,
    family_of,
    is_calibrated,
    kept_names,
    known_recipes,
    parse,
    with_kept,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st


@given(st.sampled_from(known_recipes()))
def test_every_recipe_round_trips(recipe: Recipe) -> None:
    assert parse(str(recipe)) == recipe
    assert str(recipe).split("-")[0] == recipe.family.value


def test_spellings_are_unique() -> None:
    recipes = known_recipes()
    assert len({str(recipe) for recipe in recipes}) == len(recipes) == len(set(recipes))


OWN_FAMILIES = [one for one in FormatFamily if one is not FormatFamily.FP32]


QUANTIZED = [recipe for recipe in known_recipes() if recipe.scheme is not None]
NODES = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), max_size=3)


@given(st.sampled_from(QUANTIZED), NODES)
def test_layers_left_in_float_round_trip(recipe: Recipe, names: list[str]) -> None:
    kept = with_kept(recipe, names)
    text = str(kept)
    assert parse(text) == kept
    assert set(kept_names(kept)) == set(names)
    assert (base_of(text), family_of(text)) == (str(recipe), recipe.family)
    assert is_calibrated(text) is recipe.needs_calibration
    assert with_kept(recipe, reversed(names)) == kept
    assert not set(",@ \n") & set(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("int8-dynamic+b+a", r"nearest known spelling is 'int8-dynamic\+a\+b'"),
        ("int8-dynamic+a+a", r"nearest known spelling is 'int8-dynamic\+a'"),
        ("int8-dynamic+", "nearest known spelling is 'int8-dynamic'"),
        ("int8-dynamic+a b", r"nearest known spelling is 'int8-dynamic\+a%20b'"),
        ("int8-dynamik+a", "nearest known spelling is 'int8-dynamic'"),
        ("fp16+a", "fp16 quantizes no layer"),
        ("int8-dynamic+" + "a" * 200, "longer than 200 characters; leave fewer"),
    ],
)
def test_layers_left_in_float_have_one_spelling(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        parse(text)
    assert caught.value.code is Code.BAD_RECIPE


@given(
    st.sampled_from(OWN_FAMILIES),
    st.from_regex(r"[a-z][a-z0-9]{0,6}(_[a-z0-9]{1,4}){1,3}", fullmatch=True),
    st.booleans(),
)
def test_a_name_of_a_runtimes_own_round_trips(
    family: FormatFamily, name: str, calibrated: bool
) -> None:
    """Without any list of such names: a reader that lacks the builder reads a row of it."""
    text = f"{family.value}-{name}{'-cal' if calibrated else ''}"
    grammar = {str(recipe).replace("-", "_") for recipe in known_recipes()}
    assume(text.replace("-", "_") not in grammar)
    recipe = parse(text)
    assert str(recipe) == text
    assert (recipe.family, recipe.own, recipe.own_calibrated) == (family, name, calibrated)
    assert family_of(text) is family
    assert is_calibrated(text) is calibrated
    assert recipe.needs_calibration is calibrated


@pytest.mark.parametrize(
    "text",
    [
        *("fp32-q8_0", "int4-Q4_K_M", "int4-q4", "int4-q4_", "int4-_k", "int4-q4_k-m", "q4_k_m"),
        *("int8-wo_b32", "int8-static_u8s8_pc", "int4-q4_k_m-cal-cal", "int4-" + "q_" * 30 + "k"),
    ],
)
def test_what_is_no_name_of_a_runtimes_own(text: str) -> None:
    with pytest.raises(BadInput, match="nearest known spelling is"):
        parse(text)
    assert not is_calibrated(text)


def test_own_names_of_builders_are_suggested() -> None:
    own = ["int4-q4_k_m", "int8-q8_0"]
    for written, meant in (("int4-Q4_K_M", own[0]), ("int4-q4km", own[0]), ("int8-q80", own[1])):
        with pytest.raises(BadInput, match=f"nearest known spelling is '{meant}'"):
            parse(written, own)


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
    assert parse("int8-static-s8s8-pc-io").form is GraphForm.INTEGER_BORDER
    assert parse("int8-static-u8s8-pc-rr-qop").form is GraphForm.OPERATORS
    assert parse("int8-dynamic-s8s8-pc").activation == "s8"
    assert parse("int4-static-s8s4-pc").weight == "s4"
    assert parse("int8-wo-pc") == Recipe(
        FormatFamily.INT8, Scheme.WEIGHT_ONLY, granularity=Granularity.PER_CHANNEL
    )
    assert parse("fp8-wo-e4m3-pc").weight == "e4m3"


@pytest.mark.parametrize("kind", ["onnx", "tflite", "pt2"])
def test_each_kind_has_a_usual_list(kind: str) -> None:
    usual = default_recipes(kind)
    assert str(usual[0]) == "fp32"
    assert len(set(usual)) == len(usual) > 5


def test_a_kind_without_a_list_has_nothing_usual() -> None:
    assert default_recipes("genai") == ()


def test_custom_cannot_be_built() -> None:
    with pytest.raises(BadInput, match="give the file"):
        parse(CUSTOM)


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
