"""The binomial distribution against scipy, and percentiles that know what they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.stats.percentiles import (
    binomial_cdf,
    binomial_quantile,
    needed_size,
    percentile,
    pooled_size,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats


@given(st.integers(1, 3_000_000), st.floats(0.001, 0.999), st.floats(0.005, 0.995))
def test_the_binomial_is_scipys(n: int, p: float, q: float) -> None:
    ours = binomial_quantile(q, n, p)
    # At a tie the two may round to different sides; then the tail says so.
    assert binomial_cdf(ours, n, p) >= q * (1 - 1e-9)
    assert stats.binom.cdf(ours - 1, n, p) < q * (1 + 1e-9)
    for k in (ours - 1, ours, ours + 1):
        assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), rel=1e-8, abs=1e-15)


def test_the_binomial_at_its_ends() -> None:
    assert (binomial_cdf(-1, 5, 0.5), binomial_cdf(5, 5, 0.5)) == (0.0, 1.0)
    assert binomial_cdf(0, 1_000_000, 0.9) == 0.0
    with pytest.raises(ValueError, match="no binomial"):
        binomial_quantile(0.5, 0, 0.5)


@pytest.mark.parametrize(
    ("p", "needed"), [(0.5, 11), (0.9, 64), (0.95, 130), (0.97, 219), (0.99, 662), (0.999, 6636)]
)
def test_needed_sizes_are_loadgens(p: float, needed: int) -> None:
    assert needed_size(p) == needed
    latencies = np.arange(1, 10_001)
    assert percentile([latencies], [needed - 0.5], p) is None
    assert percentile([latencies], [float(needed)], p) is not None


@given(st.integers(64, 4000), st.integers(0, 1000))
def test_quantiles_are_measured_latencies_in_order(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    latencies = rng.lognormal(12, 0.3, n).astype(np.int64)
    found = percentile([latencies], [float(n)], 0.9)
    assert found is not None
    assert found.low <= found.value <= found.high
    assert found.value <= found.loadgen_upper
    for one in (found.value, found.low, found.high, found.loadgen_upper):
        assert one in latencies
    assert found.value == np.quantile(latencies, 0.9, method="inverted_cdf")


def test_the_interval_is_that_of_order_statistics() -> None:
    latencies = np.arange(1, 1001)
    found = percentile([latencies], [1000.0], 0.9)
    assert found is not None
    low = stats.binom.ppf(0.025, 1000, 0.9)
    high = stats.binom.ppf(0.975, 1000, 0.9) + 1
    assert (found.value, found.low, found.high) == (900, low, high)
    # LoadGen at n = 64 and p90 leaves the largest out and reports the next.
    few = percentile([np.arange(1, 65)], [64.0], 0.9)
    assert few is not None
    assert few.loadgen_upper == 63


def test_a_fast_launch_counts_no_more_than_a_slow_one() -> None:
    slow, fast = np.full(200, 2000), np.full(20_000, 1000)
    found = percentile([slow, fast], [200.0, 200.0], 0.9)
    assert found is not None
    assert found.value == 2000
    assert pooled_size([100.0, 100.0]) == pytest.approx(200)
    assert pooled_size([10.0, 1000.0]) < 40
    assert pooled_size([]) == 0


def test_the_interval_covers_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(12)
    truth = np.exp(12 + 0.3 * stats.norm.ppf(0.95))
    trials, covered, bounded = 1000, 0, 0
    for _ in range(trials):
        launches = [rng.lognormal(12, 0.3, 200).astype(np.int64) for _ in range(3)]
        found = percentile(launches, [200.0] * 3, 0.95)
        assert found is not None
        covered += found.low <= truth <= found.high
        bounded += truth <= found.loadgen_upper
    # Order statistics are discrete: the interval errs towards covering more.
    assert stats.binomtest(covered, trials, 0.95, alternative="less").pvalue > 0.01
    assert covered <= 0.985 * trials
    assert stats.binomtest(bounded, trials, 0.99, alternative="less").pvalue > 0.01
