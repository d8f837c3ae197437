"""Which runtime and format: what several execute is held against one baseline in one of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.selection.twins import between
from bitgauge.benchmarks.table.rows import row_key
from bitgauge.benchmarks.table.units import unit_of
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, Objective
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.rooms.choices import row
from tests.labs.rooms.choices import row as row_of

from .test_select import FP32, QUERY

HOME = FP32.runtime


def elsewhere(one: TableRow, runtime: str = "litert") -> TableRow:
    """The same recipe, executed by another runtime and compared with the same baseline."""
    return replace(one, runtime=runtime, reference=HOME, run_id=f"{runtime}-{one.run_id}")


SLOWER = row("int8-dynamic", latency=(0.9, 0.88, 0.92))
FASTER = elsewhere(row("int8-dynamic", latency=(0.3, 0.28, 0.32)))


def test_the_answer_names_what_executes_it() -> None:
    choice = select(QUERY, [FP32, SLOWER, FASTER])
    assert (choice.outcome, choice.recipe) == ("format", "int8-dynamic on litert")
    assert choice.runtime == "litert"
    assert "Ship int8-dynamic on litert" in choice.sentence
    told = {one.recipe: one.runtime for one in choice.candidates}
    assert told == {"fp32": HOME, "int8-dynamic": HOME, "int8-dynamic on litert": "litert"}
    assert all(one.eligible for one in choice.candidates), "neither lacks the other's row"


def test_it_can_be_limited_to_one() -> None:
    rows = [FP32, SLOWER, FASTER]
    home = select(replace(QUERY, runtime=HOME), rows)
    assert (home.recipe, home.runtime) == ("int8-dynamic", HOME)
    there = select(replace(QUERY, runtime="litert"), rows)
    assert there.recipe == "int8-dynamic on litert"
    assert [one.recipe for one in there.candidates] == ["fp32", "int8-dynamic on litert"]


def test_rows_against_different_references_are_different_places() -> None:
    """A ratio to one baseline says nothing of a ratio to another."""
    other = replace(FASTER, reference="torch")
    assert unit_of(FASTER) == unit_of(FP32) != unit_of(other)
    assert len({row_key(one) for one in (SLOWER, FASTER, other)}) == 3
    choice = select(QUERY, [FP32, SLOWER, other])
    assert choice.outcome == "undecided", "each lacks the other place"


def test_a_row_of_one_runtime_alone_keeps_its_key_and_name() -> None:
    plain = row_of("int8-dynamic")
    assert (plain.variant, plain.reference_runtime) == ("int8-dynamic", HOME)
    assert "against" not in repr(row_key(plain))


def test_the_command_to_settle_it_names_the_runtime() -> None:
    choice = select(QUERY, [FP32, elsewhere(row("int8-dynamic", accuracy=None))])
    commands = [one.command for one in choice.settling] + [choice.next_command or ""]
    assert any("--recipes int8-dynamic --runtime litert" in one for one in commands)


# -- the guard: against the float twin of the same runtime ------------------------------------
def twin(ratio: float, reach: float = 0.02) -> TableRow:
    """What the other runtime makes of the model at FP32."""
    held = row("int8-dynamic", latency=(ratio, ratio - reach, ratio + reach), size=1.0)
    return elsewhere(replace(held, recipe="fp32", family=FormatFamily.FP32, run_id="twin"))


def lite(ratio: float, reach: float = 0.02) -> TableRow:
    return elsewhere(row("int8-dynamic", latency=(ratio, ratio - reach, ratio + reach)))


def test_where_the_runtime_is_faster_already_the_float_twin_is_the_answer() -> None:
    """Two ratios that overlap: all that was gained is the runtime."""
    choice = select(QUERY, [FP32, twin(0.52), lite(0.50)])
    assert (choice.outcome, choice.recipe, choice.runtime) == ("format", "fp32 on litert", "litert")


def test_a_format_that_is_faster_than_its_twin_is_the_answer() -> None:
    choice = select(QUERY, [FP32, twin(0.6), lite(0.3)])
    assert (choice.recipe, choice.runtime) == ("int8-dynamic on litert", "litert")


def test_an_interval_that_reaches_the_twin_is_no_gain() -> None:
    choice = select(QUERY, [FP32, twin(0.6, 0.01), lite(0.5, 0.2)])
    assert choice.recipe == "fp32 on litert"


def test_a_twin_is_of_the_same_runtime() -> None:
    other = elsewhere(replace(twin(0.31), run_id="other"), "torch")
    choice = select(QUERY, [FP32, lite(0.3), other])
    assert choice.recipe == "int8-dynamic on litert", "what torch does at FP32 is no twin of it"


def test_size_gains_against_a_twin_too() -> None:
    asked = replace(QUERY, objective=Objective.SIZE)
    assert select(asked, [FP32, twin(0.52), lite(0.50)]).recipe == "int8-dynamic on litert"


@given(st.floats(0.2, 0.9), st.floats(0.2, 0.9), st.floats(0.01, 0.1), st.floats(0.01, 0.1))
def test_the_ratio_of_two_ratios_is_wider_than_either(
    one: float, other: float, reach: float, wide: float
) -> None:
    first = MetricValue("latency_ratio", one, one * (1 - reach), one * (1 + reach))
    second = MetricValue("latency_ratio", other, other * (1 - wide), other * (1 + wide))
    found = between(first, second)
    assert found is not None
    assert found.point == pytest.approx(math.log(one / other))
    assert found.half_width >= math.log((1 + max(reach, wide)) / (1 - max(reach, wide))) / 2 - 1e-12
    back = between(second, first)
    assert back is not None
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_what_is_not_known_of_either_is_no_gain() -> None:
    assert (
        between(MetricValue("latency_ratio", reason="x"), MetricValue("latency_ratio", 1)) is None
    )
