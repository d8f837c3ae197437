"""Which builders lead from the sources of a model to an artifact."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from bitgauge.coordinator.models.chains import Chain, Link, chain, would_do
from hypothesis import given
from hypothesis import strategies as st

KINDS = ("onnx", "pt2", "tflite", "gguf")
kinds = st.lists(st.sampled_from(KINDS), unique=True, max_size=4).map(tuple)
links = st.builds(Link, st.sampled_from(KINDS), st.sampled_from(KINDS))
several = st.frozensets(links, max_size=8)

ONNX, LITE, TO_LITE = Link("onnx", "onnx"), Link("tflite", "tflite"), Link("pt2", "tflite")


def test_the_kinds_of_the_sources_decide() -> None:
    assert chain(("onnx",), (), {ONNX}, ("onnx",)) == Chain("onnx", (ONNX,))
    assert chain(("onnx", "tflite"), (), {LITE}, ("tflite",)) == Chain("tflite", (LITE,))
    found = chain(("onnx", "pt2"), {TO_LITE}, {LITE, ONNX}, ("tflite",))
    assert found == Chain("pt2", (TO_LITE, LITE))
    assert chain(("onnx",), {TO_LITE}, {LITE}, ("tflite",)) is None


def test_a_source_is_its_own_fp32_and_else_it_is_converted() -> None:
    there = ("onnx", "tflite")
    assert chain(there, {TO_LITE}, {TO_LITE}, ("tflite",), plain=True) == Chain("tflite")
    converted = chain(("onnx", "pt2"), {TO_LITE}, {TO_LITE, ONNX}, ("tflite",), plain=True)
    assert converted == Chain("pt2", (TO_LITE,))


def test_a_form_beside_the_baseline_is_rather_converted_than_the_baseline() -> None:
    converters = {TO_LITE, Link("onnx", "tflite")}
    assert chain(("onnx", "pt2"), converters, {LITE}, ()) == Chain("pt2", (TO_LITE, LITE))
    assert chain(("pt2", "onnx"), converters, {LITE}, ()).source == "onnx"  # type: ignore[union-attr]


def test_what_would_do_is_told_with_what_it_can_be_made_of() -> None:
    assert would_do({TO_LITE, Link("onnx", "pt2")}, {LITE}) == ("onnx", "pt2", "tflite")
    assert would_do((), {LITE}) == ("tflite",)


def _shortest(there: tuple[str, ...], converters: frozenset[Link], lasts: frozenset[Link]) -> int:
    """By trying every order of converters; 0: there is none."""
    for count in range(len(KINDS)):
        for between in permutations(sorted(converters), count):
            for source in there:
                for last in lasts:
                    way = (*between, last)
                    joined = all(one.makes == two.takes for one, two in pairwise(way))
                    if joined and way[0].takes == source:
                        return len(way)
    return 0


@given(there=kinds, converters=several, lasts=several)
def test_it_is_the_shortest_that_holds_together(
    there: tuple[str, ...], converters: frozenset[Link], lasts: frozenset[Link]
) -> None:
    found = chain(there, converters, lasts, ())
    least = _shortest(there, converters, lasts)
    if found is None:
        assert least == 0
        return
    assert len(found.links) == least
    assert found.source in there
    assert found.links[0].takes == found.source
    assert all(one.makes == two.takes for one, two in pairwise(found.links))
    assert {*found.links[:-1]} <= converters
    assert found.links[-1] in lasts


@given(there=kinds, converters=several, lasts=several, wanted=kinds, data=st.data())
def test_the_order_in_which_builders_are_found_decides_nothing(
    there: tuple[str, ...],
    converters: frozenset[Link],
    lasts: frozenset[Link],
    wanted: tuple[str, ...],
    data: st.DataObject,
) -> None:
    mixed = data.draw(st.permutations(sorted(converters)))
    ends = data.draw(st.permutations(sorted(lasts)))
    assert chain(there, mixed, ends, wanted) == chain(there, converters, lasts, wanted)


@given(there=kinds, converters=several, lasts=several)
def test_there_is_a_chain_exactly_where_a_source_would_do(
    there: tuple[str, ...], converters: frozenset[Link], lasts: frozenset[Link]
) -> None:
    found = chain(there, converters, lasts, ())
    assert (found is not None) == bool({*there} & {*would_do(converters, lasts)})


@pytest.mark.parametrize("wanted", [("onnx", "tflite"), ("tflite", "onnx")])
def test_of_two_as_short_the_better_kind_is_made(wanted: tuple[str, ...]) -> None:
    found = chain(("onnx", "tflite"), (), {ONNX, LITE}, wanted)
    assert found is not None
    assert found.makes == wanted[0]
