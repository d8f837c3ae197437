"""The order of a ladder: what was measured decides, then literature, and nothing is left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from bitgauge.benchmarks.ladder.rungs import EVEN_CHANCE, HOPELESS, SIZE, ordered
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.priors import priors
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    FormatFamily,
    HardwareClass,
    ModelClass,
    Profile,
)
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values

RECIPES = ("int8-dynamic", "int8-static-u8s8-pc", "fp16", "int4-wo-b32")


def row(recipe: str, ratio: float, verdict: str = "PASS", **changes: object) -> TableRow:
    told = values.row(
        model_name="m",
        recipe=recipe,
        family=FormatFamily(recipe.partition("-")[0]),
        profile=Profile.STANDARD,
        metrics=(
            MetricValue("latency_ratio", ratio, ratio * 0.99, ratio * 1.01, verdict="FASTER"),
            MetricValue("accuracy_delta_pp", 0.0, -0.5, 0.5, verdict=verdict),
            MetricValue("nonfinite_count", 0.0),
        ),
        run_id="r",
        measured_unix_ns=1,
        fingerprint="f",
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def known(*rows: TableRow) -> tuple[Cell, ...]:
    return cells(rows)


def test_what_was_measured_of_a_recipe_counts_before_its_family() -> None:
    found = ordered(
        RECIPES[:2],
        known(row("int8-dynamic", 2.0), row("int8-static-u8s8-pc", 0.3)),
        "latency_ratio",
        60.0,
    )
    assert [one.recipe for one in found] == ["int8-static-u8s8-pc", "int8-dynamic"]
    assert found[0].gain > 0 > found[1].gain
    assert "times better" in found[0].why
    assert "times worse" in found[1].why


def test_a_format_that_fails_its_gate_comes_behind_one_that_passes() -> None:
    found = ordered(
        ("fp16", "int8-dynamic"),
        known(row("fp16", 0.5, "FAIL"), row("int8-dynamic", 0.5)),
        "latency_ratio",
        60.0,
    )
    assert [one.recipe for one in found] == ["int8-dynamic", "fp16"]
    assert (found[0].chance, found[1].chance) == (0.75, 0.25)


def test_what_could_not_run_here_is_tried_last_and_still_tried() -> None:
    failed = row("fp16", 0.1, state=CellState.UNSUPPORTED, metrics=(), run_id=None)
    found = ordered(("fp16", "int4-wo-b32"), known(failed), "latency_ratio", 60.0)
    assert [one.recipe for one in found] == ["int4-wo-b32", "fp16"]
    assert found[1].chance == HOPELESS


def test_literature_counts_where_nothing_was_measured() -> None:
    about = [
        one
        for one in priors()
        if (one.key.model_class, one.key.hardware_class) == (ModelClass.CNN, HardwareClass.CPU_ONLY)
    ]
    found = ordered(("fp16", "int8-dynamic"), about, "latency_ratio", 60.0)
    assert {one.chance for one in found} == {EVEN_CHANCE}
    assert "literature" in found[0].why


def test_of_sizes_nobody_measured_the_narrower_weights_come_first() -> None:
    found = ordered(RECIPES, (), SIZE, 60.0)
    assert [one.recipe for one in found] == [
        *("int4-wo-b32", "int8-dynamic", "int8-static-u8s8-pc", "fp16"),
    ]
    unknown = ordered(RECIPES, (), "latency_ratio", 60.0)
    assert [one.recipe for one in unknown] == list(RECIPES), "widths tell no latency"


@given(
    st.permutations(RECIPES),
    st.lists(st.tuples(st.sampled_from(RECIPES), st.floats(0.1, 9.0)), max_size=6),
)
def test_every_format_is_tried_once_the_worthiest_first(
    recipes: list[str], measured: list[tuple[str, float]]
) -> None:
    rows = [row(recipe, ratio, device_id=str(at)) for at, (recipe, ratio) in enumerate(measured)]
    found = ordered([*recipes, recipes[0]], known(*rows), "latency_ratio", 60.0)
    assert sorted(one.recipe for one in found) == sorted(RECIPES)
    assert all(one.worth >= two.worth for one, two in pairwise(found))
    assert all(0 < one.chance < 1 for one in found)
