"""A device that nobody has confirmed is shown, and decides nothing."""

from __future__ import annotations

from dataclasses import replace

from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.gate import default_gate
from bitgauge.benchmarks.vocabulary.reasons import UNCONFIRMED
from bitgauge.benchmarks.vocabulary.values.gates import PASSED, REVIEW
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from tests.labs.rooms.choices import row

from .test_select import FP32, QUERY

GOOD = (FP32, row("int8-dynamic", latency=(0.5, 0.48, 0.52)))


def strange(*rows: TableRow) -> list[TableRow]:
    return [
        replace(
            one,
            device_id="device-2",
            device_name="stranger",
            flags=(UNCONFIRMED,),
            run_id=f"{one.run_id}-there",
        )
        for one in rows
    ]


LIES = strange(FP32, row("int8-dynamic", latency=(1.9, 1.8, 2.0), verdict="SLOWER"))


def test_it_changes_no_answer_and_is_named_with_what_to_do() -> None:
    choice = select(QUERY, [*GOOD, *LIES])
    alone = select(QUERY, GOOD)
    assert (choice.outcome, choice.recipe) == (alone.outcome, alone.recipe)
    assert choice.candidates == alone.candidates
    assert "without stranger, which nobody has confirmed" in choice.sentence
    assert any("bitgauge confirm stranger" in one for one in choice.warnings)


def test_alone_it_is_no_evidence_and_the_way_out_is_said() -> None:
    choice = select(QUERY, LIES)
    assert choice.outcome == "nothing_measured"
    assert any("bitgauge confirm stranger" in one for one in choice.warnings)


def test_it_counts_in_no_cell_that_a_confirmed_one_speaks_for() -> None:
    assert cells([*GOOD, *LIES]) == cells(GOOD)
    (cell,) = (one for one in cells(LIES) if one.recipe == "int8-dynamic")
    assert cell.best is not None
    assert UNCONFIRMED in cell.best.flags, "shown with its flag where nobody else says anything"


def test_it_passes_no_gate() -> None:
    judged = row("int8-dynamic")
    passing = replace(
        judged,
        metrics=tuple(
            replace(one, verdict="PASS") if one.key == "accuracy_delta_pp" else one
            for one in judged.metrics
        ),
    )
    assert default_gate(passing) == PASSED
    assert default_gate(replace(passing, flags=(UNCONFIRMED,))) == REVIEW
