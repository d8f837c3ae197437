"""Rows of files that their owners gave: no two share one, and nothing else tells them apart."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from bitgauge.benchmarks.table.cells import cell_of, key_of
from bitgauge.benchmarks.table.rows import SettledRow, is_named, newest_rows, row_key
from bitgauge.benchmarks.table.units import told_apart
from bitgauge.benchmarks.vocabulary.enums import CellState, FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values
from tests.labs.values import digest

RECIPES = ("int8-dynamic", "int4-wo-b32", CUSTOM)


def own(recipe: str, file: str, label: str, **changes: object) -> TableRow:
    family = FormatFamily.INT8 if recipe == CUSTOM else FormatFamily(recipe.partition("-")[0])
    row = values.row("fp32", label=label, artifact=digest(file))
    return replace(row, recipe=recipe, family=family, **changes)  # type: ignore[arg-type]


entries = st.lists(
    st.tuples(
        st.sampled_from(RECIPES),
        st.one_of(st.none(), st.sampled_from("abcde")),
        st.sampled_from(("model.onnx", "other.onnx")),
    ),
    max_size=12,
)


def job_of(found: list[tuple[str, str | None, str]]) -> list[SettledRow]:
    """The entries of one job, all settled; without a file an entry was built."""
    rows = [
        own(recipe, file, label) if file else replace(own(recipe, "", ""), artifact=None)
        for recipe, file, label in found
    ]
    return [
        SettledRow(replace(row, run_id=str(place)), place, True, f"job/{place:06d}")
        for place, row in enumerate(rows)
    ]


@given(entries)
def test_no_two_files_of_a_job_share_a_row(found: list[tuple[str, str | None, str]]) -> None:
    rows = newest_rows(job_of(found))
    assert {(row.recipe, row.artifact) for row in rows} == {
        (recipe, digest(file) if file else None) for recipe, file, _ in found
    }
    assert len(rows) == len({row_key(row) for row in rows})


@given(entries, st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(
    found: list[tuple[str, str | None, str]], order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    keys = [{row_key(row) for row in newest_rows(job_of(each))} for each in (found, shuffled)]
    assert keys[0] == keys[1]


@given(entries)
def test_names_tell_rows_apart_and_say_no_more_than_needed(
    found: list[tuple[str, str | None, str]],
) -> None:
    rows = newest_rows(job_of(found))
    names = told_apart(rows)
    said = [names[row.variant, row.artifact] for row in rows]
    assert len(set(said)) == len(rows)
    for row, name in zip(rows, said, strict=True):
        alone = sum(other.recipe == row.recipe for other in rows) == 1
        assert name == row.recipe or not (alone and row.recipe != CUSTOM)


def test_the_same_file_under_another_label_is_the_same_row_with_the_newer_label() -> None:
    old = SettledRow(own("int8-dynamic", "a", "first"), 1, True, "a/0")
    new = SettledRow(own("int8-dynamic", "a", "second"), 2, True, "b/0")
    (row,) = newest_rows([new, old])
    assert row.label == "second"


def test_a_built_row_keeps_its_key_and_a_file_has_one_more_part() -> None:
    built = values.row()
    assert row_key(replace(built, label="x")) == row_key(built)
    assert row_key(replace(built, artifact=digest("a"))) == (*row_key(built), digest("a"))


@pytest.mark.parametrize(
    ("word", "found"),
    [("mine", True), (digest("a").short, True), (digest("a").sha256, True), ("min", False)],
)
def test_a_file_is_named_by_label_or_by_the_start_of_its_digest(word: str, found: bool) -> None:
    assert is_named(own("int8-dynamic", "a", "mine"), word) is found
    assert not is_named(values.row(), word)


def measured(row: TableRow, ratio: float, verdict: str = "PASS") -> TableRow:
    return replace(
        row,
        metrics=(
            MetricValue("latency_ratio", ratio, ratio, ratio),
            MetricValue("accuracy_delta_pp", 0.0, 0.0, 0.0, verdict=verdict),
            MetricValue("nonfinite_count", 0.0),
        ),
    )


def test_what_was_built_counts_in_a_cell_before_files_of_its_recipe() -> None:
    built = measured(values.row(), 0.8)
    file = measured(own("int8-dynamic", "a", "a.onnx", measured_unix_ns=9), 0.1)
    (part,) = cell_of(key_of(built), [file, built]).recipes
    assert part.metric("latency_ratio").value == pytest.approx(0.8)
    lost = replace(built, state=CellState.UNSUPPORTED, metrics=())
    (part,) = cell_of(key_of(built), [file, lost]).recipes
    assert part.metric("latency_ratio").value == pytest.approx(0.1), "the only one with numbers"


def test_custom_files_are_parts_of_their_own_and_lead_only_where_no_recipe_passes() -> None:
    built = measured(values.row(), 0.8)
    mine = measured(own(CUSTOM, "a", "mine"), 0.1)
    other = measured(own(CUSTOM, "b", "mine", model_name="another"), 0.2)
    cell = cell_of(key_of(built), [mine, built, other])
    assert [part.models for part in cell.recipes] == [
        ("digits-cnn",),
        ("another",),
        ("digits-cnn",),
    ]
    assert cell.recipe == "int8-dynamic"
    failing = measured(values.row(), 0.8, "FAIL")
    assert cell_of(key_of(built), [mine, failing]).recipe == mine.variant


def test_other_weights_at_full_precision_are_not_the_baseline() -> None:
    baseline = values.row("fp32")
    file = own("fp32", "a", "folded.onnx")
    assert baseline.is_baseline
    assert not file.is_baseline
    assert file.variant == f"fp32 folded.onnx {digest('a').short}"
    cell = cell_of(key_of(baseline), [baseline, measured(file, 0.7)])
    ratios = [part.metric("latency_ratio").value for part in cell.recipes]
    assert ratios == [1.0, pytest.approx(0.7)]
