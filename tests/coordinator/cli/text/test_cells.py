"""Cells as people read them: every line fits, every figure has its reason beside it."""

from dataclasses import replace

from bitgauge.benchmarks.table.cells import cells, drill, key_of
from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.table.staleness import marked
from bitgauge.benchmarks.vocabulary.enums import CellState
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.coordinator.cli.text.cells import cells_text, parts_text

from tests.benchmarks.table.test_cells import ROW

HOUR_NS = 3_600_000_000_000


def test_a_cell_names_recipe_figures_evidence_and_age() -> None:
    text = cells_text(cells([ROW]), 5 * HOUR_NS)
    assert "cnn on cpu_only, batch 1, 1 thread" in text
    line = next(line for line in text.splitlines() if line.startswith("int8"))
    assert "int8-dynamic" in line
    assert "0.50 [0.50, 0.51]" in line
    assert "1 of 1 [21, 100] %" in line
    assert "1 model, 1 device, 1 run, 4 h old" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_changed_is_said_with_both_values() -> None:
    change = StackChange("runtime.onnxruntime", "1.30.0", "1.31.0")
    text = cells_text(cells([marked(ROW, (change,))]), HOUR_NS)
    assert "int8: stale: runtime.onnxruntime 1.30.0 -> 1.31.0" in text


def test_many_changes_are_counted() -> None:
    changes = tuple(StackChange(f"kernel.{i}", "a", "b") for i in range(9))
    assert "and 5 more" in cells_text(cells([marked(ROW, changes)]), HOUR_NS)


def test_a_recipe_without_figures_says_why() -> None:
    bare = replace(ROW, state=CellState.UNSUPPORTED, metrics=(), reason="No such kernel.")
    text = cells_text(cells([bare]), HOUR_NS)
    assert "unsupported" in text
    assert "No such kernel." in text


def test_priors_stand_apart_with_their_source() -> None:
    text = cells_text(with_priors(cells([ROW]), priors()), HOUR_NS)
    measured, _, prior = text.partition("priors:")
    assert "int8-dynamic" in measured
    assert "gpu_nvidia" in prior
    assert "decide nothing" in prior
    assert "cpu_only" not in prior  # What was measured here took its place.
    alone = cells_text(priors(), HOUR_NS)
    assert "Nothing has been measured yet" in alone


def test_a_drill_down_lists_its_runs() -> None:
    other = replace(ROW, device_id="e", device_name="e", run_id="second run")
    rows = [ROW, other]
    text = parts_text({key_of(ROW): drill(rows, ("device", "recipe"))}, HOUR_NS)
    lines = [line for line in text.splitlines() if line.startswith("int8 ")]
    assert [line.split()[1] for line in lines] == ["d", "e"]
    assert "second run" in text


def test_an_empty_table_is_one_sentence() -> None:
    assert cells_text((), 0) == "The table has no cell that matches."
