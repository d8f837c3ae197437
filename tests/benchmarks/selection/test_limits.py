"""Limits, objectives, and what is settled when something was asked for."""

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.vocabulary.enums import Objective
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.choices import Choice
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.choices import row, wider

from .test_select import FP32, QUERY, candidate_reasons


# -- limits -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "key", "values", "loose", "unsure", "tight", "words"),
    [
        ("max_latency_ns", "latency_p50_ns", (100.0, 95.0, 105.0), 120, 101, 50, "takes 100 ns"),
        (
            "max_latency_p90_ns",
            "latency_p90_ns",
            (200.0, 190.0, 215.0),
            300,
            203,
            100,
            "at the 90th percentile, more than the 100 ns allowed",
        ),
        (
            "max_latency_p99_ns",
            "latency_p99_ns",
            (300.0, 250.0, 400.0),
            600,
            310,
            100,
            "at the 99th percentile, more than the 100 ns allowed",
        ),
        (
            "min_throughput_per_s",
            "throughput_per_s",
            (1000.0, 950.0, 1050.0),
            500,
            1000,
            2000,
            "less than the 2000/s wanted",
        ),
        (
            "max_peak_memory_bytes",
            "peak_memory_bytes",
            (2.0e6, 1.9e6, 2.1e6),
            4_000_000,
            2_000_000,
            1_000_000,
            "of memory at its peak, more than the 977 KiB allowed",
        ),
        (
            "max_energy_mj",
            "energy_mj",
            (5.0, 4.8, 5.2),
            10.0,
            5.0,
            1.0,
            "per inference, more than the 1.00 mJ allowed",
        ),
    ],
)
def test_each_limit_holds_is_open_or_rejects(
    field: str,
    key: str,
    values: tuple[float, float, float],
    loose: float,
    unsure: float,
    tight: float,
    words: str,
) -> None:
    rows = [
        wider(FP32, MetricValue(key, values[0] * 3, values[1] * 3, values[2] * 3)),
        wider(row("int8-dynamic"), MetricValue(key, *values)),
    ]

    def asked(limit: float) -> Choice:
        change: dict[str, Any] = {field: limit}
        return select(replace(QUERY, **change), rows)

    assert asked(loose).recipe == "int8-dynamic"
    assert candidate_reasons(asked(loose), "int8-dynamic") == ""
    assert "undecided against" in candidate_reasons(asked(unsure), "int8-dynamic")
    assert "% of draws, 95 % needed)" in candidate_reasons(asked(unsure), "int8-dynamic")
    assert words in candidate_reasons(asked(tight), "int8-dynamic")


@pytest.mark.parametrize(
    "field", ["max_latency_p90_ns", "max_latency_p99_ns", "min_throughput_per_s", "max_energy_mj"]
)
def test_null_under_a_limit_is_unknown_and_listed(field: str) -> None:
    change: dict[str, Any] = {field: 1.0}
    choice = select(replace(QUERY, **change), [FP32, row("int8-dynamic")])
    assert "is unknown (" in candidate_reasons(choice, "int8-dynamic")
    assert "int8-dynamic" in {one.recipe for one in choice.candidates}
    assert choice.outcome == "undecided"


def test_joules_of_different_meters_are_not_held_against_one_limit() -> None:
    def joules(recipe: str, device: str, kind: str) -> TableRow:
        metric = MetricValue("energy_mj", 1.0, 0.9, 1.1, detail=(StackItem("meter_kind", kind),))
        return wider(row(recipe, device_id=device, device_name=device), metric)

    rows = [
        joules(r, d, k)
        for r in ("fp32", "int8-dynamic")
        for d, k in (("a", "counter"), ("b", "rail_sensor"))
    ]
    choice = select(replace(QUERY, max_energy_mj=5.0), rows)
    assert "different kinds of meter (counter, rail_sensor)" in candidate_reasons(
        choice, "int8-dynamic"
    )


def test_age_and_number_of_devices() -> None:
    day_ns = 86_400 * 10**9
    rows = [replace(FP32, measured_unix_ns=day_ns), row("int8-dynamic", measured_unix_ns=day_ns)]
    fresh = replace(QUERY, max_age_s=2 * 86_400)
    assert select(fresh, rows, now_ns=2 * day_ns).recipe == "int8-dynamic"
    late = select(fresh, rows, now_ns=9 * day_ns)
    assert "8 d old, more than the 2 d allowed" in candidate_reasons(late, "int8-dynamic")
    many = select(replace(QUERY, min_devices=2), rows)
    assert "measured on 1 of 2 devices" in candidate_reasons(many, "int8-dynamic")
    assert many.outcome == "undecided"


def test_limits_that_contradict_each_other_say_which() -> None:
    rows = [
        FP32,
        row("int8-dynamic", size=0.5, p50_ns=50_000),
        row("int4-wo-b32", size=0.1, p50_ns=150_000),
    ]
    choice = select(replace(QUERY, max_latency_ns=60_000, max_size_ratio=0.2), rows)
    assert choice.outcome == "none_meets"
    assert "without the limit on latency int4-wo-b32 would" in choice.sentence
    assert "without the limit on size ratio int8-dynamic would" in choice.sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"max_latency_ns": 0.0}, "The limit on latency is 0; it must be above 0."),
        ({"max_size_ratio": -1.0}, "The limit on size ratio is -1; it must be above 0."),
        ({"confidence": 1.0}, "The confidence is 1; it must be above 0.5 and below 1."),
        ({"min_devices": 0}, "The number of devices is 0; it must be at least 1."),
        ({"switch_cost": 5.0}, "can only be weighed against a price"),
        ({"inferences_per_day": 5.0}, "can only be weighed against a price"),
    ],
)
def test_what_nothing_could_keep_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        select(replace(QUERY, **change), [FP32])


# -- objectives ---------------------------------------------------------------------------
def test_throughput_is_an_objective_of_its_own() -> None:
    def at(recipe: str, per_s: float) -> TableRow:
        metric = MetricValue("throughput_per_s", per_s, 0.98 * per_s, 1.02 * per_s)
        return wider(row(recipe, latency=(0.9, 0.89, 0.91)), metric)

    rows = [
        wider(FP32, MetricValue("throughput_per_s", 1000.0, 980.0, 1020.0)),
        at("int8-dynamic", 3000.0),
        at("int4-wo-b32", 2000.0),
        at("fp16", 900.0),
    ]
    choice = select(replace(QUERY, objective=Objective.THROUGHPUT), rows)
    assert (choice.outcome, choice.recipe) == ("format", "int8-dynamic")
    bare = select(replace(QUERY, objective=Objective.THROUGHPUT), [FP32, row("int8-dynamic")])
    assert "the throughput ratio is unknown" in candidate_reasons(bare, "int8-dynamic")


def test_energy_is_an_objective_of_its_own() -> None:
    rows = [
        FP32,
        wider(row("int8-dynamic"), MetricValue("energy_ratio", 0.6, 0.55, 0.65)),
        wider(row("int4-wo-b32"), MetricValue("energy_ratio", 0.4, 0.38, 0.42)),
    ]
    assert select(replace(QUERY, objective=Objective.ENERGY), rows).recipe == "int4-wo-b32"


# -- settling and paying ------------------------------------------------------------------
def test_undecided_names_jobs_their_minutes_and_the_most_useful_first() -> None:
    minute = 60 * 10**9
    base = replace(FP32, run_duration_ns=minute)
    open_ones = [
        row("int8-dynamic", latency=(0.97, 0.9, 1.04), verdict="UNDECIDED", run_duration_ns=minute),
        row("int4-wo-b32", latency=(0.8, 0.6, 1.1), verdict="UNDECIDED", run_duration_ns=minute),
    ]
    choice = select(QUERY, [base, *open_ones])
    assert choice.outcome == "undecided"
    assert [job.recipe for job in choice.settling] == ["int4-wo-b32", "int8-dynamic"]
    assert choice.settling[0].minutes == 2.0
    assert "--recipes int4-wo-b32" in choice.settling[0].command
    longer = [replace(one, run_duration_ns=60 * minute) for one in open_ones[1:]]
    again = select(QUERY, [base, open_ones[0], *longer])
    assert again.settling[0].recipe == "int8-dynamic"


PRICES: dict[str, Any] = {"price_per_hour": 3.6, "switch_cost": 10.0, "inferences_per_day": 1e7}


def test_break_even_follows_from_the_saving() -> None:
    rows = [FP32, row("int8-dynamic")]
    pays = select(replace(QUERY, **PRICES), rows).break_even
    assert pays is not None
    # Half of 200 us at 3.6 an hour is 1e-7 per inference: 10 are saved after 1e8 of them.
    assert pays.saving_per_million == pytest.approx(0.1, rel=0.02)
    assert pays.inferences == pytest.approx(1e8, rel=0.02)
    assert pays.days == pytest.approx(10, rel=0.02)
    assert pays.low is not None
    assert pays.high is not None
    assert pays.low < (pays.inferences or 0) < pays.high
    assert select(QUERY, rows).break_even is None


def test_what_does_not_pay_in_time_keeps_fp32() -> None:
    query = replace(QUERY, **{**PRICES, "inferences_per_day": 1e4})
    choice = select(query, [FP32, row("int8-dynamic")])
    assert (choice.outcome, choice.recipe) == ("keep_fp32", "fp32")
    assert choice.break_even is not None
    assert choice.break_even.days == pytest.approx(10_000, rel=0.005)
    assert "pays for the switch after " in choice.sentence
    assert "more than 365" in choice.sentence
    patient = replace(query, payback_days=1e5)
    assert select(patient, [FP32, row("int8-dynamic")]).recipe == "int8-dynamic"
