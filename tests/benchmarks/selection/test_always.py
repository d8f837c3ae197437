"""What holds of every choice, whatever the table holds."""

from __future__ import annotations

import random
from dataclasses import replace

from bitgauge.benchmarks.selection.gather import gather
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.vocabulary.enums import CellState, HardwareClass, ModelClass, Objective
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.rooms.choices import row


def figures() -> st.SearchStrategy[tuple[float, float, float]]:
    return st.tuples(st.floats(0.1, 3.0), st.floats(0.0, 0.3), st.floats(0.0, 0.3)).map(
        lambda t: (t[0], t[0] * (1 - t[1]), t[0] * (1 + t[2]))
    )


@st.composite
def tables(draw: st.DrawFn) -> list[TableRow]:
    rows = []
    for recipe in draw(
        st.lists(
            st.sampled_from(["fp32", "fp16", "int8-dynamic", "int4-wo-b32"]),
            unique=True,
            max_size=4,
        )
    ):
        for model in draw(st.sampled_from([["a"], ["a", "b"]])):
            delta = draw(st.floats(-5, 2))
            rows.append(
                row(
                    recipe,
                    latency=draw(st.none() | figures()),
                    verdict=draw(st.sampled_from(["FASTER", "SLOWER", "SAME", "UNDECIDED"])),
                    size=1.0 if recipe == "fp32" else draw(st.floats(0.05, 1.2)),
                    accuracy=draw(st.none() | st.just((delta, delta - 1, delta + 1))),
                    p50_ns=draw(st.floats(1e3, 1e6)),
                    memory=draw(st.none() | st.floats(0.2, 2)),
                    state=draw(st.sampled_from([CellState.MEASURED] * 4 + list(CellState))),
                    model_name=model,
                )
            )
    # A result is stale by what is another one since.
    changes = (StackChange("driver", "1", "2"),)
    return [replace(one, changes=changes) if one.state is CellState.STALE else one for one in rows]


def queries() -> st.SearchStrategy[SelectQuery]:
    return st.builds(
        SelectQuery,
        model_class=st.just(ModelClass.CNN),
        hardware_class=st.just(HardwareClass.CPU_ONLY),
        max_accuracy_loss_pp=st.none() | st.floats(0, 5),
        max_latency_ns=st.none() | st.floats(1e3, 1e6),
        max_size_bytes=st.none() | st.integers(1000, 500_000),
        max_size_ratio=st.none() | st.floats(0.05, 1.5),
        objective=st.sampled_from(list(Objective)),
    )


@given(tables(), queries(), queries())
def test_a_further_limit_never_makes_a_recipe_eligible(
    rows: list[TableRow], query: SelectQuery, other: SelectQuery
) -> None:
    limits = ("max_accuracy_loss_pp", "max_latency_ns", "max_size_bytes", "max_size_ratio")
    added = {
        name: getattr(other, name)
        if getattr(query, name) is None
        else min(v for v in (getattr(query, name), getattr(other, name)) if v is not None)
        for name in limits
    }
    before = {c.recipe for c in select(query, rows).candidates if c.eligible}
    after = {c.recipe for c in select(replace(query, **added), rows).candidates if c.eligible}
    assert after <= before


@given(tables(), queries(), st.randoms())
def test_the_order_of_rows_does_not_matter(
    rows: list[TableRow], query: SelectQuery, order: random.Random
) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    assert select(query, shuffled) == select(query, rows)


@given(tables(), queries())
def test_what_was_not_measured_is_never_chosen(rows: list[TableRow], query: SelectQuery) -> None:
    choice = select(query, rows)
    left = {one.model for one in gather(query, rows).broken}
    rows = [r for r in rows if r.model_name not in left]
    chosen = [r for r in rows if r.recipe == choice.recipe]
    if choice.outcome in ("format", "tie"):
        assert chosen
        # What is stale was measured, and counts with a warning.
        assert all(r.state in (CellState.MEASURED, CellState.STALE) for r in chosen)
        if any(r.state is CellState.STALE for r in chosen):
            assert any("stale" in warning for warning in choice.warnings)
        assert all(
            c.eligible
            for c in choice.candidates
            if c.recipe in (choice.recipe, *choice.alternatives)
        )
    elif choice.recipe != "fp32":
        assert not any(r.state in (CellState.UNSUPPORTED, CellState.FAILED) for r in chosen)
    assert choice.sentence.endswith(".")
    assert {c.recipe for c in choice.candidates} == {r.recipe for r in rows}
