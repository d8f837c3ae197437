"""Rows, cells and answers of language models as people read them."""

from __future__ import annotations

from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.coordinator.cli.text.cells import cells_text
from bitgauge.coordinator.cli.text.choice import choice_text
from bitgauge.coordinator.cli.text.layout import WIDTH
from bitgauge.coordinator.cli.text.rows import table_text

from tests.labs import values
from tests.labs.rooms.decoder_rows import FP32, Q4, Q8, REQUEST


def test_rows_show_requests_and_perplexity() -> None:
    printed = table_text([FP32, Q8, Q4])
    assert "llm, prompt 128, 32 generated, 1 thread" in printed
    assert "perplexity ratio" in printed
    assert "accuracy" not in printed
    line = next(one for one in printed.splitlines() if one.startswith("int8-q8_0"))
    assert line.split() == [
        *("int8-q8_0", "0.60", "0.60", "[0.59,", "0.61]", "FASTER", "167", "12.0", "ms", "-"),
        *("1.002", "[1.001,", "1.003]", "PASS"),
    ]
    assert "first token: none" not in printed
    assert max(map(len, printed.splitlines())) <= WIDTH


def test_rows_of_calls_say_nothing_of_requests() -> None:
    printed = table_text([values.row("fp32"), values.row("int8-dynamic")])
    assert "latency ratio" in printed
    assert "token" not in printed
    assert "perplexity" not in printed


def test_cells_and_answers_of_decoders() -> None:
    printed = cells_text(cells([FP32, Q8]), 1)
    assert "per token ratio" in printed
    assert "perplexity ratio" in printed
    query = SelectQuery(
        ModelClass.TRANSFORMER,
        HardwareClass.CPU_ONLY,
        workload=REQUEST,
        max_perplexity_ratio=1.01,
    )
    answer = choice_text(select(query, [FP32, Q8, Q4]), explain=True)
    assert "per token 0.60 [0.59, 0.61] FASTER, size 0.60, perplexity 1.002" in answer
    assert "perplexity ratio at most 1.01" in answer
