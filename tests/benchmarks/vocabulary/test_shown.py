from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.enums import ModelClass, Profile
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.typed import nearest, parse_word
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (0, "0 ns"),
        (640, "640 ns"),
        (999.6, "1.00 µs"),
        (12_345, "12.3 µs"),
        (999_600, "1.00 ms"),
        (1_234_567, "1.23 ms"),
        (2_500_000_000, "2.50 s"),
    ],
)
def test_duration(nanoseconds: float, expected: str) -> None:
    assert text.duration(nanoseconds) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (422_000, "412 KiB"),
        (1024**2, "1.00 MiB"),
        (13 * 1024**2, "13.0 MiB"),
        (3 * 1024**3, "3.00 GiB"),
    ],
)
def test_size(size_bytes: float, expected: str) -> None:
    assert text.size(size_bytes) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0"), (9.996, "10.0"), (0.0996, "0.0996"), (1234.0, "1230"), (-3.14159, "-3.14")],
)
def test_number(value: float, expected: str) -> None:
    assert text.number(value) == expected


def test_points_are_signed_and_zero_is_not() -> None:
    assert text.points(0.04) == "0.0"
    assert text.points(-0.04) == "0.0"
    assert text.points(0.4) == "+0.4"
    assert text.points(-1.25) == "-1.2"


def test_ratio_keeps_meaning_when_small() -> None:
    assert text.ratio(0.5234) == "0.52"
    assert text.ratio(0.0123) == "0.012"
    assert text.ratio(1.0) == "1.00"


def test_null_is_a_dash_and_its_reason() -> None:
    metric = MetricValue("energy_mj", reason="no_sensor")
    assert text.plain(metric) == "-"
    assert text.interval(metric) == ""
    assert text.full(metric) == "the device has no energy meter"
    assert text.reason(MetricValue("x", reason="some_new_reason")) == "some new reason"
    assert text.reason(MetricValue("x")) == "not measured"


def test_full_has_value_interval_and_verdict() -> None:
    metric = MetricValue("latency_ratio", 0.52, 0.5, 0.55, verdict="FASTER")
    assert text.full(metric) == "0.52 [0.50, 0.55] FASTER"
    assert text.full(MetricValue("accuracy_delta_pp", -0.22, -0.84, 0.41)) == "-0.2 [-0.8, +0.4]"
    assert text.full(MetricValue("accuracy_pct", 96.04)) == "96.0 %"
    assert text.full(MetricValue("nonfinite_count", 3.0)) == "3"
    assert text.full(MetricValue("kl_mean", 0.01234)) == "0.0123 nat"


def test_speed_turns_the_interval_round() -> None:
    faster = MetricValue("latency_ratio", 0.5, 0.4, 0.8, verdict="FASTER")
    assert text.speed_words(faster) == "2.00x faster [1.25, 2.50]"
    slower = MetricValue("latency_ratio", 2.0, 1.5, 2.5, verdict="SLOWER")
    assert text.speed_words(slower) == "2.00x slower [1.50, 2.50]"
    same = MetricValue("latency_ratio", 1.01, 0.99, 1.015, verdict="SAME")
    assert text.speed_words(same) == "as fast, ratio 1.01 [0.99, 1.01]"
    narrow = MetricValue("latency_ratio", 0.3812, 0.3809, 0.3821, verdict="FASTER")
    assert text.full(narrow) == "0.381 [0.381, 0.382] FASTER"
    assert text.speed_words(narrow) == "2.623x faster [2.617, 2.625]"
    unsure = MetricValue("latency_ratio", 0.9, 0.7, 1.2, verdict="UNDECIDED")
    assert text.speed_words(unsure).endswith("undecided")
    assert "no energy meter" in text.speed_words(MetricValue("latency_ratio", reason="no_sensor"))


def test_size_and_accuracy_words() -> None:
    assert text.size_words(MetricValue("size_ratio", 0.25)) == "4.00x smaller"
    assert text.size_words(MetricValue("size_ratio", 1.5)) == "1.50x larger"
    assert text.size_words(MetricValue("size_ratio", 1.001)) == "as large"
    assert text.accuracy_words(MetricValue("accuracy_delta_pp", -1.0)) == "accuracy -1.0 points"
    assert "unknown" in text.accuracy_words(MetricValue("accuracy_delta_pp"))
    assert "unknown" in text.size_words(MetricValue("size_ratio"))


def test_quick_is_called_preliminary() -> None:
    assert "preliminary" in text.profile_words(Profile.QUICK)
    assert "preliminary" not in text.profile_words(Profile.STANDARD)


@given(st.sampled_from(sorted(METRICS)), st.floats(-1e15, 1e15))
def test_every_metric_prints_without_exponent(key: str, value: float) -> None:
    printed = text.plain(MetricValue(key, value))
    assert printed
    assert "e+" not in printed
    assert "e-" not in printed


def test_unknown_word_gets_the_nearest() -> None:
    assert parse_word(ModelClass, "CNN", "model class") is ModelClass.CNN
    with pytest.raises(BadInput, match="did you mean transformer") as caught:
        parse_word(ModelClass, "tranformer", "model class")
    assert "cnn, mlp, other, recurrent, transformer" in caught.value.sentence
    with pytest.raises(BadInput) as far:
        parse_word(ModelClass, "xyz", "model class")
    assert "did you mean" not in far.value.sentence
    assert nearest("rpi", ["rpi5", "orin"]) == "rpi5"
    assert nearest("r" * 101, ["r" * 100]) is None, "nobody types so much"
    assert nearest("rpi", [f"{n:05}" for n in range(500)] + ["rpi5"]) is None, "very many"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("6.1", "6.2", "it 6.1 -> 6.2"),
        (None, "6.2", "it absent -> 6.2"),
        ("int8/1 onnx=1 numpy=2", "int8/2 onnx=1 numpy=3", "it int8/1 numpy=2 -> int8/2 numpy=3"),
        ("int8/1 onnx=1", "int8/1 onnx=1 check/1", "it none -> check/1"),
    ],
)
def test_of_a_change_what_is_the_same_is_left_out(
    before: str | None, after: str | None, words: str
) -> None:
    assert text.change_words(StackChange("it", before, after)) == words
