"""Effective sample size and the hierarchical bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.samples import AbsoluteSamples, WarmUp
from bitgauge.benchmarks.stats.resample import bootstrap_median, effective_size, stretch_medians
from scipy import signal, stats

from tests.labs.conditions import conditions


def launch_of(latency_ns: np.ndarray, per_block: int = 10) -> AbsoluteSamples:
    latencies = latency_ns.astype(np.int64)
    block = np.arange(latencies.size) // per_block
    starts = np.arange(block[-1] + 1) * 1000
    warm = WarmUp(np.ones(1), np.zeros(1, np.int64), (1,), 1, 1, True)
    around = conditions(starts.size)
    return AbsoluteSamples(latencies, block, starts, around, warm, latencies.size, starts + 1000)


def test_independent_latencies_are_worth_themselves() -> None:
    rng = np.random.default_rng(0)
    latencies = np.exp(rng.normal(12, 0.05, size=6000)).astype(np.int64)
    assert effective_size(latencies) > 5000


@pytest.mark.parametrize("phi", [0.5, 0.9, 0.98])
def test_autoregressive_latencies_lose_their_closed_share(phi: float) -> None:
    # AR(1): tau = (1 + phi) / (1 - phi).
    rng = np.random.default_rng(1)
    noise = signal.lfilter([1], [1, -phi], rng.normal(size=60_000)) * 0.02
    latencies = (1e6 * np.exp(noise)).astype(np.int64)
    expected = latencies.size * (1 - phi) / (1 + phi)
    assert effective_size(latencies) == pytest.approx(expected, rel=0.25)


def test_isolated_spikes_do_not_cost_and_busy_spells_do() -> None:
    # X3: spikes left 5,200 of 6,000; busy spells left 6 to 19.
    rng = np.random.default_rng(2)
    spikes = np.where(rng.random(6000) < 0.02, 10.0, 1.0)
    jitter = np.exp(rng.normal(0, 0.02, 6000))
    assert effective_size((1e5 * spikes * jitter).astype(np.int64)) > 4000
    busy = np.repeat(rng.choice([1.0, 1.3], size=10), 600)
    assert effective_size((1e5 * busy * jitter).astype(np.int64)) < 60


def test_constant_and_single_latencies() -> None:
    assert effective_size(np.full(100, 5)) == 100
    assert effective_size(np.array([7])) == 1
    assert 0 < effective_size(np.array([1, 2])) <= 2


def test_stretches_follow_the_blocks() -> None:
    launch = launch_of(np.arange(1, 101), per_block=10)
    assert stretch_medians(launch, 10).tolist() == [5.5 + 10 * i for i in range(10)]
    assert stretch_medians(launch, 2).tolist() == [25.5, 75.5]


def test_estimate_and_interval_of_one_level() -> None:
    rng = np.random.default_rng(3)
    launches = [launch_of(rng.lognormal(13, 0.05, size=5000)) for _ in range(3)]
    interval = bootstrap_median(launches, seed=4)
    everything = np.concatenate([launch.latency_ns for launch in launches])
    assert interval.point == pytest.approx(np.median(everything), rel=0.002)
    assert interval.low < interval.point < interval.high
    assert interval.half_width / interval.point < 0.003


def test_same_seed_same_bits() -> None:
    rng = np.random.default_rng(5)
    launches = [launch_of(rng.lognormal(13, 0.1, size=700)) for _ in range(3)]
    assert bootstrap_median(launches, 1) == bootstrap_median(launches, 1)
    assert bootstrap_median(launches[:1], 1) != bootstrap_median(launches[:1], 2)


def test_few_launches_reach_as_far_as_student() -> None:
    launches = [launch_of(np.full(700, level)) for level in (900_000, 1_000_000, 1_200_000)]
    logs = np.log([900_000.0, 1_000_000.0, 1_200_000.0])
    reach = stats.t.ppf(0.975, 2) * stats.sem(logs)
    interval = bootstrap_median(launches, 1)
    expected = (1_000_000 * np.exp(-reach), 1_000_000 * np.exp(reach))
    assert (interval.low, interval.high) == pytest.approx(expected, rel=1e-9)
    assert interval.low * interval.high == pytest.approx(interval.point**2), "as wide either way"
    wild = [launch_of(np.full(700, level)) for level in (1_000, 1_000, 90_000)]
    assert 0 < bootstrap_median(wild, 1).low < 1_000


def test_units_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    values = [rng.integers(1000, 2000, size=900) for _ in range(3)]
    small = bootstrap_median([launch_of(value) for value in values], 1)
    large = bootstrap_median([launch_of(value * 1024) for value in values], 1)
    assert large.point == small.point * 1024
    expected = (small.low * 1024, small.high * 1024)
    assert (large.low, large.high) == pytest.approx(expected, rel=1e-12)


def test_one_launch_is_scipys_bootstrap_of_its_stretches() -> None:
    rng = np.random.default_rng(7)
    launch = launch_of(rng.lognormal(13, 0.2, size=3200), per_block=10)
    ours = bootstrap_median([launch], 1)
    theirs = stats.bootstrap(
        (stretch_medians(launch, 64),),
        np.median,
        n_resamples=9999,
        method="percentile",
        rng=np.random.default_rng(8),
    ).confidence_interval
    assert ours.low == pytest.approx(theirs.low, rel=0.005)
    assert ours.high == pytest.approx(theirs.high, rel=0.005)


def test_launches_decide_the_width_when_they_differ() -> None:
    rng = np.random.default_rng(9)
    levels = rng.normal(0, 0.06, size=5)
    apart = [launch_of(1e6 * np.exp(level + rng.normal(0, 0.01, 2000))) for level in levels]
    alike = [launch_of(1e6 * np.exp(rng.normal(0, 0.01, 2000))) for _ in levels]
    assert bootstrap_median(apart, 1).half_width > 20 * bootstrap_median(alike, 1).half_width


def test_a_fast_launch_counts_no_more_than_a_slow_one() -> None:
    slow, fast = launch_of(np.full(200, 2000)), launch_of(np.full(2000, 1000))
    assert bootstrap_median([slow, slow, fast], 1).point == 2000
