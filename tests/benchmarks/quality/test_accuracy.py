"""Paired accuracy: Tango's bounds, the decision, and scores from outputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.quality.accuracy import (
    Paired,
    flips,
    mid_p,
    non_inferiority,
    paired_counts,
    score,
    tango_bounds,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

counts = st.integers(1, 5000).flatmap(
    lambda n: st.integers(0, n).flatmap(
        lambda b: st.builds(Paired, st.just(n), st.just(b), st.integers(0, n - b))
    )
)


@pytest.mark.parametrize("n", [1, 10, 50, 899, 100_000])
def test_without_discordant_pairs_the_bound_is_closed(n: int) -> None:
    z = stats.norm.ppf(0.95)
    low, high = tango_bounds(Paired(n, 0, 0), 0.9)
    assert low == pytest.approx(-(z**2) / (n + z**2))
    assert high == pytest.approx(z**2 / (n + z**2))


def test_bounds_are_where_the_score_statistic_of_the_constrained_likelihood_is_z() -> None:
    # Independent of the code: maximise the multinomial likelihood under p_c - p_b = delta.
    for b, c, n in [(9, 3, 60), (1, 12, 44), (0, 5, 30), (20, 20, 100)]:

        def statistic(delta: float, b: int = b, c: int = c, n: int = n) -> float:
            def negative_log_likelihood(p_b: float) -> float:
                p_c, rest = p_b + delta, 1 - 2 * p_b - delta
                if min(p_b, p_c, rest) <= 0:
                    return 1e9
                return -(b * math.log(p_b) + c * math.log(p_c) + (n - b - c) * math.log(rest))

            bounds = (max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12)
            p_b = optimize.minimize_scalar(
                negative_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
            ).x
            variance = (2 * p_b + delta - delta**2) / n
            return float(((c - b) / n - delta) / math.sqrt(variance))

        low, high = tango_bounds(Paired(n, b, c), 0.95)
        assert statistic(low) == pytest.approx(1.96, abs=2e-3)
        assert statistic(high) == pytest.approx(-1.96, abs=2e-3)


@given(counts)
def test_bounds_contain_the_estimate_and_mirror_when_the_arms_swap(paired: Paired) -> None:
    low, high = tango_bounds(paired, 0.95)
    assert -1 <= low <= paired.delta + 1e-9
    assert paired.delta - 1e-9 <= high <= 1
    other = tango_bounds(Paired(paired.n, paired.c, paired.b), 0.95)
    assert other == pytest.approx((-high, -low), abs=1e-9)


@given(counts, st.integers(2, 20))
def test_bounds_shrink_with_n(paired: Paired, factor: int) -> None:
    low, high = tango_bounds(paired, 0.95)
    more = Paired(paired.n * factor, paired.b * factor, paired.c * factor)
    closer = tango_bounds(more, 0.95)
    assert closer[1] - closer[0] <= high - low + 1e-9


@given(counts, st.floats(0, 0.2), st.floats(0, 0.2))
def test_a_larger_margin_never_turns_pass_into_less(
    paired: Paired, one: float, other: float
) -> None:
    rank = {"FAIL": 0, "UNDECIDED": 1, "PASS": 2}
    strict, loose = sorted((one, other))
    verdicts = [non_inferiority(paired, margin).verdict for margin in (strict, loose)]
    assert rank[verdicts[0]] <= rank[verdicts[1]]


def test_decisions() -> None:
    assert non_inferiority(Paired(899, 0, 0), 0.01).verdict == "PASS"
    assert non_inferiority(Paired(899, 60, 5), 0.01).verdict == "FAIL"
    undecided = non_inferiority(Paired(899, 9, 3), 0.01)
    # Two one-sided 95 % bounds are the two-sided 90 % interval.
    assert (undecided.low, undecided.high) == tango_bounds(Paired(899, 9, 3), 0.9)
    assert undecided.verdict == "UNDECIDED"
    assert undecided.samples_needed is not None
    assert undecided.samples_needed > 1000
    # z^2 / (n + z^2) <= 1 % needs 268 samples even when nothing ever differs.
    few = non_inferiority(Paired(50, 0, 0), 0.01)
    assert few.verdict == "UNDECIDED"
    assert few.samples_needed is not None
    assert few.samples_needed >= 218
    assert non_inferiority(Paired(50 + few.samples_needed, 0, 0), 0.01).verdict == "PASS"
    assert non_inferiority(Paired(100, 1, 0), 0.01).samples_needed is None
    assert non_inferiority(Paired(1, 1, 0), 1e-300).samples_needed is None


def test_samples_needed_is_the_planners_formula() -> None:
    # E-3: true difference 0, margin 1 %, discordant share 2 % needs 1,237 in all.
    decision = non_inferiority(Paired(100, 1, 1), 0.01)
    assert decision.samples_needed == 1237 - 100


def test_a_true_two_point_loss_rarely_passes_a_one_point_margin() -> None:
    # With Wald's interval 36 % passed at n = 50 (measurement.md E-2).
    rng = np.random.default_rng(5)
    outcomes = rng.multinomial(50, [0.02, 0.0, 0.98], size=2000)
    passed = [non_inferiority(Paired(50, int(b), int(c)), 0.01).verdict for b, c, _ in outcomes]
    assert passed.count("PASS") / 2000 <= 0.05


def test_one_sided_bound_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(6)
    outcomes = rng.multinomial(900, [0.03, 0.02, 0.95], size=2000)
    passes = sum(
        non_inferiority(Paired(900, int(b), int(c)), 0.01).verdict == "PASS" for b, c, _ in outcomes
    )
    assert stats.binomtest(passes, 2000, 0.05, alternative="greater").pvalue > 0.001


@pytest.mark.parametrize(("b", "c"), [(0, 0), (0, 5), (9, 3), (3, 9), (10, 10), (40, 20)])
def test_mid_p_is_scipys_binomial(b: int, c: int) -> None:
    n, fewer = b + c, min(b, c)
    binomial = stats.binom(n, 0.5)
    expected = 2 * binomial.cdf(fewer) - binomial.pmf(fewer) if n else 1.0
    assert mid_p(Paired(100, b, c)) == pytest.approx(min(expected, 1.0), rel=1e-9)


def test_scores_by_hand() -> None:
    ref = np.array([[2.0, 0.0], [0.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    cand = np.array([[2.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, np.nan]])
    samples = score(ref, cand, np.array([0, 1, 1, 1]), ["a", "b", "c", "d"])
    assert samples.ref_top1.tolist() == [0, 1, 0, 1]
    assert samples.cand_top1 is not None
    assert samples.cand_top1.tolist() == [0, 0, 1, -1]
    assert paired_counts(samples) == Paired(4, 2, 1)
    assert flips(samples) == 3
    assert samples.kl is not None
    assert samples.kl[0] == 0.0
    # softmax(0, 2) against softmax(2, 0): KL = 2 (p - q) with p = sigmoid(2).
    p = 1 / (1 + math.exp(-2))
    assert samples.kl[1] == pytest.approx(2 * (2 * p - 1))
    assert np.isnan(samples.kl[3])
    assert samples.ref_loss is not None
    assert samples.ref_loss[0] == pytest.approx(-math.log(p))
    assert samples.cand_nonfinite is not None
    assert samples.cand_nonfinite.tolist() == [0, 0, 0, 1]
    assert samples.max_abs_diff is not None
    assert samples.max_abs_diff[:3].tolist() == [0.0, 2.0, 3.0]


@given(st.integers(0, 2**32 - 1))
def test_divergence_is_scipys_and_ignores_constant_logits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ref, cand = rng.normal(size=(5, 7)), rng.normal(size=(5, 7))
    kl = score(ref, cand + 3.0, None, None).kl
    soft = [np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (ref, cand)]
    assert kl == pytest.approx(stats.entropy(soft[0], soft[1], axis=1), abs=1e-12)
    # Probabilities are recognised and not put through softmax again.
    assert score(soft[0], soft[1], None, None).kl == pytest.approx(kl, abs=1e-9)


def test_half_precision_extremes_do_not_overflow() -> None:
    ref = np.array([[6e4, -6e4]], dtype=np.float16)
    samples = score(ref, -ref, np.array([0]), None)
    assert samples.kl is not None
    assert np.isfinite(samples.kl).all()
    both = score(np.full((2, 3), np.inf), np.full((2, 3), np.inf), None, None)
    assert both.cand_nonfinite is not None
    assert both.cand_nonfinite.tolist() == [3, 3]


def test_outputs_that_are_no_classes_are_still_compared() -> None:
    samples = score(np.zeros((4, 2, 2)), np.ones((4, 2, 2)), np.zeros(4), None)
    assert samples.classes == 0
    assert paired_counts(samples) is None
    assert flips(samples) is None
    assert samples.max_abs_diff is not None
    assert samples.max_abs_diff.tolist() == [1.0] * 4


def test_baseline_alone() -> None:
    samples = score(np.eye(3), None, np.arange(3), None)
    assert (samples.cand_top1, samples.kl, samples.cand_loss) == (None, None, None)
    assert samples.ids.tolist() == ["0", "1", "2"]


def test_lengths_and_shapes_must_agree() -> None:
    with pytest.raises(BadInput) as error:
        score(np.eye(3), np.eye(4), None, None)
    assert error.value.code is Code.BAD_MODEL
    with pytest.raises(BadInput) as error:
        score(np.eye(3), None, np.arange(2), None)
    assert error.value.code is Code.BAD_EVALUATION_SET


@given(counts)
def test_verdict_agrees_with_its_bounds(paired: Paired) -> None:
    decision = non_inferiority(paired, 0.01)
    assume(decision.verdict != "UNDECIDED")
    assert (decision.low >= -0.01) == (decision.verdict == "PASS")
    assert decision.samples_needed is None
