"""A recipe and what executes it, as people type both."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.asked import (
    at_runtime,
    canonical,
    needs_calibration,
    split_runtime,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import known_recipes
from hypothesis import given
from hypothesis import strategies as st

names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


@given(st.sampled_from(known_recipes()).map(str), st.just("") | names)
def test_both_ways(recipe: str, runtime: str) -> None:
    text = at_runtime(recipe, runtime)
    assert split_runtime(text) == (recipe, runtime)
    assert canonical(text) == text


@pytest.mark.parametrize("text", ["all@litert", "all@*", "all", "fp32@litert"])
def test_all_and_every_are_words(text: str) -> None:
    assert canonical(text) == text
    assert not needs_calibration(text)


def test_a_static_recipe_needs_a_set_wherever_it_runs() -> None:
    assert needs_calibration("int8-static-s8s8-pc@litert")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fp16@", "is not RECIPE@RUNTIME"),
        ("fp16@a@b", "is not RECIPE@RUNTIME"),
        ("fp16@*", "give one for fp16, as in fp16@NAME"),
        ("fp61@litert", "the nearest known spelling is 'fp16'"),
        ("@litert", "There is no recipe"),
    ],
)
def test_what_is_typed_wrongly_is_said(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        canonical(text)
