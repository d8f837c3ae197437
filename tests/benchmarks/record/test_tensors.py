"""Two runs tensor by tensor: which are unlike, in which order, and how it is printed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.record.tensors import (
    MOST_ROWS,
    ComparisonByTensor,
    RowApart,
    apart,
    worth_a_look,
)
from bitgauge.benchmarks.vocabulary.values.history import (
    Comparison,
    MetricChange,
    RowComparison,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.cli.text.history import comparison_text

from tests.labs.values import row

KIND = "QGemm.u8s8.const"
EXACT, SATURATES = {KIND: "exact"}, {KIND: "sat16"}


def product(output: str, **changes: Any) -> OperatorRow:
    """One of 1,000 outputs, whose pair sums leave 16 bits twice in a hundred."""
    whole = OperatorRow(f"op/{output}", "QGemm", "integer", "u8", "s8", True, 9, 9, output)
    whole = replace(whole, elements=1_000, pairs=10_000, saturated_pairs=200)
    return replace(whole, **changes)


def ledger(*operators: OperatorRow) -> Ledger:
    return Ledger(8, claims_integer=True, operators=operators)


def test_a_tensor_is_unlike_where_one_kernel_saturates_and_the_other_does_not() -> None:
    same = ledger(product("a"), product("b", saturated_pairs=0))
    (found,) = apart(same, same, (EXACT, SATURATES))
    assert found.tensor == "a"
    assert (found.before.saturated, found.after.saturated) == (0.0, 0.02)
    assert (found.before.kind, found.before.wrong) == ("QGemm.u8s8", 0.0)
    assert apart(same, same, (EXACT, EXACT)) == ()
    assert apart(same, same, (SATURATES, SATURATES)) == ()


def test_the_most_wrong_comes_first_whichever_side_it_is_on() -> None:
    board = ledger(product("a"), product("b", errors1=50), product("c"))
    host = ledger(
        product("a", errors1=20, explained1=20),
        product("b"),
        product("c", errors1=900, explained1=900),
    )
    found = apart(board, host, (EXACT, SATURATES))
    assert [one.tensor for one in found] == ["c", "b", "a"]
    assert [(one.before.wrong, one.after.wrong) for one in found] == [
        (0.0, 0.9),
        (0.05, 0.0),
        (0.0, 0.02),
    ]


def test_one_name_is_one_tensor_and_what_one_side_lacks_is_not_compared() -> None:
    board = ledger(product("a (rewritten)"), product("only_here", errors1=5))
    host = ledger(product("a_QuantizeLinear_Output", errors1=9), product("only_there", errors1=5))
    assert [one.tensor for one in apart(board, host, (EXACT, SATURATES))] == ["a"]


def test_what_was_not_computed_again_is_unknown_and_never_zero() -> None:
    board, host = ledger(product("a", elements=0)), ledger(product("a", errors1=9))
    (found,) = apart(board, host, (EXACT, SATURATES))
    assert (found.before.saturated, found.before.wrong) == (None, None)


def between(before: float, after: float) -> Comparison:
    first, second = (replace(row(), device_name=name, run_id=name) for name in ("pi", "old-x86"))
    values = MetricValue("saturated_pct", before), MetricValue("saturated_pct", after)
    change = MetricChange("saturated_pct", values[0], values[1], "unknown", "difference")
    compared = RowComparison(first, second, metrics=(change,))
    return Comparison("pi", "old-x86", "device", (compared,) * (MOST_ROWS + 1))


def test_only_rows_that_saturate_in_unlike_measure_are_looked_at() -> None:
    assert worth_a_look(between(0.0, 0.0)) == ()
    assert len(worth_a_look(between(0.0, 2.0))) == MOST_ROWS


def test_both_devices_shares_are_printed_below_their_row() -> None:
    found = between(0.0, 2.0)
    tensors = apart(
        ledger(product("a_layer_of_a_name_that_is_quite_long/output")),
        ledger(product("a_layer_of_a_name_that_is_quite_long/output", errors1=70, explained1=70)),
        (EXACT, SATURATES),
    )
    whole = ComparisonByTensor(
        *(found.before, found.after, found.factor, found.rows[:1], found.left_out),
        (RowApart("pi", "old-x86", tensors, more=3),),
    )
    lines = [line.split() for line in comparison_text(whole).splitlines()]
    assert ["worst", "tensors", "on", "kernel", "saturated", "wrong"] in lines
    [pi] = [line for line in lines if line[1:3] == ["pi", "QGemm.u8s8"]]
    assert pi[0].endswith("/output")
    assert pi[3:] == ["0", "%", "0", "%"]
    assert ["old-x86", "QGemm.u8s8", "2.0", "%", "7.0", "%"] in lines
    assert "(3 more tensors are unlike)" in comparison_text(whole)
    assert max(map(len, comparison_text(whole).splitlines())) <= 100
