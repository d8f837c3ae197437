"""What is worse than its own past, and what a later result says of it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from bitgauge.benchmarks.history.regressions import (
    Says,
    Timed,
    definition_of,
    judge_drift,
    judge_row,
    levels,
    says,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.regressions import RegressionState, event_of


def row(**values: float | tuple[float, str]) -> dict[str, MetricValue]:
    found = {}
    for key, told in values.items():
        value, verdict = told if isinstance(told, tuple) else (told, None)
        found[key] = MetricValue(key, value, verdict=verdict)
    return found


def signals(past: list[dict[str, MetricValue]], now: dict[str, MetricValue]) -> dict[str, str]:
    return {one.metric: one.signal for one in judge_row(past, now)}


def test_what_is_undecided_in_between_hides_no_turn() -> None:
    past = [row(accuracy_delta_pp=(-0.1, "PASS")), row(accuracy_delta_pp=(-0.9, "UNDECIDED"))]
    assert signals(past, row(accuracy_delta_pp=(-3.0, "FAIL"))) == {"accuracy_delta_pp": "verdict"}
    failing = [row(accuracy_delta_pp=(-3.0, "FAIL"))]
    assert signals(failing, row(accuracy_delta_pp=(-3.1, "FAIL"))) == {}
    assert signals([], row(accuracy_delta_pp=(-3.1, "FAIL"))) == {}


def test_one_metric_is_accused_once() -> None:
    past = [row(accuracy_delta_pp=(-0.1, "PASS"), saturated_pct=0.0)] * 12
    now = row(accuracy_delta_pp=(-3.0, "FAIL"), saturated_pct=2.0)
    found = judge_row(past, now)
    assert sorted((one.metric, one.signal) for one in found) == [
        ("accuracy_delta_pp", "verdict"),
        ("saturated_pct", "overflow_rate"),
    ]


def test_a_rate_that_rises_needs_ten_values_and_one_that_falls_is_fine() -> None:
    past = [row(clip_pct=1.0 + 0.01 * (i % 3)) for i in range(10)]
    assert signals(past, row(clip_pct=2.0)) == {"clip_pct": "overflow_rate"}
    assert signals(past[1:], row(clip_pct=2.0)) == {}
    assert signals(past, row(clip_pct=0.1)) == {}
    assert signals(past, row(clip_pct=1.05)) == {}


def test_values_that_are_null_are_no_history() -> None:
    nulls = [{"clip_pct": MetricValue("clip_pct", reason="not_measured")}] * 20
    assert signals([*nulls, *[row(clip_pct=1.0)] * 9], row(clip_pct=9.0)) == {}
    past = [row(clip_pct=1.0)] * 10
    assert signals(past, {"clip_pct": MetricValue("clip_pct", reason="not_measured")}) == {}


def defined(definition: int, found: dict[str, MetricValue]) -> dict[str, MetricValue]:
    return {key: replace(one, definition=definition) for key, one in found.items()}


def test_an_older_definition_is_no_past() -> None:
    past = [row(accuracy_delta_pp=(-0.1, "PASS"), clip_pct=1.0, saturated_pct=0.0)] * 12
    now = row(accuracy_delta_pp=(-3.0, "FAIL"), clip_pct=2.0, saturated_pct=1.0)
    accused = {"accuracy_delta_pp", "clip_pct", "saturated_pct"}
    assert set(signals(past, now)) == accused
    assert signals(past, defined(2, now)) == {}
    anew = [defined(2, one) for one in past]
    assert set(signals([*past, *anew], defined(2, now))) == accused
    (found,) = (one for one in judge_row(anew, defined(2, now)) if one.metric == "clip_pct")
    assert (found.before.definition, found.after.definition) == (2, 2)


def test_levels_follow_the_newest_definition() -> None:
    old = [Timed("a", f"j{job}", 100.0) for job in range(4)]
    new = [Timed("a", f"j{job}", 50.0, definition=2) for job in range(4, 8)]
    assert levels([*old, *new]) == dict.fromkeys([f"j{job}" for job in range(4, 8)], 0.0)
    assert (definition_of([*old, *new]), definition_of(old), definition_of([])) == (2, 1, 1)
    told = judge_drift("latency_ratio", [0.0] * 10, 0.5, definition=2)
    assert told is not None
    assert (told.before.definition, told.after.definition) == (2, 2)


def test_another_definition_says_nothing_of_a_regression() -> None:
    failed = MetricValue("accuracy_delta_pp", -3.0, verdict="FAIL")
    for verdict in ("PASS", "FAIL"):
        now = MetricValue("accuracy_delta_pp", -0.1, verdict=verdict, definition=2)
        assert says("verdict", "accuracy_delta_pp", -0.1, failed, now) is Says.SILENT


def test_levels_are_relative_to_the_first_values_of_each_row() -> None:
    timed = []
    for job in range(12):
        slow = 1.5 if job == 11 else 1.0
        timed += [Timed("a", f"j{job}", 100.0 * slow), Timed("b", f"j{job}", 7.0 * slow)]
    timed.append(Timed("alone", "j11", 5.0))
    found = levels(timed)
    assert list(found) == [f"j{job}" for job in range(12)]
    assert found["j0"] == pytest.approx(0.0)
    assert found["j11"] == pytest.approx(math.log(1.5))
    told = judge_drift("latency_ratio", [found[f"j{job}"] for job in range(11)], found["j11"])
    assert told is not None
    assert told.after.value == pytest.approx(1.5)
    assert "+50.0 %" in told.words
    assert judge_drift("latency_ratio", [0.0] * 9, 0.5) is None
    assert judge_drift("latency_ratio", [0.0] * 10, -0.5) is None
    assert judge_drift("latency_ratio", [0.0] * 10, 0.019) is None


def test_what_later_results_say() -> None:
    failed = MetricValue("accuracy_delta_pp", -3.0, verdict="FAIL")
    for verdict, expected in (("FAIL", "worse"), ("PASS", "usual"), ("UNDECIDED", "between")):
        now = MetricValue("accuracy_delta_pp", -1.0, verdict=verdict)
        assert says("verdict", "accuracy_delta_pp", -0.1, failed, now).value == expected
    found = MetricValue("clip_pct", 2.0)
    for value, expected in ((1.9, "worse"), (1.0, "usual"), (None, "silent")):
        now = MetricValue("clip_pct", value)
        assert says("overflow_rate", "clip_pct", 1.2, found, now).value == expected
    nan = MetricValue("nonfinite_count", 4.0, verdict="FAIL")
    assert says("verdict", "nonfinite_count", 0.0, nan, MetricValue("nonfinite_count", 1.0)) is (
        Says.WORSE
    )


@pytest.mark.parametrize(
    ("state", "said", "event"),
    [
        ("new", Says.WORSE, "agree"),
        ("new", Says.USUAL, "disagree"),
        ("new", Says.BETWEEN, "disagree"),
        ("new", Says.SILENT, None),
        ("confirmed", Says.WORSE, None),
        ("confirmed", Says.BETWEEN, None),
        ("confirmed", Says.USUAL, "recover"),
        ("explained", Says.WORSE, None),
    ],
)
def test_what_a_later_result_does(state: str, said: Says, event: str | None) -> None:
    found = event_of(RegressionState(state), said)
    assert (found.value if found else None) == event
