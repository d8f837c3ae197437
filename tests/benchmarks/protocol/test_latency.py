"""The measuring protocol on a simulated machine whose noise is known.

How often its answers are wrong is asked in `tests/protocol/test_statistics.py`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.protocol.latency import (
    Call,
    Clock,
    _Reservoir,
    block_iterations,
    clock_resolution_ns,
    loop_cost_ns,
    measure_absolute,
    measure_pair,
    warm_up,
)
from bitgauge.benchmarks.samples import BASELINE, CANDIDATE, Conditions, PairSamples
from bitgauge.benchmarks.stats.discards import kept_blocks
from bitgauge.benchmarks.stats.paired import quad_log_ratios, wilcoxon_interval
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import MAX_LATENCIES_PER_LAUNCH, MIN_QUADS, PLANS
from scipy import stats

from tests.labs.noisy_clock import CALM, MS, NoisyClock
from tests.labs.values import warmed

QUICK = PLANS[Profile.QUICK]
SECOND = 1_000_000_000


def usual(clock: Clock, **changes: Any) -> dict[str, Any]:
    """What a measurement takes besides calls and warm-up: profile `quick`, one seed."""
    plain = {"plan": QUICK, "rng": np.random.default_rng(0), "gap": lambda: None}
    return {"clock": clock, "conditions": Conditions, **plain, **changes}


def pair_on(
    machine: NoisyClock, ratio: float, seed: int, *, gap: Callable[[], None] = lambda: None
) -> PairSamples:
    return measure_pair(
        machine.call(MS),
        machine.call(MS * ratio),
        warm=warmed(MS, int(MS * ratio)),
        **usual(machine.clock, rng=np.random.default_rng(seed), gap=gap),
    )


def test_the_estimate_is_unbiased_under_noise() -> None:
    points = []
    for seed in range(60):
        interval = wilcoxon_interval(quad_log_ratios(pair_on(NoisyClock(seed, "all"), 0.7, seed)))
        assert interval is not None
        points.append(interval.point)
    assert stats.ttest_1samp(points, math.log(0.7)).pvalue > 0.001


def test_quads_are_abba_or_baab_at_random() -> None:
    samples = pair_on(NoisyClock(1, CALM), 1.5, 8)
    orders = samples.letter.reshape(-1, 4)
    assert {tuple(order) for order in orders.tolist()} == {(0, 1, 1, 0), (1, 0, 0, 1)}
    starts_with_candidate = int(np.count_nonzero(orders[:, 0] == CANDIDATE))
    assert stats.binomtest(starts_with_candidate, len(orders), 0.5).pvalue > 0.001
    assert samples.quad.tolist() == sorted(samples.quad.tolist())
    assert np.all(np.diff(samples.start_ns) > 0)


def test_blocks_last_long_enough_and_start_uncounted() -> None:
    machine = NoisyClock(1, CALM)
    calls = {BASELINE: 0, CANDIDATE: 0}

    def counted(letter: int, latency_ns: float) -> Call:
        run = machine.call(latency_ns)

        def call() -> None:
            calls[letter] += 1
            run()

        return call

    samples = measure_pair(
        counted(BASELINE, 100_000),
        counted(CANDIDATE, 2 * MS),
        warm=warmed(100_000, 2 * MS),
        **usual(machine.clock),
    )
    for letter, size in ((BASELINE, 50), (CANDIDATE, 5)):
        blocks = samples.letter == letter
        assert set(samples.iterations[blocks].tolist()) == {size}
        assert calls[letter] == int(np.count_nonzero(blocks)) * (size + 1)
    assert block_iterations(1, QUICK, SECOND) == QUICK.block_ns


def test_blocks_of_a_slow_call_shrink_rather_than_become_few() -> None:
    # 80 blocks (20 quads) have to fit the budget.
    assert block_iterations(10 * MS, QUICK, 6 * SECOND) == 5
    assert block_iterations(25 * MS, QUICK, 6 * SECOND) == 3
    assert block_iterations(10 * SECOND, QUICK, 6 * SECOND) == 1


def test_gap_and_conditions_stay_outside_blocks() -> None:
    machine = NoisyClock(2, CALM)
    events: list[str] = []
    call = machine.call(MS)

    def session() -> None:
        events.append("call")
        call()

    def read() -> Conditions:
        events.append("read")
        return Conditions(steal_ticks=float(events.count("read")))

    samples = measure_pair(
        session,
        session,
        warm=warmed(MS, MS),
        **usual(machine.clock, gap=lambda: events.append("gap"), conditions=read),
    )
    quads = samples.letter.size // 4
    block = ["call"] * 6 + ["read"]
    assert events == (["read"] + block * 4 + ["gap"]) * (quads - 1) + ["read"] + block * 4
    assert samples.conditions.steal_ticks.tolist() == [1.0] * quads * 4
    assert np.isnan(samples.conditions.clock_mhz).all()


def test_quads_are_added_until_precise_or_the_cap() -> None:
    quiet = pair_on(NoisyClock(3, CALM), 1.0, 3)
    assert (quiet.stopped, quiet.letter.size // 4) == ("precise", 60)
    machine = NoisyClock(3, CALM)
    rng = np.random.default_rng(3)

    def wild() -> None:
        machine.now_ns += MS * float(np.exp(rng.normal(0, 0.5)))

    noisy = measure_pair(wild, wild, warm=warmed(MS, MS), **usual(machine.clock, rng=rng))
    assert (noisy.stopped, noisy.letter.size // 4) == ("max_quads", 120)


@pytest.mark.parametrize(
    ("latency_ns", "ended"),
    [(200 * MS, ("budget", MIN_QUADS)), (SECOND, ("too_slow", 8)), (20 * SECOND, ("too_slow", 1))],
)
def test_a_slow_model_ends_on_the_budget(latency_ns: int, ended: tuple[str, int]) -> None:
    machine = NoisyClock(4, CALM)
    call = machine.call(latency_ns)
    samples = measure_pair(call, call, warm=warmed(latency_ns, latency_ns), **usual(machine.clock))
    assert (samples.stopped, samples.letter.size // 4) == ended


def test_a_call_longer_than_the_budget_is_timed_once_per_launch() -> None:
    machine = NoisyClock(4, CALM)
    samples = measure_absolute(
        machine.call(20 * SECOND), warm=warmed(20 * SECOND), **usual(machine.clock)
    )
    assert (samples.count, samples.block_start_ns.size) == (1, 1)


def test_a_clock_that_goes_backwards_marks_its_block() -> None:
    readings = iter(range(10_000))
    jumped = 0

    def clock() -> int:
        nonlocal jumped
        now = next(readings) * MS
        jumped = jumped or (now > 300 * MS) * 10 * SECOND
        return now - jumped

    plan = replace(QUICK, absolute_timed_ns=400 * MS)
    samples = measure_absolute(lambda: None, warm=warmed(MS), **usual(clock, plan=plan))
    assert samples.latency_ns.min() >= 0
    kept = kept_blocks(samples)
    assert kept[1].causes == (("clock_step", 1),)
    assert set(kept[0].latency_ns.tolist()) == {MS}


def test_the_loops_own_cost_and_the_clocks_resolution() -> None:
    now = 0

    def clock() -> int:
        nonlocal now
        now += 40
        return now

    # Two readings per turn, and the two around a round.
    assert loop_cost_ns(lambda: None, clock) == pytest.approx(80, rel=0.01)
    assert clock_resolution_ns(clock) == 40
    assert clock_resolution_ns(lambda: 7) == 0
    # The real loop, so that a mistake of orders of magnitude shows.
    assert 0 < loop_cost_ns(lambda: None, time.perf_counter_ns) < 50_000


def test_warm_up_waits_until_the_machine_is_level() -> None:
    machine = NoisyClock(5, CALM)

    def heating() -> None:
        machine.now_ns += MS * (1 + 2 * math.exp(-machine.now_ns / (0.2 * SECOND)))

    warm = warm_up([heating], machine.clock, QUICK)
    assert warm.steady
    assert warm.elapsed_ns > 0.8 * SECOND
    assert warm.iteration_ns[0] == pytest.approx(MS, rel=0.05)
    assert warm.block_median_ns[0] > 2.5 * MS


def test_warm_up_gives_up_at_its_cap() -> None:
    machine = NoisyClock(6, CALM)

    def slowing() -> None:
        machine.now_ns += MS * (1 + machine.now_ns / SECOND)

    warm = warm_up([slowing, slowing], machine.clock, QUICK)
    assert not warm.steady
    assert QUICK.warmup_cap_ns <= warm.elapsed_ns < QUICK.warmup_cap_ns + SECOND
    assert set(warm.letter.tolist()) == {0, 1}


def test_warm_up_keeps_its_minimum() -> None:
    machine = NoisyClock(7, CALM)
    warm = warm_up([machine.call(MS)], machine.clock, QUICK)
    assert warm.elapsed_ns >= QUICK.warmup_min_ns
    slow = warm_up([machine.call(SECOND)], machine.clock, QUICK)
    assert slow.iterations <= 4
    assert not slow.steady


def test_absolute_takes_the_timed_span_in_blocks() -> None:
    machine = NoisyClock(8, CALM)
    gaps = 0

    def gap() -> None:
        nonlocal gaps
        gaps += 1

    samples = measure_absolute(machine.call(MS), warm=warmed(MS), **usual(machine.clock, gap=gap))
    assert samples.latency_ns.sum() == pytest.approx(SECOND, rel=0.02)
    assert samples.count == samples.latency_ns.size
    assert np.bincount(samples.block).tolist() == [5] * samples.block_start_ns.size
    assert gaps == samples.block_start_ns.size


def test_a_clock_that_stands_still_ends() -> None:
    plan = replace(QUICK, absolute_timed_ns=1000)
    samples = measure_absolute(lambda: None, warm=warmed(MS), **usual(lambda: 0, plan=plan))
    assert samples.latency_ns.tolist() == [0] * 1000


def test_reservoir_is_uniform_and_counts_all() -> None:
    rng = np.random.default_rng(9)
    hits = np.zeros(1000)
    for _ in range(400):
        reservoir = _Reservoir(rng, 100)
        for block in range(10):
            reservoir.add(np.arange(block * 100, (block + 1) * 100), block)
        latencies, blocks = reservoir.in_time_order()
        assert reservoir.seen == 1000
        assert np.array_equal(blocks, latencies // 100)
        assert latencies.size == 100
        hits[latencies] += 1
    assert stats.chisquare(hits.reshape(20, 50).sum(axis=1)).pvalue > 0.001


def test_reservoir_keeps_everything_that_fits() -> None:
    reservoir = _Reservoir(np.random.default_rng(0), 250)
    for block in range(3):
        reservoir.add(np.arange(100), block)
    latencies, blocks = reservoir.in_time_order()
    assert (latencies.size, reservoir.seen, blocks[-1]) == (250, 300, 2)
    assert MAX_LATENCIES_PER_LAUNCH == 1_000_000
