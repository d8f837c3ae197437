"""A series of one metric: what of its past is held together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.history.series import history_of
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY
from bitgauge.benchmarks.vocabulary.values.history import HistoryPoint, RowHistory
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.refresh import device, row_of, targets

ROW = row_of(targets(device("here"))[0], run_id="r0")


def points(*values: tuple[float, int]) -> list[HistoryPoint]:
    """Points with these values, each of a definition."""
    return [
        HistoryPoint(
            run_id=f"r{place}",
            job_id=f"j{place}",
            measured_unix_ns=place,
            settled_unix_ns=place,
            value=MetricValue("latency_ratio", value, definition=definition),
        )
        for place, (value, definition) in enumerate(values)
    ]


def history(found: list[HistoryPoint]) -> RowHistory:
    return history_of(ROW, "key", "latency_ratio", found)


@pytest.mark.parametrize("definition", [1, 2])
def test_a_new_definition_is_no_step(definition: int) -> None:
    found = history(points(*[(0.5, 1)] * MIN_HISTORY, *[(0.8, definition)] * MIN_HISTORY))
    if definition == 1:
        assert [step.run_id for step in found.steps] == [f"r{MIN_HISTORY}"]
        assert "definition" not in found.finding
    else:
        assert found.steps == ()
        assert [point.counts for point in found.points] == [
            *[False] * MIN_HISTORY,
            *[True] * MIN_HISTORY,
        ]
        assert found.finding == (
            f"no step in {MIN_HISTORY} values;"
            f" {MIN_HISTORY} of an older definition of the metric left out"
        )


def test_a_step_says_which_definition_its_levels_follow() -> None:
    found = history(points((0.1, 1), *[(0.5, 3)] * MIN_HISTORY, *[(0.8, 3)] * MIN_HISTORY))
    (step,) = found.steps
    assert (step.run_id, step.verdict) == (f"r{MIN_HISTORY + 1}", "regressed")
    assert (step.before.definition, step.after.definition) == (3, 3)
    assert found.finding.endswith("; 1 of an older definition of the metric left out")


def test_a_past_of_one_old_definition_is_judged_as_it_is() -> None:
    found = history(points(*[(0.5, 1)] * MIN_HISTORY))
    assert found.finding == f"no step in {MIN_HISTORY} values"
    suspect = [replace(point, counts=False) for point in points((0.5, 1))]
    assert "definition" not in history([*suspect, *points(*[(0.5, 2)] * 3)]).finding
