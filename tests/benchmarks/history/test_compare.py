"""Two rows held against each other: what a drifting device spoils is not called better or worse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.history.compare import metric_changes
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.refresh import device, row_of, targets, with_metric

TARGET = next(one for one in targets(device("here")) if one.recipe == "int8-dynamic")
ROW = row_of(TARGET, run_id="old")


def measured(key: str, value: float) -> TableRow:
    return with_metric(ROW, MetricValue(key, value, 0.99 * value, 1.01 * value, n=5))


@pytest.mark.parametrize("suspect", [("suspect",), ()], ids=["suspect", "sound"])
@pytest.mark.parametrize(
    ("key", "spoiled"),
    [
        ("latency_ratio", True),
        ("throughput_per_s", True),
        ("load_ns", True),
        ("energy_mj", True),
        ("energy_active_mj", True),
        ("energy_ratio", True),
        ("peak_memory_bytes", False),
        ("peak_memory_ratio", False),
        ("size_ratio", False),
        ("accuracy_pct", False),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["later", "earlier"])
def test_a_suspect_job_says_nothing_of_what_rests_on_the_devices_pace(
    key: str, spoiled: bool, suspect: tuple[str, ...], turned: bool
) -> None:
    before, after = measured(key, 50.0), replace(measured(key, 60.0), flags=suspect)
    if turned:
        before, after = after, before
    change = next(one for one in metric_changes(before, after) if one.key == key)
    if suspect and spoiled:
        assert (change.verdict, change.reason) == ("unknown", "suspect")
    else:
        assert change.verdict in ("improved", "regressed")
        assert change.reason is None


@pytest.mark.parametrize("key", ["latency_ratio", "peak_memory_ratio", "energy_ratio"])
def test_table_and_comparison_leave_out_the_same(key: str) -> None:
    before, after = measured(key, 0.5), replace(measured(key, 0.6), flags=("suspect",))
    change = next(one for one in metric_changes(before, after) if one.key == key)
    (cell,) = cells([after])
    assert cell.best is not None
    pooled = cell.best.metric(key)
    assert (pooled.value is None) is (change.verdict == "unknown")
    assert pooled.reason == change.reason
