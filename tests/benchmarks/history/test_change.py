"""What counts as better and worse between two separate measurements."""

import math
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.history.change import REASONS, change_of, judge_change, separate
from bitgauge.benchmarks.stats.paired import Interval
from bitgauge.benchmarks.vocabulary.metrics import is_linear
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue


def value(key: str, at: float | None, half: float | None = None, **more: object) -> MetricValue:
    """A value with a symmetric interval, of ratios a relative one."""
    if at is None or half is None:
        return MetricValue(key, at, reason=None if at is not None else "not_measured", **more)  # type: ignore[arg-type]
    low, high = (at - half, at + half) if is_linear(key) else (at / (1 + half), at * (1 + half))
    return MetricValue(key, at, low, high, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "before", "after", "expected"),
    [
        ("latency_ratio", (0.60, 0.01), (0.70, 0.01), "regressed"),
        ("latency_ratio", (0.70, 0.01), (0.60, 0.01), "improved"),
        ("latency_ratio", (0.60, 0.004), (0.601, 0.004), "same"),
        ("latency_ratio", (0.60, 0.05), (0.63, 0.05), "unknown"),
        ("throughput_per_s", (100.0, 0.01), (80.0, 0.01), "regressed"),
        ("throughput_per_s", (80.0, 0.01), (100.0, 0.01), "improved"),
        ("accuracy_delta_pp", (-0.2, 0.2), (-3.0, 0.3), "regressed"),
        ("accuracy_delta_pp", (-0.2, 1.5), (-0.8, 1.5), "unknown"),
        ("saturated_pct", (0.0, None), (0.2, None), "regressed"),
        ("saturated_pct", (0.2, None), (0.0, None), "improved"),
        ("nonfinite_count", (0.0, None), (0.0, None), "same"),
        ("size_bytes", (1000.0, None), (1005.0, None), "same"),
        ("size_bytes", (1000.0, None), (1100.0, None), "regressed"),
        ("harness_ns", (100.0, None), (200.0, None), "unknown"),
        ("mmap_weights_bytes", (100.0, 0.01), (200.0, 0.01), "unknown"),
        ("latency_p50_ns", (None, None), (200.0, 0.01), "unknown"),
    ],
)
def test_what_counts(
    key: str,
    before: tuple[float | None, float | None],
    after: tuple[float | None, float | None],
    expected: str,
) -> None:
    assert judge_change(key, value(key, *before), value(key, *after)) == expected


def test_margin_of_two_percent_is_not_a_change() -> None:
    before = value("latency_ratio", 0.600, 0.0001)
    assert judge_change("latency_ratio", before, value("latency_ratio", 0.611, 0.0001)) == "same"
    assert (
        judge_change("latency_ratio", before, value("latency_ratio", 0.613, 0.0001)) == "regressed"
    )


def test_a_turned_verdict_decides_even_where_intervals_overlap() -> None:
    key = "accuracy_delta_pp"
    passed = value(key, -0.8, 1.0, verdict="PASS")
    failed = value(key, -1.9, 1.0, verdict="FAIL")
    assert judge_change(key, passed, failed) == "regressed"
    assert judge_change(key, failed, passed) == "improved"
    undecided = replace(failed, verdict="UNDECIDED")
    assert judge_change(key, passed, undecided) == "unknown"


def test_every_unknown_has_its_reason() -> None:
    found = change_of("latency_ratio", value("latency_ratio", 0.6, 0.05), value("x", None))
    assert (found.verdict, found.reason, found.value) == ("unknown", "no_value", None)
    assert change_of("nonsense", value("a", 1.0), value("a", 1.0)).reason == "not_registered"
    wide = value("latency_ratio", 0.6, 0.05)
    assert change_of("latency_ratio", wide, wide).reason == "overlap"
    free = value("mmap_weights_bytes", 1e6, 0.001)
    assert (
        change_of(
            "mmap_weights_bytes", free, replace(free, value=2e6, low=1.9e6, high=2.1e6)
        ).reason
        == "no_direction"
    )
    assert set(REASONS) >= {"no_value", "not_registered", "overlap", "no_direction", "no_interval"}


def test_joules_of_different_meters_are_not_compared() -> None:
    rapl = value("energy_mj", 10.0, 0.01, detail=(StackItem("meter_kind", "counter"),))
    wall = value("energy_mj", 20.0, 0.01, detail=(StackItem("meter_kind", "external"),))
    found = change_of("energy_mj", rapl, wall)
    assert (found.verdict, found.reason, found.value) == ("unknown", "other_meter", None)
    assert judge_change("energy_mj", rapl, replace(wall, detail=rapl.detail)) == "regressed"


def test_the_ratio_is_shown_with_its_interval() -> None:
    found = change_of(
        "latency_p50_ns", value("latency_p50_ns", 100.0, 0.03), value("latency_p50_ns", 110.0, 0.04)
    )
    assert found.scale == "ratio"
    assert found.value == pytest.approx(1.10)
    reach = math.hypot(math.log(1.03), math.log(1.04))
    assert found.low == pytest.approx(1.10 * math.exp(-reach))
    assert found.high == pytest.approx(1.10 * math.exp(reach))


def test_the_recovered_interval_covers_as_often_as_it_says() -> None:
    """20,000 pairs of means: the difference is covered in 94 to 97 of 100."""
    random = np.random.default_rng(20261121)
    covered, trials, n = 0, 20_000, 40
    for _ in range(trials):
        found = []
        for scale in (1.0, 1.5):
            data = random.normal(scale, 0.3 * scale, n)
            mean, error = float(data.mean()), float(data.std(ddof=1)) / math.sqrt(n)
            found.append(Interval(mean, mean - 2.02 * error, mean + 2.02 * error))
        difference = separate(*found)
        covered += difference.low <= 0.5 <= difference.high
    assert 0.94 < covered / trials < 0.97


def test_two_outputs_are_never_held_together() -> None:
    told = [
        value("accuracy_delta_pp", -5.0, 0.1, detail=(StackItem("output", name),) if name else ())
        for name in ("hidden", "logits", "")
    ]
    better = value("accuracy_delta_pp", 0.0, 0.1, detail=told[1].detail)
    assert change_of("accuracy_delta_pp", told[0], better).reason == "other_output"
    for other in (told[1], told[2]):  # what does not say is of before outputs had names
        assert change_of("accuracy_delta_pp", other, better).verdict == "improved"


@pytest.mark.parametrize("key", ["latency_ratio", "accuracy_delta_pp", "size_ratio"])
def test_two_definitions_of_a_metric_are_never_held_together(key: str) -> None:
    before = value(key, 0.6, 0.01, verdict="FAIL")
    after = value(key, 0.9, 0.01, verdict="PASS", definition=2)
    found = change_of(key, before, after)
    assert (found.verdict, found.reason, found.value) == ("unknown", "other_definition", None)
    assert "different definitions" in REASONS["other_definition"]
    same = change_of(key, replace(before, definition=2), after)
    assert same.verdict in ("improved", "regressed")
