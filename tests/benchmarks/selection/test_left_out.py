"""Broken models block no answer; files of owners are candidates of their own, or stand for none."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.vocabulary.enums import CellState, FailureGroup, FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.choices import Choice
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.rooms.choices import row
from tests.labs.values import digest

from .test_select import FP32, QUERY

GOOD = (FP32, row("int8-dynamic"))


def of(model: str, *rows: TableRow, **changes: Any) -> list[TableRow]:
    return [replace(one, model_name=model, **changes) for one in rows]


def lost(one: TableRow, reason: str, state: CellState = CellState.FAILED) -> TableRow:
    return replace(
        one,
        state=state,
        metrics=(),
        reason=reason,
        run_id=None,
        failure_group=FailureGroup.ARTIFACT,
    )


CRASHED = of("broken", lost(FP32, "It crashed."), lost(row("int8-dynamic"), "It crashed."))
UNBUILT = of(
    "broken",
    FP32,
    lost(row("fp16"), "A name clashes.", CellState.UNSUPPORTED),
    lost(row("int8-dynamic"), "No kernel.", CellState.UNSUPPORTED),
)
UNJUDGED = of("broken", FP32, row("int8-dynamic", accuracy=None))


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (CRASHED, "broken: its baseline could not be measured: It crashed"),
        (UNBUILT, "broken: nothing but its baseline could be measured; fp16: A name clashes"),
    ],
)
def test_a_broken_model_is_named_and_left_out(broken: list[TableRow], why: str) -> None:
    choice = select(QUERY, [*GOOD, *of("second", *GOOD), *broken])
    assert {one.recipe for one in choice.candidates} == {"fp32", "int8-dynamic"}
    assert (choice.outcome, choice.recipe) == ("format", "int8-dynamic")
    assert "without broken, of which nothing can be compared" in choice.sentence
    assert "worst of 2 models on 1 device" in choice.sentence
    assert any(why in warning for warning in choice.warnings)
    assert all(one.eligible for one in choice.candidates)


def test_a_model_of_which_no_accuracy_could_be_judged_counts_for_everything_else() -> None:
    choice = select(QUERY, [*GOOD, *UNJUDGED])
    assert choice.recipe == "int8-dynamic"
    assert "accuracy without broken, which could not be judged" in choice.sentence
    assert "worst of 2 models" in choice.sentence
    figures = next(one for one in choice.candidates if one.recipe == "int8-dynamic")
    assert figures.accuracy_delta_pp.value == pytest.approx(-0.1), "of the others"
    slow = of("broken", FP32, row("int8-dynamic", accuracy=None, verdict="SLOWER"))
    assert select(QUERY, [*GOOD, *slow]).recipe == "fp32"


@pytest.mark.parametrize("broken", [CRASHED, UNBUILT, UNJUDGED])
def test_of_a_broken_model_alone_each_recipe_says_why(broken: list[TableRow]) -> None:
    choice = select(QUERY, broken)
    assert choice.recipe != "int8-dynamic"
    assert "without" not in choice.sentence
    assert not any(one.eligible for one in choice.candidates if one.recipe == "int8-dynamic")


def test_a_recipe_that_one_model_cannot_take_does_not_make_it_a_broken_one() -> None:
    only = of("second", FP32, lost(row("int8-dynamic"), "No kernel."))
    assert select(QUERY, [*GOOD, *only]).recipe == "fp32", "it speaks against its family"
    partly = of("second", FP32, lost(row("int8-dynamic"), "No kernel."), row("fp16"))
    choice = select(QUERY, [*GOOD, row("fp16"), *partly])
    assert choice.recipe == "fp16"
    rejected = next(one for one in choice.candidates if one.recipe == "int8-dynamic")
    assert "second: failed: No kernel" in rejected.reasons


def test_what_fails_on_one_device_alone_still_rejects() -> None:
    there = {"device_id": "device-2", "device_name": "there"}
    elsewhere = of("digits", FP32, lost(row("int8-dynamic"), "No kernel."), **there)
    choice = select(QUERY, [*GOOD, *elsewhere, *of("second", *GOOD)])
    assert choice.recipe == "fp32"


# -- files of owners --------------------------------------------------------------------------
def file(recipe: str, name: str, label: str, **changes: Any) -> TableRow:
    family = FormatFamily.INT8 if recipe == CUSTOM else FormatFamily(recipe.partition("-")[0])
    made = row("int8-dynamic", **changes)
    return replace(
        made, recipe=recipe, family=family, label=label, artifact=digest(name), run_id=f"run-{name}"
    )


A = file("int8-dynamic", "a", "a.onnx")
B = file("int8-dynamic", "b", "b.onnx", latency=(0.3, 0.29, 0.31))
MINE = file(CUSTOM, "c", "mine", latency=(0.2, 0.19, 0.21))


def names(choice: Choice) -> set[str]:
    return {one.recipe for one in choice.candidates}


def test_files_of_one_model_are_candidates_of_their_own() -> None:
    choice = select(QUERY, [FP32, A, B, row("int8-dynamic")])
    own = [f"int8-dynamic {one.label} {one.artifact.short}" for one in (A, B) if one.artifact]
    assert names(choice) == {"fp32", "int8-dynamic", *own}
    assert choice.recipe == own[1]
    assert (choice.label, choice.artifact) == ("b.onnx", B.artifact)
    alone = select(QUERY, [FP32, A])
    assert names(alone) == {"fp32", "int8-dynamic"}, "the recipe says it"
    assert alone.artifact == A.artifact


@given(st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(order: random.Random) -> None:
    rows = [FP32, A, B, MINE, row("int8-dynamic")]
    shuffled = list(rows)
    order.shuffle(shuffled)
    assert select(QUERY, shuffled) == select(QUERY, rows)


def test_a_custom_file_is_chosen_for_its_model_and_stands_for_no_other() -> None:
    rows = [FP32, MINE, row("int8-dynamic")]
    choice = select(QUERY, rows)
    assert choice.recipe == MINE.variant
    assert choice.label == "mine"
    several = select(QUERY, [*rows, *of("second", *GOOD)])
    assert several.recipe == "int8-dynamic"
    assert any(
        f"left out, {MINE.variant} of digits" in warning and "--model NAME" in warning
        for warning in several.warnings
    )


@pytest.mark.parametrize("word", ["b.onnx", digest("b").short])
def test_one_file_is_asked_about_by_label_or_digest(word: str) -> None:
    choice = select(
        replace(QUERY, artifact=word), [FP32, A, B, row("int8-dynamic"), *of("second", *GOOD)]
    )
    assert names(choice) == {"fp32", "int8-dynamic"}
    assert choice.artifact == B.artifact
    with pytest.raises(BadInput, match=r"called 'nothing'; there are a\.onnx"):
        select(replace(QUERY, artifact="nothing"), [FP32, A])


def test_other_weights_at_full_precision_are_no_baseline() -> None:
    folded = file("fp32", "d", "folded.onnx")
    choice = select(QUERY, [FP32, folded])
    assert choice.recipe == folded.variant
    assert choice.candidates[1].latency_ratio.value == 0.5


def test_what_would_settle_a_file_is_the_file() -> None:
    unsure = file(CUSTOM, "c", "my file", latency=(0.99, 0.9, 1.1), verdict="UNDECIDED")
    choice = select(QUERY, [FP32, unsure])
    assert choice.outcome == "undecided"
    assert choice.settling[0].command.startswith("bitgauge run 'my file=FILE' --baseline")
    assert "--recipes" not in choice.settling[0].command
