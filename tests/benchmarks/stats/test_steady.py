"""The test of steadiness that ends a warm-up."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.stats.steady import WINDOW, is_steady, mann_kendall_p
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats


def test_trend_without_ties_is_kendalls_score() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=20)
    # Kendall's S from scipy's tau: S = tau n (n - 1) / 2 without ties; then the same normal law.
    s = stats.kendalltau(np.arange(20), values).statistic * 190
    z = (abs(s) - 1) / np.sqrt(20 * 19 * 45 / 18)
    assert mann_kendall_p(values) == pytest.approx(2 * stats.norm.sf(z))


def test_trend_closed_forms() -> None:
    assert mann_kendall_p(np.ones(20)) == 1.0
    assert mann_kendall_p(np.arange(20.0)) < 1e-6
    # S = 3; one group of three ties takes 3 * 2 * 11 from the variance's numerator.
    values = np.array([10.0, 10.0, 10.0, 20.0])
    variance = (4 * 3 * 13 - 3 * 2 * 11) / 18
    assert mann_kendall_p(values) == pytest.approx(2 * stats.norm.sf(2 / np.sqrt(variance)))


def test_level_noise_is_steady_and_a_slope_is_not() -> None:
    rng = np.random.default_rng(4)
    verdicts = [is_steady(rng.normal(1e6, 1e3, size=40)) for _ in range(300)]
    assert np.mean(verdicts) > 0.9
    slope = np.linspace(1.0, 0.95, 20) * 1e6
    assert not is_steady(slope)
    gentle = np.linspace(1.0, 0.996, 20) * 1e6
    assert not is_steady(gentle)
    assert not is_steady(np.concatenate([np.full(10, 1e6), np.full(10, 1.02e6)]))


def test_only_the_last_window_counts_and_it_must_be_full() -> None:
    level = np.tile([1.0, 1.001], WINDOW // 2) * 1e6
    assert not is_steady(level[1:])
    assert is_steady(np.concatenate([np.linspace(9e6, 2e6, 50), level]))
    assert not is_steady(np.zeros(WINDOW))


@given(
    arrays(np.float64, st.integers(20, 60), elements=st.floats(1e3, 1e6)),
    st.sampled_from([0.5, 2.0, 1024.0]),
)
def test_units_do_not_matter(values: np.ndarray, factor: float) -> None:
    assert is_steady(values) == is_steady(values * factor)
    assert mann_kendall_p(values) == mann_kendall_p(values[::-1].copy())
