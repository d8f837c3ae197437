"""The registry says everything of every metric, and the same to everybody who asks.

What decides is written down here a second time, so that a change of it is seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from bitgauge.benchmarks.vocabulary.decoder_metrics import PERPLEXITY_MARGIN, said_of
from bitgauge.benchmarks.vocabulary.enums import Objective, Scenario
from bitgauge.benchmarks.vocabulary.metric import MARGIN, Decides, Direction, Group, Metric, Scale
from bitgauge.benchmarks.vocabulary.metrics import (
    METRICS,
    OBJECTIVES,
    THROUGHPUT_RATIO,
    is_linear,
    keys,
    margin_of,
    placed,
    published,
)

LATENCIES = {f"latency_{name}_ns" for name in ("p50", "p90", "p95", "p99", "p999")}
RATES = {"throughput_per_s", "best_throughput_per_s", "sustained_ratio"}
REQUESTS = {"ttft_ns", "tpot_ns", "ttft_ratio", "tpot_ratio"}
TOKENS = {"prefill_tokens_per_s", "decode_tokens_per_s"}
DEVICE = {"device_p50_ns", "enqueue_p50_ns"}
LOADING = {"load_ns", "first_inference_ns"}
CERTIFIED = {"latency_ratio", *DEVICE, *LATENCIES, *RATES, *LOADING, *REQUESTS, *TOKENS}
TEXTS = ("perplexity", "perplexity_ratio")
JOULES = {"energy_mj", "energy_active_mj", "energy_ratio"}
PLACES: dict[str, Callable[[Metric], int]] = {
    "pooled": lambda metric: metric.pooled,
    "compared": lambda metric: metric.compared,
    "card": lambda metric: metric.card_place,
}

every = pytest.mark.parametrize(
    "metric", [*METRICS.values(), THROUGHPUT_RATIO], ids=lambda metric: metric.key
)


@every
def test_each_metric_says_everything(metric: Metric) -> None:
    assert METRICS.get(metric.key, THROUGHPUT_RATIO) is metric
    assert metric.unit
    assert metric.meaning
    assert isinstance(metric.direction, Direction)
    assert isinstance(metric.group, Group)
    assert isinstance(metric.decides, Decides)
    assert metric.definition >= 1
    assert metric.margin >= 0
    # On the log scale a difference of nothing would make every change one.
    assert metric.scale is Scale.LINEAR or metric.margin == (
        PERPLEXITY_MARGIN if metric.key in TEXTS else MARGIN
    )


@every
def test_what_is_said_agrees_with_itself(metric: Metric) -> None:
    assert metric.timed or not metric.certified
    assert metric.needs_device or not metric.timed
    assert metric.scale is Scale.LINEAR or not metric.must_be_zero
    assert metric.direction is not Direction.NEITHER or not (metric.compared or metric.pooled)
    assert metric.decides is not Decides.NOTHING or not (metric.compared or metric.pooled)
    assert metric.shown or not (metric.column or metric.card)
    assert bool(metric.card) is bool(metric.card_place)
    assert 0.0 <= metric.quantile < 1.0
    assert metric.objective is None or metric.is_ratio


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_places_are_counted_from_one(place: Callable[[Metric], int]) -> None:
    found = [place(METRICS[key]) for key in placed(place)]
    assert found == list(range(1, len(found) + 1))
    assert set(placed(place)) == set(keys(place))


def test_what_a_drifting_device_spoils_is_all_that_rests_on_its_pace() -> None:
    """Times, rates and joules; a peak of memory is what it is at any pace."""
    assert set(keys(lambda metric: metric.certified)) == CERTIFIED
    timed = {*CERTIFIED, *JOULES, "harness_ns", "floor_p50_ns"}
    assert set(keys(lambda metric: metric.timed)) == timed
    # The sentinel's own times are what shows that the device drifted.
    sentinel = set(keys(lambda metric: metric.group is Group.ENVIRONMENT))
    assert {key for key in METRICS if METRICS[key].unit in ("ns", "1/s", "mJ")} - timed == sentinel


def test_every_objective_has_the_ratio_that_it_minimises() -> None:
    assert set(OBJECTIVES) == set(Objective)
    assert all(metric.direction is Direction.LOWER for metric in OBJECTIVES.values())
    assert [metric.key for metric in OBJECTIVES.values() if metric.key not in METRICS] == [
        THROUGHPUT_RATIO.key
    ]


def test_an_unknown_metric_is_taken_for_a_ratio() -> None:
    assert not is_linear("of_tomorrow")
    assert margin_of("of_tomorrow") == margin_of("latency_ratio") == pytest.approx(0.0198, abs=1e-4)
    assert is_linear("accuracy_delta_pp")
    assert margin_of("accuracy_delta_pp") == 0.1


def test_a_metric_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        METRICS["latency_ratio"].timed = False  # type: ignore[misc]


def test_what_is_said_of_decoders_is_published_of_them_alone() -> None:
    calls, llm = published(Scenario.SINGLE_STREAM), published(Scenario.LLM)
    cards = keys(lambda metric: metric.of_cards)
    assert (*llm, *cards) == published(Scenario.LLM, on_card=True) == tuple(METRICS)
    assert (
        calls
        == published(Scenario.OFFLINE)
        == keys(lambda metric: not (metric.decoder or metric.of_cards))
    )
    assert llm[: len(calls)] == calls, "older tables read in the same order"
    assert all(said_of(METRICS[key], Scenario.SINGLE_STREAM) for key in calls)
    silent = {key for key in llm if not said_of(METRICS[key], Scenario.LLM)}
    assert {"accuracy_delta_pp", "saturated_pct", "best_throughput_per_s"} <= silent
    assert not silent & {"latency_p50_ns", "latency_ratio", "kl_mean", "energy_mj", *TEXTS}
