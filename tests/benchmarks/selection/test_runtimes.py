"""Which runtime and format: what several execute is held against one baseline in one of them."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.rows import row_key
from bitgauge.benchmarks.table.units import unit_of
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

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
