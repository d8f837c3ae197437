"""What holds of every choice, whatever the table holds."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.selection.gather import gather
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    HardwareClass,
    ModelClass,
    Objective,
    Realness,
)
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.rooms.choices import row

EMPTY = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY)


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
                    device_id=draw(st.sampled_from(["a", "b"])),
                    flags=draw(st.sampled_from([(), (), ("saturating",), ("suspect",)])),
                )
            )
    # A result is stale by what is another one since.
    changes = (StackChange("driver", "1", "2"),)
    return [replace(one, changes=changes) if one.state is CellState.STALE else one for one in rows]


LIMITS = {
    "max_accuracy_loss_pp": st.floats(0, 5),
    "max_latency_ns": st.floats(1e3, 1e6),
    "max_latency_p99_ns": st.floats(1e4, 3e6),
    "max_size_bytes": st.integers(1000, 500_000),
    "max_size_ratio": st.floats(0.05, 1.5),
    "max_age_s": st.integers(1, 10**9),
    "min_devices": st.integers(1, 3),
    "max_energy_mj": st.floats(0.1, 10),
    "min_throughput_per_s": st.floats(1, 1e4),
    "max_peak_memory_bytes": st.integers(1, 10**9),
}
limits: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=LIMITS)


def queries() -> st.SearchStrategy[SelectQuery]:
    objectives = st.sampled_from(list(Objective))
    return st.builds(
        lambda kept, objective: replace(EMPTY, objective=objective, **kept), limits, objectives
    )


def answered(query: SelectQuery, rows: list[TableRow], **more: Any) -> Choice:
    return select(query, rows, now_ns=10**18, **more)


@given(tables(), limits, limits)
def test_a_further_limit_never_makes_a_recipe_eligible(
    rows: list[TableRow], first: dict[str, Any], more: dict[str, Any]
) -> None:
    few = answered(replace(EMPTY, **first), rows)
    many = answered(replace(EMPTY, **{**more, **first}), rows)
    were = {one.recipe for one in few.candidates if one.eligible}
    assert {one.recipe for one in many.candidates if one.eligible} <= were
    if many.outcome in ("format", "tie"):
        assert {many.recipe, *many.alternatives} <= were


@given(tables(), queries(), st.randoms(use_true_random=False))
def test_order_emulation_and_other_workloads_change_nothing(
    rows: list[TableRow], query: SelectQuery, order: random.Random
) -> None:
    answer = answered(query, rows)
    others = [replace(one, realness=Realness.EMULATED) for one in rows]
    others += [replace(one, workload=Workload(batch=64)) for one in rows]
    mixed = [*rows, *(others if answer.outcome != "nothing_measured" else ())]
    order.shuffle(mixed)
    assert answered(query, mixed) == answer


@given(tables(), queries())
def test_priors_never_change_an_answer(rows: list[TableRow], query: SelectQuery) -> None:
    without = answered(query, rows)
    beside = answered(query, rows, cells=with_priors(cells(rows), priors()))
    assert replace(beside, nearest=without.nearest) == without


@given(tables(), queries())
def test_shares_are_shares(rows: list[TableRow], query: SelectQuery) -> None:
    answer = answered(query, rows)
    total = sum(one.p_best or 0.0 for one in answer.candidates)
    assert total == pytest.approx(1.0) or total == 0.0
    for one in answer.candidates:
        assert (one.p_best is None) is (not one.eligible)
        assert one.regret is None or one.regret >= 0


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
