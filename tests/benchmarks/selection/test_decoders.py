"""Choosing a format of a language model: by requests and perplexity, never beside other calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.gate import default_gate
from bitgauge.benchmarks.table.rows import row_key
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.gates import FAILED, PASSED, REVIEW
from bitgauge.benchmarks.vocabulary.values.jobs import Workload, usual_request
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.decoder_rows import FP32, Q4, Q8, REQUEST, decoder

QUERY = SelectQuery(
    ModelClass.TRANSFORMER,
    HardwareClass.CPU_ONLY,
    workload=REQUEST,
    max_perplexity_ratio=1.01,
)


def asked(*rows: TableRow, **changes: Any) -> Choice:
    return select(replace(QUERY, **changes), [FP32, *rows])


def reasons(choice: Choice, recipe: str) -> str:
    return "; ".join(next(one for one in choice.candidates if one.recipe == recipe).reasons)


def test_the_fastest_that_keeps_its_perplexity_is_shipped() -> None:
    choice = asked(Q8, Q4)
    assert (choice.outcome, choice.recipe) == ("format", "int8-q8_0")
    assert "at a prompt of 128 and 32 generated tokens with 1 thread" in choice.sentence
    assert "perplexity +0.2 % [+0.1, +0.3]" in choice.sentence
    assert "accuracy" not in choice.sentence
    assert "has 1.05" in reasons(choice, "int4-q4_0")
    assert "times the baseline's perplexity" in reasons(choice, "int4-q4_0")
    assert asked(Q8, Q4, max_perplexity_ratio=1.1).recipe == "int4-q4_0"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_ttft_ns": 1e7}, "to the first token, more than the 10.0 ms allowed"),
        ({"min_tokens_per_s": 400.0}, "less than the 400/s wanted"),
    ],
)
def test_limits_on_requests(limit: dict[str, float], words: str) -> None:
    assert words in reasons(asked(Q8, **limit), "int8-q8_0")


def test_undecided_perplexity_stays_open() -> None:
    unsure = decoder("int8-q8_0", ratio=0.6, lost=0.0098)
    choice = asked(unsure)
    assert choice.outcome == "undecided"
    assert "undecided against the 1.01 allowed" in reasons(choice, "int8-q8_0")


def test_the_command_asks_for_requests() -> None:
    choice = asked()
    assert choice.next_command is not None
    assert "--scenario llm --prompt-tokens 128 --generate 32" in choice.next_command
    assert "--baseline MODEL.gguf" in choice.next_command
    assert "--batch" not in choice.next_command
    assert "--calibration" not in choice.next_command


def test_other_requests_and_calls_never_answer() -> None:
    longer = usual_request(prompt_tokens=512)
    elsewhere = [replace(one, workload=longer) for one in (FP32, Q8)]
    calls = [replace(one, workload=Workload()) for one in (FP32, Q8)]
    choice = select(QUERY, [*elsewhere, *calls])
    assert choice.outcome == "nothing_measured"
    assert "a prompt of 512 and 32 generated tokens with 1 thread" in choice.sentence


def test_the_gate_is_the_perplexity() -> None:
    assert default_gate(FP32) == PASSED
    assert default_gate(Q8) == PASSED
    assert default_gate(Q4) == FAILED
    open_ = replace(Q8, metrics=tuple(one for one in Q8.metrics if one.key != "perplexity_ratio"))
    assert default_gate(open_) == REVIEW
    accurate = MetricValue("accuracy_delta_pp", 0.0, -0.1, 0.1, verdict="PASS")
    assert default_gate(replace(open_, metrics=(*open_.metrics, accurate))) == REVIEW


def test_cells_of_decoders_hold_their_figures_and_others_do_not() -> None:
    of_llm = next(one for one in cells([FP32, Q8]) if one.key.family is FormatFamily.INT8)
    assert of_llm.best is not None
    keys = [one.key for one in of_llm.best.metrics]
    assert keys[-3:] == ["ttft_ratio", "tpot_ratio", "perplexity_ratio"]
    assert of_llm.best.metric("perplexity_ratio").value == pytest.approx(1.002)
    of_calls = [replace(one, workload=Workload()) for one in (FP32, Q8)]
    (cell,) = (one for one in cells(of_calls) if one.key.family is FormatFamily.INT8)
    assert cell.best is not None
    assert [one.key for one in cell.best.metrics] == keys[:-3]


def test_requests_are_part_of_the_row_key_and_calls_keep_theirs() -> None:
    longer = replace(Q8, workload=usual_request(prompt_tokens=512))
    assert len({row_key(Q8), row_key(longer)}) == 2
    call = replace(Q8, workload=Workload())
    told = repr(row_key(call))
    assert "prompt_tokens" not in told
