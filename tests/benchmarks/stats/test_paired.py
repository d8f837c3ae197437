"""The paired estimate against scipy, and the properties it must have."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.stats.paired import (
    Interval,
    critical_rank,
    difference_of,
    hodges_lehmann,
    is_precise,
    pool_launches,
    verdict_of,
    wilcoxon_interval,
)
from bitgauge.benchmarks.stats.student import student_quantile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

log_ratios = arrays(
    np.float64, st.integers(6, 40), elements=st.floats(-1, 1, allow_subnormal=False)
)


@pytest.mark.parametrize("p", [0.5, 0.6, 0.9, 0.975, 0.995, 0.9995])
@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 14, 30])
def test_student_quantile_is_scipys(p: float, df: int) -> None:
    assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("n", [6, 7, 10, 20, 50, 60])
def test_critical_rank_holds_the_exact_tail(n: int) -> None:
    # scipy gives two-sided exact p-values: shift a sample so that T+ takes each wanted value.
    rank = critical_rank(n, 0.95)

    def two_sided(t_plus: int) -> float:
        signs = np.full(n, -1.0)
        left = t_plus
        for value in range(n, 0, -1):
            if value <= left:
                signs[value - 1], left = 1.0, left - value
        sample = signs * np.arange(1, n + 1)
        return float(stats.wilcoxon(sample, method="exact").pvalue)

    assert two_sided(rank - 1) <= 0.05 < two_sided(rank)


def test_normal_approximation_continues_the_exact_ranks() -> None:
    for n in (61, 80, 120):
        probabilities = np.zeros(n * (n + 1) // 2 + 1)
        probabilities[0] = 1.0
        for rank in range(1, n + 1):
            moved = np.zeros_like(probabilities)
            moved[rank:] = probabilities[:-rank]
            probabilities = (probabilities + moved) / 2
        exact = int(np.searchsorted(np.cumsum(probabilities), 0.025, side="right"))
        assert abs(critical_rank(n, 0.95) - exact) <= 2


def test_too_few_quads_give_no_interval() -> None:
    assert wilcoxon_interval(np.zeros(5)) is None
    assert wilcoxon_interval(np.zeros(6)) is not None
    assert wilcoxon_interval(np.zeros(6), 0.99) is None
    assert pool_launches([np.zeros(3)]) is None


def test_interval_excludes_zero_exactly_when_the_test_rejects() -> None:
    rng = np.random.default_rng(20)
    for _ in range(200):
        sample = rng.normal(0.3, 1.0, size=25)
        interval = wilcoxon_interval(sample)
        assert interval is not None
        rejects = stats.wilcoxon(sample, method="exact").pvalue <= 0.05
        assert (difference_of(interval) == "detected") == rejects


def test_hodges_lehmann_by_hand() -> None:
    # Walsh averages of (0, 2, 10): 0, 1, 2, 5, 6, 10.
    assert hodges_lehmann(np.array([0.0, 2.0, 10.0])) == 3.5


def test_interval_covers_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(1000):
        interval = wilcoxon_interval(rng.standard_t(3, size=20) * 0.05 + 0.01)
        assert interval is not None
        hits += interval.low <= 0.01 <= interval.high
    assert stats.binomtest(hits, 1000, 0.95).pvalue > 0.001


@given(log_ratios)
def test_swapping_baseline_and_candidate_inverts_the_ratio(values: np.ndarray) -> None:
    forward, backward = wilcoxon_interval(values), wilcoxon_interval(-values)
    assert forward is not None
    assert backward is not None
    assert (forward.point, forward.low, forward.high) == pytest.approx(
        (-backward.point, -backward.high, -backward.low), abs=1e-15
    )
    assert forward.low <= forward.point <= forward.high


@given(log_ratios, st.floats(-1, 1))
def test_a_constant_factor_moves_the_interval_and_nothing_else(
    values: np.ndarray, shift: float
) -> None:
    here, there = wilcoxon_interval(values), wilcoxon_interval(values + shift)
    assert here is not None
    assert there is not None
    assert (there.point, there.low, there.high) == pytest.approx(
        (here.point + shift, here.low + shift, here.high + shift), abs=1e-12
    )


@given(log_ratios)
def test_order_of_quads_does_not_matter(values: np.ndarray) -> None:
    assert wilcoxon_interval(values) == wilcoxon_interval(values[::-1].copy())


@given(st.floats(-0.5, 0.5), st.floats(0, 0.3), st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_verdict_is_monotone_in_the_margin(
    point: float, half: float, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    interval = Interval(point, point - half, point + half)
    strict, loose = verdict_of(interval, small), verdict_of(interval, large)
    if strict == "SAME":
        assert loose == "SAME"
    if loose in ("FASTER", "SLOWER"):
        assert strict == loose


def test_verdicts_at_their_edges() -> None:
    assert verdict_of(Interval(-0.1, -0.12, -0.03), 0.02) == "FASTER"
    assert verdict_of(Interval(0.1, 0.03, 0.12), 0.02) == "SLOWER"
    assert verdict_of(Interval(0.0, -0.01, 0.01), 0.02) == "SAME"
    assert verdict_of(Interval(0.0, -0.03, 0.01), 0.02) == "UNDECIDED"
    assert verdict_of(Interval(0.0, math.log(0.98), 0.0), 0.02) == "UNDECIDED"
    # 2 % less is further from 0 in logarithms than 2 % more.
    assert verdict_of(Interval(-0.1, -0.12, -0.0201), 0.02) == "UNDECIDED"
    assert verdict_of(Interval(0.1, 0.0199, 0.12), 0.02) == "SLOWER"
    # Detected and the same: a difference that is real and does not matter.
    real = Interval(0.005, 0.002, 0.008)
    assert (difference_of(real), verdict_of(real, 0.02)) == ("detected", "SAME")


def test_launches_that_agree_are_pooled_and_ones_that_do_not_are_replicates() -> None:
    rng = np.random.default_rng(3)
    launches = [rng.normal(0.0, 0.05, size=60) for _ in range(3)]
    alike = pool_launches([launch - hodges_lehmann(launch) for launch in launches])
    apart = pool_launches([launch + 0.1 * i for i, launch in enumerate(launches)])
    assert alike is not None
    assert alike.method == "wilcoxon"
    assert apart is not None
    assert apart.method == "t"
    assert apart.between > apart.within
    points = [hodges_lehmann(launch + 0.1 * i) for i, launch in enumerate(launches)]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(points), scale=stats.sem(points))
    assert (apart.interval.low, apart.interval.high) == pytest.approx((low, high), rel=1e-9)


@settings(max_examples=30)
@given(st.floats(0.001, 0.2))
def test_stop_rule_is_half_the_margin(spread: float) -> None:
    values = np.random.default_rng(3).permutation(np.linspace(-spread, spread, 60))
    interval = wilcoxon_interval(values)
    assert interval is not None
    assert is_precise(values, 0.02) == (interval.half_width <= 0.01)


def test_a_ratio_that_changes_in_time_widens_the_interval() -> None:
    """Recorded: a neighbour slowed FP32 from 49 to 69 us for one second, INT8 not at all."""
    rng = np.random.default_rng(7)
    slowed = np.log(23.6 / 69.0) + rng.normal(0, 0.01, 34)
    clear = np.log(23.1 / 49.8) + rng.normal(0, 0.01, 26)
    values = np.concatenate([slowed, clear])
    alone = wilcoxon_interval(values)
    pooled = pool_launches([values])
    assert alone is not None
    assert pooled is not None
    assert pooled.method == "stretches"
    assert np.exp(alone.high) < 23.1 / 49.8  # the quads alone exclude what held at the end
    assert pooled.interval.low < np.log(23.6 / 69.0)
    assert pooled.interval.high > np.log(23.1 / 49.8)
    assert not is_precise(values, 0.02)


def test_steady_quads_are_seldom_taken_for_unsteady() -> None:
    rng = np.random.default_rng(11)
    methods = [pool_launches([rng.standard_t(4, size=60) * 0.03]) for _ in range(1000)]
    unsteady = sum(one is not None and one.method == "stretches" for one in methods)
    assert unsteady <= 40
