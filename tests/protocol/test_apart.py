"""Launches that take turns, on simulated clocks: false alarms, power, drift, an intruder.

A session is a number of quads of launches. Every launch draws a level of its own, as fresh
processes do (`LAUNCH_SD`); seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.certificate import COMPARISONS, allowed_false_positives
from bitgauge.benchmarks.protocol.apart import measure_apart
from bitgauge.benchmarks.samples import ApartSamples, Conditions
from bitgauge.benchmarks.stats.apart import ORDERS, Launch, apart_interval, launch_log_ratios
from bitgauge.benchmarks.stats.paired import Interval, difference_of, verdict_of
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import MIN_QUADS, PLACES, PLANS, ProfilePlan
from scipy import stats

from tests.labs.noisy_clock import CALM, KINDS, MS, NoisyClock
from tests.labs.values import warmed

QUICK, STANDARD = PLANS[Profile.QUICK], PLANS[Profile.STANDARD]
MARGIN = QUICK.margin
LAUNCH_SD = 0.01
FEW_BLOCKS = replace(QUICK, quads=20, min_block_iterations=5, block_ns=MS)

Level = Callable[[int], float]
"""What else multiplies the latency of a launch, by its number in the session."""


def steady(_: int) -> float:
    return 1.0


def launch(
    machine: NoisyClock, ns: float, place: tuple[int, int], plan: ProfilePlan
) -> ApartSamples:
    return measure_apart(
        machine.call(ns),
        place=place,
        warm=warmed(int(ns)),
        clock=machine.clock,
        plan=plan,
        gap=lambda: None,
        conditions=Conditions,
    )


def in_turns(
    rng: np.random.Generator,
    ratio: float,
    quads: int,
    sd: float,
    level: Level = steady,
    launched: Callable[[float, int, int], float] = lambda ns, quad, place: ns,
) -> Interval:
    """The answer of one session, launch by launch.

    Without blocks unless `launched` measures them: what they add is small beside what launches
    differ by.
    """
    found = []
    for at in range(PLACES * quads):
        quad, place = divmod(at, PLACES)
        if place == 0:
            order = ORDERS[int(rng.integers(2))]
        ns = MS * level(at) * math.exp(rng.normal(0, sd)) * ratio ** order[place]
        found.append(Launch(quad, place, order[place], launched(ns, quad, place)))
    interval = apart_interval(launch_log_ratios(found))
    assert interval is not None
    return interval


def measured(seed: int, kind: str, ratio: float, quads: int = 5, level: Level = steady) -> Interval:
    """One session in which every launch is measured on the simulated clock."""
    machine = NoisyClock(seed, kind)

    def launched(ns: float, quad: int, place: int) -> float:
        return float(np.median(launch(machine, ns, (quad, place), FEW_BLOCKS).value_ns))

    rng = np.random.default_rng([seed, 7])
    return in_turns(rng, ratio, quads, LAUNCH_SD, level, launched)


def at_most(hits: int, trials: int, rate: float) -> bool:
    """Whether the true rate can be `rate` or less (one-sided binomial test at 0.1 %)."""
    return bool(stats.binomtest(hits, trials, rate, alternative="greater").pvalue > 0.001)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_artifact_in_turns_is_seldom_different(kind: str) -> None:
    """No more often of 40 sessions than a certificate lets a device."""
    found = [measured(seed, kind, 1.0, quads=3) for seed in range(COMPARISONS)]
    assert sum(difference_of(one) == "detected" for one in found) <= allowed_false_positives(
        COMPARISONS
    )
    assert sum(verdict_of(one, MARGIN) in ("FASTER", "SLOWER") for one in found) <= 1


@pytest.mark.parametrize("quads", [2, 3, 5, 15])
@pytest.mark.parametrize("heavy", [False, True], ids=["normal", "heavy tails"])
def test_false_alarms_over_many_sessions(quads: int, heavy: bool) -> None:
    rng, trials = np.random.default_rng([301, quads, heavy]), 1000
    tails = np.random.default_rng([302, quads, heavy])

    def level(_: int) -> float:
        return math.exp(LAUNCH_SD * tails.standard_t(3)) if heavy else 1.0

    found = [in_turns(rng, 1.0, quads, LAUNCH_SD, level) for _ in range(trials)]
    assert at_most(sum(difference_of(one) == "detected" for one in found), trials, 0.05)
    assert sum(verdict_of(one, MARGIN) in ("FASTER", "SLOWER") for one in found) <= 0.02 * trials


@pytest.mark.parametrize(("plan", "sd"), [(STANDARD, 0.01), (QUICK, 0.005)])
def test_five_percent_is_found(plan: ProfilePlan, sd: float) -> None:
    """In 95 of 100 sessions: standard where launches differ by 1 %, quick where by 0.5 %."""
    rng, trials = np.random.default_rng(303), 400
    for ratio, wanted in ((1.05, "SLOWER"), (0.95, "FASTER")):
        found = [in_turns(rng, ratio, plan.apart_quads, sd) for _ in range(trials)]
        assert sum(difference_of(one) == "detected" for one in found) >= 0.95 * trials
        assert sum(verdict_of(one, MARGIN) == wanted for one in found) >= 0.75 * trials
    assert difference_of(measured(1, CALM, 1.05)) == "detected"


def test_a_drift_that_is_linear_in_time_cancels() -> None:
    """20 % over the session moves nothing; in the order A B A B it would move 1 %."""
    quads = STANDARD.apart_quads
    last = PLACES * quads - 1

    def drifting(at: int) -> float:
        return 1 + 0.2 * at / last

    for seed in range(20):
        still = in_turns(np.random.default_rng(seed), 1.05, quads, LAUNCH_SD)
        moved = in_turns(np.random.default_rng(seed), 1.05, quads, LAUNCH_SD, drifting)
        assert abs(moved.point - still.point) < 2e-4
        assert abs(moved.half_width - still.half_width) < 1e-3
    in_turn = [
        Launch(at // PLACES, at % PLACES, at % 2, MS * drifting(at)) for at in range(last + 1)
    ]
    assert abs(float(np.mean(launch_log_ratios(in_turn)))) > 0.008


@pytest.mark.parametrize("quads", [3, 5, 15])
def test_an_intruder_in_one_launch_widens_the_interval(quads: int) -> None:
    """30 % in one launch: the truth stays inside, whichever launch it is."""
    for at_fault in range(PLACES * quads):
        quiet = in_turns(np.random.default_rng(at_fault), 1.0, quads, 0.002)

        def load(at: int, at_fault: int = at_fault) -> float:
            return 1.3 if at == at_fault else 1.0

        disturbed = in_turns(np.random.default_rng(at_fault), 1.0, quads, 0.002, load)
        assert disturbed.low <= 0 <= disturbed.high
        assert disturbed.half_width > 4 * quiet.half_width
        assert verdict_of(disturbed, MARGIN) == "UNDECIDED"


def test_one_quad_gives_no_interval_and_half_a_quad_does_not_count() -> None:
    whole = [Launch(0, place, letter, MS) for place, letter in enumerate(ORDERS[0])]
    assert apart_interval(launch_log_ratios(whole)) is None
    half = [Launch(1, place, letter, MS) for place, letter in enumerate(ORDERS[0][:3])]
    assert launch_log_ratios([*whole, *half]).size == 1


def test_how_long_a_launch_is() -> None:
    """A quarter of what a launch with both artifacts has, and an end however slow the call is."""
    for ns, blocks, stopped in (
        (MS, QUICK.quads, "blocks"),
        (60 * MS, MIN_QUADS, "budget"),
        (20_000 * MS, 1, "too_slow"),
    ):
        samples = launch(NoisyClock(1, CALM), ns, (2, 3), QUICK)
        assert (samples.value_ns.size, samples.stopped) == (blocks, stopped)
        assert (samples.quad, samples.place) == (2, 3)
