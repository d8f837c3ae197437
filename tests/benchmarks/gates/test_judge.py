"""The gate's decision: what passes, what fails, what needs a person, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.gates.judge import judge, outcome_of
from bitgauge.benchmarks.gates.limits import LIMITS, MARGINS
from bitgauge.benchmarks.quality.accuracy import Paired, non_inferiority
from bitgauge.benchmarks.vocabulary.enums import CellState, FailureGroup, Profile, Realness
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.reasons import FLAGS
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    NOT_JUDGED,
    PASSED,
    REVIEW,
    GateRule,
    GateVerdict,
    RuleVerdict,
    UseCase,
)
from bitgauge.benchmarks.vocabulary.values.jobs import usual_request
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values

LOSS = GateRule("max_accuracy_loss_pp", 1.0)


def delta(b: int, c: int, n: int) -> MetricValue:
    detail = (StackItem("b", str(b)), StackItem("c", str(c)))
    value = 100 * (c - b) / n
    return MetricValue("accuracy_delta_pp", value, value - 0.3, value + 0.3, n=n, detail=detail)


def run(*metrics: MetricValue, **changes: Any) -> TableRow:
    plain = {
        one.key: one
        for one in (
            MetricValue("accuracy_pct", 96.0, 95.0, 97.0, n=10_000),
            delta(10, 10, 10_000),
            MetricValue("nonfinite_count", 0.0),
            *metrics,
        )
    }
    told: dict[str, Any] = {"profile": Profile.STANDARD, "run_id": "r1"} | changes
    return values.row("int8-dynamic", metrics=tuple(plain.values()), **told)


def case(*rules: GateRule, **changes: Any) -> UseCase:
    return UseCase("a", rules or (LOSS,), **changes)


def rule(found: GateVerdict, name: str) -> RuleVerdict:
    return next(one for one in found.rules if one.rule == name)


def test_a_sound_run_passes_and_each_rule_has_its_figures() -> None:
    found = judge(run(), case())
    assert found.outcome == PASSED
    told = rule(found, LOSS.key)
    assert (told.value, told.limit, told.verdict) == (0.0, 1.0, PASSED)
    assert told.low is not None
    assert -1 < told.low < 0
    assert "10,000 samples" in told.why


def test_accuracy_has_three_states_at_the_margin_of_the_use_case() -> None:
    assert judge(run(delta(300, 10, 10_000)), case()).outcome == FAILED
    undecided = judge(run(delta(4, 1, 200)), case())
    told = rule(undecided, LOSS.key)
    assert undecided.outcome == REVIEW
    assert told.samples_needed == non_inferiority(Paired(200, 4, 1), 0.01).samples_needed
    assert told.samples_needed
    assert f"{told.samples_needed:,} more samples" in told.why
    assert judge(run(delta(300, 10, 10_000)), case(GateRule(LOSS.key, 5.0))).outcome == PASSED


def test_a_relative_margin_is_a_part_of_the_baseline_s_accuracy() -> None:
    row = run(MetricValue("accuracy_pct", 50.0), delta(40, 0, 10_000))  # -0.4 points of 50.4
    relative = GateRule("max_accuracy_loss_relative_pct", 1.0)  # 0.504 points
    bounds = non_inferiority(Paired(10_000, 40, 0), 0.00504)
    told = rule(judge(row, case(relative)), relative.key)
    assert told.verdict == {"PASS": PASSED, "FAIL": FAILED, "UNDECIDED": REVIEW}[bounds.verdict]
    assert judge(row, case(GateRule(relative.key, 2.0))).outcome == PASSED
    assert judge(row, case(GateRule(relative.key, 0.1))).outcome == FAILED


P99 = GateRule("max_latency_p99", 2e6)


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(1e6, 1.9e6, PASSED), (1.9e6, 2.1e6, REVIEW), (2.1e6, 3e6, FAILED)]
)
def test_a_limit_is_held_against_the_interval(low: float, high: float, verdict: str) -> None:
    row = run(MetricValue("latency_p99_ns", (low + high) / 2, low, high))
    told = rule(judge(row, case(LOSS, P99)), P99.key)
    assert told.verdict == verdict
    assert "2.00 ms" in told.why
    assert bool(told.playbook) is (verdict != PASSED)


def test_more_is_better_where_the_registry_says_so() -> None:
    asked = GateRule("min_throughput_per_s", 100.0)
    fast = run(MetricValue("throughput_per_s", 200.0, 190.0, 210.0))
    slow = run(MetricValue("throughput_per_s", 50.0, 45.0, 55.0))
    assert judge(fast, case(asked)).outcome == PASSED
    assert judge(slow, case(asked)).outcome == FAILED


def test_what_is_not_known_is_what_the_use_case_says_with_the_reason() -> None:
    row = run(MetricValue("energy_mj", reason="no_sensor"))
    asked = GateRule("max_energy", 5.0)
    told = rule(judge(row, case(LOSS, asked)), asked.key)
    assert (told.verdict, told.value) == (REVIEW, None)
    assert "the device has no energy meter" in told.why
    assert judge(row, case(LOSS, asked, unknown=FAILED)).outcome == FAILED


@pytest.mark.parametrize("flag", ["untrusted", "preliminary"])
def test_a_run_that_is_not_certified_gates_no_time_but_accuracy_and_size(flag: str) -> None:
    row = run(
        MetricValue("latency_p99_ns", 1e6, 0.9e6, 1.1e6),
        MetricValue("peak_memory_bytes", 100.0, 90.0, 110.0),
        MetricValue("size_ratio", 0.25),
        flags=(flag,),
    )
    rules = (LOSS, P99, GateRule("max_peak_memory", 1e6), GateRule("max_size_ratio", 0.5))
    found = judge(row, case(*rules))
    assert [rule(found, one.key).verdict for one in rules] == [PASSED, REVIEW, REVIEW, PASSED]
    assert flag in rule(found, P99.key).why


@pytest.mark.parametrize("flag", ["suspect", "unconfirmed"])
def test_a_suspect_run_is_refused(flag: str) -> None:
    with pytest.raises(Refused, match=flag):
        judge(run(flags=(flag,)), case())


def test_an_emulated_device_judges_numerics_and_quality_alone() -> None:
    row = run(
        MetricValue("latency_p99_ns", reason="emulated"),
        MetricValue("saturated_pct", 3.0),
        realness=Realness.EMULATED,
        flags=("saturating",),
    )
    found = judge(row, case(LOSS, P99))
    assert found.partial
    assert rule(found, P99.key).verdict == NOT_JUDGED
    assert found.outcome == FAILED
    assert rule(found, "saturating").playbook.endswith("back-end-mismatch.md")
    assert judge(row, case(LOSS, P99, saturating=PASSED)).outcome == PASSED


def test_what_did_not_run_fails_and_what_the_harness_did_needs_a_person() -> None:
    failed = run(state=CellState.FAILED, reason="it crashed", failure_group=FailureGroup.ARTIFACT)
    found = judge(failed, case())
    assert (found.outcome, len(found.rules)) == (FAILED, 1)
    assert found.rules[0].why == "it crashed"
    lost = replace(failed, failure_group=FailureGroup.HARNESS)
    assert judge(lost, case()).outcome == REVIEW


def test_a_value_that_is_no_number_fails_whether_or_not_a_file_says_so() -> None:
    row = run(MetricValue("nonfinite_count", 2.0))
    assert judge(row, case()).outcome == FAILED
    assert judge(row, case(LOSS, GateRule("max_nonfinite", 2.0))).outcome == PASSED


def test_a_wrong_kernel_fails_and_flags_of_the_file_need_a_person() -> None:
    assert judge(run(flags=("wrong_kernel",)), case()).outcome == FAILED
    row = run(flags=("clipping",))
    assert judge(row, case()).outcome == PASSED
    assert judge(row, case(review=("clipping",))).outcome == REVIEW


def test_an_unsound_baseline_judges_nothing_and_says_what_to_do() -> None:
    row = run(MetricValue("accuracy_delta_pp", reason="baseline_noisy"))
    told = rule(judge(row, case()), LOSS.key)
    assert told.verdict == REVIEW
    assert "export the model for inference" in told.why


def test_the_first_of_a_model_gets_what_the_file_says() -> None:
    assert judge(run(), case(first=REVIEW)).outcome == REVIEW
    before = run(run_id="r0")
    found = judge(run(), case(first=REVIEW), accepted=before)
    assert (found.outcome, found.accepted_run_id) == (PASSED, "r0")


def test_the_accepted_version_is_compared_paired_where_it_can_be_and_else_weaker() -> None:
    before = run(run_id="r0")
    weaker = rule(judge(run(), case(), accepted=before), "accepted")
    assert "not paired and so weaker" in weaker.why
    worse = run(delta(250, 0, 10_000))
    loose = case(GateRule(LOSS.key, 2.0))
    assert rule(judge(worse, loose, accepted=before), "accepted").verdict == FAILED
    told = rule(judge(run(), case(), accepted=before, paired=Paired(1000, 90, 10)), "accepted")
    assert told.verdict == FAILED
    assert ", paired: -8.00 points" in told.why
    other = replace(before, baseline=values.digest("another"))
    assert rule(judge(run(), case(), accepted=other), "accepted").verdict == REVIEW


@pytest.mark.parametrize(("low", "high", "verdict"), [(1.0, 1.005, PASSED), (1.02, 1.03, FAILED)])
def test_a_decoder_is_judged_by_its_perplexity(low: float, high: float, verdict: str) -> None:
    asked = GateRule("max_perplexity_increase_pct", 1.0)
    row = run(
        MetricValue("perplexity_ratio", (low + high) / 2, low, high),
        workload=usual_request(),
    )
    assert rule(judge(row, case(asked)), asked.key).verdict == verdict
    before = replace(row, run_id="r0")
    assert rule(judge(row, case(asked), accepted=before), "accepted").verdict == PASSED


def test_what_was_loosened_is_pointed_out_and_what_was_tightened_is_not() -> None:
    before = case(LOSS, P99, GateRule("min_int_coverage", 0.9), review=("clipping",))
    now = case(
        GateRule(LOSS.key, 2.0),
        GateRule(P99.key, 1e6),
        GateRule("min_int_coverage", 0.8),
        saturating=REVIEW,
    )
    told = judge(run(), now, before=before).loosened
    assert told == (
        "max_accuracy_loss_pp is 2, it was 1",
        "min_int_coverage is 0.8, it was 0.9",
        "saturating is manual_review, it was failed",
        "clipping needs no person any more",
    )
    gone = judge(run(), case(P99), before=case(LOSS, P99)).loosened
    assert gone == ("max_accuracy_loss_pp is gone, it was 1",)
    assert judge(run(), before, before=before).loosened == ()


@given(
    st.sampled_from(sorted(LIMITS.keys() - MARGINS)),
    st.floats(0.1, 1e6),
    st.floats(0.1, 1e6),
    st.lists(st.sampled_from(sorted(FLAGS.keys() - {"suspect", "unconfirmed"})), max_size=4),
)
def test_a_stricter_limit_never_lets_more_pass(
    key: str, one: float, other: float, flags: list[str]
) -> None:
    limit = LIMITS[key]
    row = run(MetricValue(limit.metric, 5.0, 4.0, 6.0), flags=tuple(flags))
    strict, loose = (one, other) if limit.looser(other, one) else (other, one)
    order = (PASSED, REVIEW, FAILED)
    verdicts = [judge(row, case(GateRule(key, most))).outcome for most in (loose, strict)]
    assert order.index(verdicts[0]) <= order.index(verdicts[1])


@given(st.lists(st.sampled_from((PASSED, REVIEW, FAILED, NOT_JUDGED))))
def test_the_worst_rule_decides(verdicts: list[str]) -> None:
    found = outcome_of(tuple(RuleVerdict("a", "", one) for one in verdicts))
    if FAILED in verdicts:
        assert found == FAILED
    elif REVIEW in verdicts or PASSED not in verdicts:
        assert found == REVIEW
    else:
        assert found == PASSED
