"""Chance constraints, ranking by draws, what settles and what pays."""

import math
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.selection.nearest import MOST
from bitgauge.benchmarks.selection.select import select
from bitgauge.benchmarks.stats.draws import DRAWS, drawn, holds
from bitgauge.benchmarks.stats.pareto import standings, tied
from bitgauge.benchmarks.table.cells import cells
from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Objective
from bitgauge.benchmarks.vocabulary.values.choices import Choice
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.store import questions

from tests.labs.rooms.choices import row

from .test_select import FP32, QUERY, candidate_reasons


# -- draws --------------------------------------------------------------------------------
def test_draws_are_the_same_for_the_same_key_and_keep_the_published_quantiles() -> None:
    metric = MetricValue("latency_p99_ns", 100.0, 80.0, 150.0)
    found = drawn(metric, "run-a")
    assert found is not None
    assert found.shape == (DRAWS,)
    assert (found == drawn(metric, "run-a")).all()
    assert (found != drawn(metric, "run-b")).any()
    quantiles = np.exp(np.quantile(found, (0.025, 0.5, 0.975)))
    assert quantiles == pytest.approx((80, 100, 150), rel=0.002)


def test_draws_of_different_runs_and_metrics_are_independent() -> None:
    keys = [(f"m{place % 3}", str(place // 3)) for place in range(60)]
    those = [drawn(MetricValue(key, 1.0, 0.9, 1.1), run) for key, run in keys]
    known = np.stack([one for one in those if one is not None])
    assert known.shape == (60, DRAWS)
    apart = np.asarray(np.corrcoef(known))[np.triu_indices(60, 1)]
    # 1,770 coefficients of 2,000 pairs: 4.5 standard deviations, as in 1 of 80 such sets.
    assert np.abs(apart).max() < 4.5 / math.sqrt(DRAWS)
    assert np.std(apart) == pytest.approx(1 / math.sqrt(DRAWS), rel=0.1)


def test_null_stays_null_and_what_has_no_interval_is_itself() -> None:
    found = drawn(MetricValue("size_bytes", 7.0), "run")
    assert found is not None
    assert np.exp(found) == pytest.approx([7.0])
    null = MetricValue("energy_mj", reason="no_sensor")
    assert drawn(null, "run") is None
    assert math.isnan(holds(null, 1e9))


@pytest.mark.parametrize(
    "metric",
    [
        MetricValue("latency_p50_ns", 100.0, 90.0, 130.0),
        MetricValue("latency_p50_ns", 100.0, 100.0, 130.0),
        MetricValue("energy_mj", 5.0, -1.0, 12.0),
        MetricValue("size_bytes", 100.0),
    ],
)
@pytest.mark.parametrize("limit", [3.0, 5.0, 9.0, 95.0, 100.0, 110.0, 140.0])
def test_the_share_that_holds_is_that_of_the_draws(metric: MetricValue, limit: float) -> None:
    found = drawn(metric, "run")
    assert found is not None
    edge = math.log(limit)
    assert holds(metric, limit) == pytest.approx((found <= edge).mean(), abs=0.001)
    least = holds(metric, limit, at_least=True)
    assert least == pytest.approx((found >= edge).mean(), abs=0.001)


def test_an_interval_that_reaches_below_nothing_is_still_one() -> None:
    metric = MetricValue("energy_mj", 5.0, -1.0, 12.0)
    assert holds(metric, 10.0) == pytest.approx(0.939, abs=0.001)
    assert holds(metric, 2.0) == pytest.approx(0.020, abs=0.001)


def test_a_limit_that_the_truth_just_breaks_is_called_sure_in_one_case_of_twenty() -> None:
    """The worst case of a chance constraint at 95 %: the truth lies on the limit."""
    rng = np.random.default_rng(20261121)
    spread, sure = 0.05, 0
    for _ in range(1500):
        seen = math.log(100) + rng.normal(0, spread)
        low, high = math.exp(seen - 1.96 * spread), math.exp(seen + 1.96 * spread)
        sure += holds(MetricValue("latency_p50_ns", math.exp(seen), low, high), 100.0) >= 0.95
    # binom.ppf([0.0005, 0.9995], 1500, 0.05) is 49 and 104.
    assert 49 <= sure <= 104


def test_extremes_of_three_launches_are_no_interval() -> None:
    """The truth lies on the limit again; of three launches only the extremes are published."""
    rng = np.random.default_rng(20261122)
    detail = (StackItem("launches", "3"), StackItem("bounds", "lowest and highest launch"))
    sure, as_interval = 0, 0
    for _ in range(1500):
        low, middle, high = np.sort(1e6 * np.exp(rng.normal(0, 0.05, 3))).tolist()
        metric = MetricValue("peak_memory_bytes", middle, low, high, n=3, detail=detail)
        sure += holds(metric, 1e6) >= 0.95
        as_interval += holds(replace(metric, detail=()), 1e6) >= 0.95
    # The bounds of the case above; taken as a 95 % interval, three launches are sure too often.
    assert 49 <= sure <= 104 < as_interval


def test_standings_of_two_equals_and_of_a_clear_winner() -> None:
    rng = np.random.default_rng(5)
    equal = rng.normal(0, 0.01, (2, 2000))
    found = standings(equal, ((equal, math.log(1.02)),), 0.0)
    assert found[0].p_best == pytest.approx(0.5, abs=0.05)
    assert all(one.p_front > 0.8 for one in found)
    assert tied(found, 0.02) == ((0, 1), ()) or tied(found, 0.02) == ((1, 0), ())
    clear = equal + np.log([[1.0], [0.5]])
    found = standings(clear, ((clear, math.log(1.02)),), 0.0)
    assert found[1].p_best == 1
    assert found[0].p_front == 0
    assert found[0].regret == pytest.approx(1.0, rel=0.05)
    assert tied(found, 0.02) == ((1,), ())


def test_what_is_within_epsilon_of_the_best_shares_its_draws() -> None:
    rows = [
        FP32,
        row("int8-dynamic", latency=(0.500, 0.499, 0.501)),
        row("int8-static-u8u8-pt", latency=(0.505, 0.504, 0.506), size=0.2),
        row("fp16", latency=(0.55, 0.549, 0.551)),
    ]
    choice = select(QUERY, rows)
    assert (choice.outcome, choice.recipe) == ("tie", "int8-static-u8u8-pt")
    shares = {one.recipe: one.p_best for one in choice.candidates}
    assert shares == {"fp32": 0, "fp16": 0, "int8-dynamic": 0.5, "int8-static-u8u8-pt": 0.5}
    assert "it loses at most 2 % against int8-dynamic on average" in choice.path[-1]


def test_recipes_of_one_size_share_what_is_best() -> None:
    rows = [FP32, row("int8-dynamic", size=0.26), row("fp16", size=0.26)]
    choice = select(replace(QUERY, objective=Objective.SIZE), rows)
    shares = {one.recipe: one.p_best for one in choice.candidates}
    assert shares == {"fp32": 0.0, "int8-dynamic": 0.5, "fp16": 0.5}


# -- where nothing was measured -----------------------------------------------------------
def test_the_nearest_cells_are_shown_as_such_and_a_prior_decides_nothing() -> None:
    measured = [FP32, row("int8-dynamic", workload=Workload(batch=64))]
    asked = replace(QUERY, workload=Workload(batch=8))
    choice = select(asked, measured, cells=with_priors(cells(measured), priors()))
    assert (choice.outcome, choice.recipe) == ("nothing_measured", "fp16")
    assert choice.nearest[0].startswith("cnn on cpu_only at batch 64 with 1 thread: int8-dynamic")
    assert choice.nearest[0].endswith("(another workload)")
    elsewhere = replace(asked, hardware_class=QUERY.hardware_class)
    bare = select(elsewhere, [], cells=priors())
    assert [one for one in bare.nearest if "prior" in one] == list(bare.nearest)
    assert bare.recipe == "fp16"


def test_no_number_of_measured_cells_crowds_out_the_prior_of_what_was_asked() -> None:
    measured = [
        each
        for batch in range(1, 2 * MOST)
        for each in (
            row("fp32", workload=Workload(batch=batch)),
            row("int8-dynamic", workload=Workload(batch=batch)),
        )
    ]
    asked = replace(QUERY, hardware_class=HardwareClass.GPU_NVIDIA)
    found = select(asked, [], cells=with_priors(cells(measured), priors())).nearest
    assert len(found) == MOST
    assert found[-1].startswith("cnn on gpu_nvidia: int8")
    assert found[-1].endswith("(prior, not measured; decides nothing)")
    assert all("other hardware" in one for one in found[:-1])


def test_the_path_tells_question_findings_standings_and_rule() -> None:
    rows = [FP32, row("int8-dynamic"), row("fp16", accuracy=(-5.0, -6.0, -4.0))]
    path = select(replace(QUERY, max_size_ratio=0.9), rows).path
    assert "least latency; accuracy loss at most 1 points; size ratio at most 0.90" in path[0]
    assert any(line.startswith("fp16: rejected: loses 5.0 points") for line in path)
    assert any("int8-dynamic: best in 100 % of draws" in line for line in path)
    assert path[-1].startswith("decided: int8-dynamic is faster than fp32")


def test_another_model_at_the_same_workload_is_called_so() -> None:
    measured = [FP32, row("int8-dynamic")]
    choice = select(replace(QUERY, model_name="digts"), measured, cells=cells(measured))
    assert "nearest: digits." in choice.sentence
    assert choice.nearest[0].endswith("(another model)")


def test_a_model_that_was_not_measured_is_shown_what_is_near() -> None:
    measured = (FP32, row("int8-dynamic"))

    def asked(model_name: str) -> Choice:
        return questions.select(
            replace(QUERY, model_name=model_name),
            1,
            lambda query: tuple(one for one in measured if matches(query, one)),
            lambda: with_priors(cells(measured), priors()),
        )

    choice = asked("digts")
    assert choice.outcome == "nothing_measured"
    assert [one.split(":")[0] for one in choice.nearest] == [
        "cnn on cpu_only at batch 1 with 1 thread"
    ]
    known = asked("digits")
    assert (known.recipe, known.nearest) == ("int8-dynamic", ())


def test_an_empty_table_says_so() -> None:
    choice = select(QUERY, [], cells=priors())
    assert choice.sentence.startswith("The table is empty. Nothing was measured for cnn on")
    assert "empty" not in select(QUERY, [], cells=cells([row("fp16")])).sentence


# -- what must not slip through -----------------------------------------------------------
def test_more_confidence_asks_more_of_the_accuracy_too() -> None:
    rows = [FP32, row("int8-dynamic", accuracy=(-0.1, -0.9, 0.7))]
    assert select(QUERY, rows).recipe == "int8-dynamic"
    strict = select(replace(QUERY, confidence=0.999), rows)
    assert "98.6 % of draws, 99.9 % needed" in candidate_reasons(strict, "int8-dynamic")
    assert strict.outcome == "undecided"


def test_a_further_recipe_changes_nothing_of_the_others() -> None:
    query = replace(QUERY, max_latency_ns=104_100.0, confidence=0.94)
    first = [FP32, row("int8-dynamic")]
    reasons = candidate_reasons(select(query, first), "int8-dynamic")
    for place in range(20):
        more = row("int8-static-u8u8-pt", accuracy=(-5.0, -6.0, -4.0), run_id=f"other-{place}")
        assert candidate_reasons(select(query, [*first, more]), "int8-dynamic") == reasons


def test_what_never_pays_is_not_shipped_whatever_the_volume() -> None:
    rows = [FP32, row("int8-dynamic", latency=(1.2, 1.1, 1.3), verdict="SLOWER")]
    query = replace(QUERY, objective=Objective.SIZE, price_per_hour=1.0)
    assert select(query, rows).recipe == "int8-dynamic"
    choice = select(replace(query, switch_cost=5.0), rows)
    assert (choice.outcome, choice.recipe) == ("keep_fp32", "fp32")
    assert "never pays for the switch" in choice.sentence


def test_a_price_of_energy_without_a_meter_says_why_nothing_is_computed() -> None:
    choice = select(replace(QUERY, energy_price_per_kwh=0.3), [FP32, row("int8-dynamic")])
    assert choice.break_even is None
    assert any("no break-even: the latency or energy" in one for one in choice.warnings)


def test_jobs_tell_which_of_several_is_better() -> None:
    minute = 60 * 10**9
    rows = [
        replace(FP32, run_duration_ns=minute),
        row("int8-dynamic", latency=(0.50, 0.40, 0.62), run_duration_ns=minute),
        row("int4-wo-b32", latency=(0.53, 0.43, 0.65), size=0.16, run_duration_ns=minute),
    ]
    choice = select(QUERY, rows)
    assert choice.outcome == "tie"
    assert {job.recipe for job in choice.settling} == {"int8-dynamic", "int4-wo-b32"}
