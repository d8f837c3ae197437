"""Accuracy and outputs as published: decided by non-inferiority, or null with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.raw_files import FACTS, MIB, by_key, everything, memory, quality
from tests.labs.values import detail, origin


def test_memory_is_the_highest_peak_and_its_spread() -> None:
    metrics = by_key(everything())
    peak = metrics["peak_memory_bytes"]
    assert (peak.value, peak.low, peak.high) == (22 * MIB, 20 * MIB, 22 * MIB)
    assert metrics["peak_load_bytes"].value == 22 * MIB
    assert metrics["peak_run_bytes"].value == 11 * MIB
    ratio = metrics["peak_memory_ratio"]
    assert ratio.value == pytest.approx(22 / 42)
    assert ratio.low == pytest.approx(20 / 42)
    assert ratio.high == pytest.approx(22 / 40)
    assert metrics["host_steady_bytes"].value == 22 * MIB // 4


def test_a_baseline_no_bigger_than_two_floors_has_no_memory_ratio() -> None:
    def ratio(baseline_mib: int, floor_mib: int) -> MetricValue:
        raws = [
            memory(8 * MIB, RawRole.CANDIDATE),
            memory(baseline_mib * MIB, RawRole.BASELINE),
            memory(floor_mib * MIB, RawRole.FLOOR),
        ]
        return by_key(raws)["peak_memory_ratio"]

    assert ratio(9, 5).reason == "below_resolution"
    assert ratio(10, 5).value == pytest.approx(0.8)
    assert ratio(0, 0).reason == "below_resolution"
    alone = by_key([memory(MIB, RawRole.CANDIDATE)])["peak_memory_ratio"]
    assert (alone.reason, detail(alone)["missing"]) == ("pass_missing", "baseline")


def test_accuracy_is_decided_by_non_inferiority() -> None:
    metric = by_key([quality(3, 1)])["accuracy_delta_pp"]
    assert metric.value == pytest.approx(-100 * 2 / 900)
    assert (metric.verdict, metric.difference, metric.n) == ("PASS", "none", 900)
    assert (detail(metric)["b"], detail(metric)["c"]) == ("3", "1")
    bad = by_key([quality(60, 0)])["accuracy_delta_pp"]
    assert (bad.verdict, bad.difference) == ("FAIL", "detected")
    unsure = by_key([quality(9, 3)])["accuracy_delta_pp"]
    assert unsure.verdict == "UNDECIDED"
    assert int(detail(unsure)["samples_needed"]) > 0
    loose = by_key([quality(9, 3)], replace(FACTS, accuracy_margin_pp=3.0))
    assert loose["accuracy_delta_pp"].verdict == "PASS"


def test_quality_metrics() -> None:
    metrics = by_key([quality(9, 3)])
    assert metrics["accuracy_pct"].value == pytest.approx(100 * 891 / 900)
    assert metrics["flips_pct"].value == pytest.approx(100 * 12 / 900)
    assert metrics["nonfinite_count"].value == 0
    assert metrics["nonfinite_count"].verdict == "PASS"
    assert metrics["kl_mean"].value is not None
    assert metrics["kl_mean"].value > 0


def test_nonfinite_outputs_fail() -> None:
    ref, cand = np.tile([3.0, 0.0], (50, 1)), np.tile([3.0, 0.0], (50, 1))
    cand[7] = np.nan
    raw = quality_raw(origin(PassName.QUALITY, RawRole.BOTH), score(ref, cand, None, None))
    metrics = by_key([raw])
    assert (metrics["nonfinite_count"].value, metrics["nonfinite_count"].verdict) == (2, "FAIL")
    assert metrics["kl_mean"].reason == "nonfinite_output"
    assert metrics["accuracy_pct"].reason == "no_labels"
    assert metrics["accuracy_delta_pp"].reason == "no_labels"


def test_outputs_without_classes() -> None:
    samples = score(np.zeros((9, 2, 2)), np.zeros((9, 2, 2)), np.zeros(9), None)
    metrics = by_key([quality_raw(origin(PassName.QUALITY, RawRole.BOTH), samples)])
    for key in ("accuracy_pct", "accuracy_delta_pp", "flips_pct", "kl_mean"):
        assert metrics[key].reason == "no_classes"
