"""What the published answers do when the truth is known: false alarms, power, coverage.

Everything runs on simulated noisy clocks or on drawn quads with fixed seeds; rates are compared
within binomial tolerance. The numbers that must hold are measurement.md's (X1 to X3, A-8).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.protocol.latency import measure_absolute, measure_pair, time_calls
from bitgauge.benchmarks.samples import AbsoluteSamples, Conditions, Floats, PairSamples
from bitgauge.benchmarks.stats import resample
from bitgauge.benchmarks.stats.paired import (
    PooledLaunches,
    difference_of,
    is_precise,
    pool_launches,
    quad_log_ratios,
    verdict_of,
)
from bitgauge.benchmarks.stats.percentiles import percentile
from bitgauge.benchmarks.stats.resample import bootstrap_median, effective_size
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS, ProfilePlan
from scipy import signal, stats

from tests.labs.conditions import conditions
from tests.labs.noisy_clock import KINDS, MS, NoisyClock
from tests.labs.values import warmed

QUICK, STANDARD = PLANS[Profile.QUICK], PLANS[Profile.STANDARD]
MARGIN = QUICK.margin
QUAD_SD = 0.05


def at_least(hits: int, trials: int, rate: float) -> bool:
    """Whether the true rate can be `rate` or more (one-sided binomial test at 0.1 %)."""
    return bool(stats.binomtest(hits, trials, rate, alternative="less").pvalue > 0.001)


def at_most(hits: int, trials: int, rate: float) -> bool:
    """Whether the true rate can be `rate` or less."""
    return bool(stats.binomtest(hits, trials, rate, alternative="greater").pvalue > 0.001)


def compared(
    machine: NoisyClock, ratio: float, seed: int, plan: ProfilePlan = QUICK
) -> PairSamples:
    return measure_pair(
        machine.call(MS),
        machine.call(MS * ratio),
        warm=warmed(MS, int(MS * ratio)),
        clock=machine.clock,
        plan=plan,
        rng=np.random.default_rng(seed),
        gap=lambda: None,
        conditions=Conditions,
    )


def answer(launches: list[Floats]) -> PooledLaunches:
    pooled = pool_launches(launches)
    assert pooled is not None
    return pooled


# -- false alarms -----------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_session_against_itself_is_seldom_different(kind: str) -> None:
    trials, detected, wrong, covered = 120, 0, 0, 0
    for seed in range(trials):
        interval = answer([quad_log_ratios(compared(NoisyClock(seed, kind), 1.0, seed))]).interval
        detected += difference_of(interval) == "detected"
        wrong += verdict_of(interval, MARGIN) in ("FASTER", "SLOWER")
        covered += interval.low <= 0 <= interval.high
    assert at_most(detected, trials, 0.05)
    assert wrong <= 0.01 * trials
    assert at_least(covered, trials, 0.95)


def test_drawn_quads_in_one_or_several_launches_keep_the_rates() -> None:
    rng = np.random.default_rng(101)
    for launches, quads in ((1, 180), (3, 60), (5, 60)):
        trials = 600
        found = [
            answer([rng.normal(0, QUAD_SD, quads) for _ in range(launches)]).interval
            for _ in range(trials)
        ]
        detected = sum(difference_of(one) == "detected" for one in found)
        wrong = sum(verdict_of(one, MARGIN) in ("FASTER", "SLOWER") for one in found)
        assert at_most(detected, trials, 0.05)
        assert wrong <= 0.01 * trials


def test_launches_that_differ_are_replicates_and_not_more_quads() -> None:
    # Each process draws its own ratio; quads within it cannot know.
    rng = np.random.default_rng(102)
    trials, launch_sd = 400, 0.03
    alone = together = 0
    for _ in range(trials):
        drawn = [rng.normal(0, launch_sd) + rng.normal(0, 0.01, 60) for _ in range(5)]
        alone += difference_of(answer(drawn[:1]).interval) == "detected"
        together += difference_of(answer(drawn).interval) == "detected"
    assert alone > 0.8 * trials  # why one launch is preliminary
    assert at_most(together, trials, 0.05)


# -- power ------------------------------------------------------------------------------------
@pytest.mark.parametrize("heavy", [False, True], ids=["normal", "heavy tails"])
@pytest.mark.parametrize("sign", [1, -1], ids=["slower", "faster"])
def test_power_at_180_quads(sign: int, heavy: bool) -> None:
    rng = np.random.default_rng([103, sign > 0, heavy])
    trials = 300

    def drawn(effect: float) -> Floats:
        noise = rng.standard_t(3, 180) / math.sqrt(3) if heavy else rng.normal(0, 1, 180)
        return math.log1p(sign * effect) + QUAD_SD * noise

    small = [answer([drawn(0.02)]).interval for _ in range(trials)]
    assert sum(difference_of(one) == "detected" for one in small) >= 0.9 * trials
    large = [answer([drawn(0.04)]).interval for _ in range(trials)]
    wanted = "SLOWER" if sign > 0 else "FASTER"
    assert sum(verdict_of(one, MARGIN) == wanted for one in large) >= 0.9 * trials


def test_power_of_a_standard_comparison_as_it_is_measured() -> None:
    # Three launches; quads are added 60 at a time until the launch is precise by itself.
    rng = np.random.default_rng(104)

    def launch(effect: float) -> Floats:
        values = np.empty(0)
        while values.size < STANDARD.max_quads:
            more = rng.normal(math.log1p(effect), QUAD_SD, STANDARD.quads)
            values = np.concatenate([values, more])
            if is_precise(values, MARGIN):
                break
        return values

    trials = 150
    small = [answer([launch(0.02) for _ in range(3)]).interval for _ in range(trials)]
    assert at_least(sum(difference_of(one) == "detected" for one in small), trials, 0.9)
    large = [answer([launch(0.04) for _ in range(3)]).interval for _ in range(trials)]
    assert at_least(sum(verdict_of(one, MARGIN) == "SLOWER" for one in large), trials, 0.9)


def test_a_true_four_percent_effect_is_found_under_every_kind_of_noise_at_once() -> None:
    trials, found, wrong, right = 200, 0, 0, 0
    for seed in range(trials):
        slower = seed % 2 == 0
        ratio = 1.04 if slower else 1 / 1.04
        samples = compared(NoisyClock(1000 + seed, "all"), ratio, seed)
        interval = answer([quad_log_ratios(samples)]).interval
        verdict = verdict_of(interval, MARGIN)
        found += difference_of(interval) == "detected"
        right += verdict == ("SLOWER" if slower else "FASTER")
        wrong += verdict == ("FASTER" if slower else "SLOWER")
    assert found >= 0.95 * trials
    assert right >= 0.8 * trials
    assert wrong == 0


# -- coverage ---------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["bursts", "all"])
def test_the_pair_interval_covers_a_true_ratio(kind: str) -> None:
    trials, covered = 120, 0
    for seed in range(trials):
        samples = compared(NoisyClock(5000 + seed, kind), 0.9, seed)
        interval = answer([quad_log_ratios(samples)]).interval
        covered += interval.low <= math.log(0.9) <= interval.high
    assert at_least(covered, trials, 0.95)


def launch_of(latency_ns: Floats, per_block: int = 10) -> AbsoluteSamples:
    latencies = latency_ns.astype(np.int64)
    block = np.arange(latencies.size) // per_block
    starts = np.arange(block[-1] + 1) * 1000
    around = conditions(starts.size)
    return AbsoluteSamples(
        latencies, block, starts, around, warmed(1), latencies.size, starts + 1000
    )


@pytest.mark.parametrize(
    ("launches", "launch_sd", "phi"), [(3, 0.06, 0.0), (3, 0.01, 0.9), (5, 0.06, 0.5), (5, 0.0, 0)]
)
def test_the_medians_interval_covers(
    launches: int, launch_sd: float, phi: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resample, "DRAWS", 1000)
    rng = np.random.default_rng([105, launches, round(launch_sd * 100)])
    trials, covered = 100, 0
    for seed in range(trials):
        drawn = []
        for _ in range(launches):
            noise = signal.lfilter([1], [1, -phi], rng.normal(0, 0.02, 700))[100:]
            drawn.append(launch_of(1e6 * np.exp(rng.normal(0, launch_sd) + noise)))
        interval = bootstrap_median(drawn, seed)
        covered += interval.low <= 1e6 <= interval.high
    assert at_least(covered, trials, 0.95)


@pytest.mark.parametrize("phi", [0.0, 0.8])
@pytest.mark.parametrize("p", [0.9, 0.95])
def test_the_order_statistic_interval_covers_what_is_worth_less(p: float, phi: float) -> None:
    rng = np.random.default_rng([106, round(100 * p), round(10 * phi)])
    spread = 0.05 / math.sqrt(1 - phi**2)
    truth = 1e6 * math.exp(spread * stats.norm.ppf(p))
    trials, covered = 250, 0
    for _ in range(trials):
        drawn = []
        for _ in range(3):
            noise = signal.lfilter([1], [1, -phi], rng.normal(0, 0.05, 2200))[200:]
            drawn.append((1e6 * np.exp(noise)).astype(np.int64))
        found = percentile(drawn, [effective_size(one) for one in drawn], p)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert at_least(covered, trials, 0.95)


# -- the experiments that the method rests on -------------------------------------------------
def test_x1_one_after_the_other_calls_the_same_session_different() -> None:
    trials = 60
    sequential = dict.fromkeys(("ranks", "t"), 0)
    quads = 0
    for seed in range(trials):
        machine = NoisyClock(seed, "all")
        runs = [np.asarray(time_calls(machine.call(MS), machine.clock, 600)) for _ in range(2)]
        sequential["ranks"] += stats.mannwhitneyu(*runs).pvalue < 0.05
        sequential["t"] += stats.ttest_ind(*runs, equal_var=False).pvalue < 0.05
        samples = compared(NoisyClock(seed, "all"), 1.0, seed)
        quads += difference_of(answer([quad_log_ratios(samples)]).interval) == "detected"
    # Spikes widen Student's interval, so that it is fooled less often than the ranks.
    assert sequential["ranks"] > 0.6 * trials
    assert sequential["t"] > 0.3 * trials
    assert at_most(quads, trials, 0.05)


def test_x2_many_short_blocks_tell_more_than_few_long_ones() -> None:
    # 1,200 timed iterations per side either way, a true effect of 2 %.
    def detected(quads: int, iterations: int, trials: int = 60) -> int:
        plan = replace(
            QUICK,
            quads=quads,
            max_quads=quads,
            block_ns=1,
            min_block_iterations=iterations,
            pair_budget_ns=10**15,
        )
        found = 0
        for seed in range(trials):
            samples = compared(NoisyClock(7000 + seed, "bursts"), 1.02, seed, plan)
            pooled = pool_launches([quad_log_ratios(samples)])
            found += pooled is not None and difference_of(pooled.interval) == "detected"
        return found

    few_long, many_short = detected(10, 60), detected(60, 10)
    assert many_short >= few_long + 15
    assert many_short >= 45


def test_x3_busy_spells_leave_few_independent_samples() -> None:
    def measured(kind: str, seed: int) -> AbsoluteSamples:
        machine = NoisyClock(seed, kind, horizon_s=8)
        return measure_absolute(
            machine.call(MS),
            warm=warmed(MS),
            clock=machine.clock,
            plan=replace(QUICK, absolute_timed_ns=6000 * MS),
            rng=np.random.default_rng(seed),
            gap=lambda: None,
            conditions=Conditions,
        )

    for seed in range(5):
        spiky, busy = measured("spikes", seed), measured("steps", seed)
        assert effective_size(spiky.latency_ns) > 0.7 * spiky.latency_ns.size
        assert effective_size(busy.latency_ns) < 0.02 * busy.latency_ns.size
        # So that the same 6,000 latencies have a p99 in one case and none in the other.
        assert percentile([spiky.latency_ns], [effective_size(spiky.latency_ns)], 0.99)
        assert not percentile([busy.latency_ns], [effective_size(busy.latency_ns)], 0.99)
