"""Device-seconds to a verdict: Bitgauge's quads against a fixed number of calls, at equal power.

The fixed-N protocol is what most benches do: N calls of one artifact, then N of the other, ratio
of medians. It is given what it cannot know, the true spread of its own estimate on that device, so
that its verdict has the error it promises. N grows until its power at a true effect of 4 % with
a margin of 2 % is Bitgauge's.

* **simulated**: on clocks with known weather, where the power of both is counted.
* **real**: A/A on one session of this machine, whose spread gives the power. Two ratios: N for a
  power of 0.9 at 4 %, and N for the spread that Bitgauge has, which is equal power at any effect.

The goal is a quarter of the device's time. On a quiet clock a few calls would do for 4 %, and
Bitgauge's 60 quads are dearer: such rows are printed too.
"""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from bitgauge.agents.devices.cpu._conditions import CpuConditions
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.passes.base import quiet, rotating
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.samples import Floats
from bitgauge.benchmarks.stats.paired import (
    hodges_lehmann,
    is_precise,
    pool_launches,
    quad_log_ratios,
    verdict_of,
)
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS

from .pairs import EVALUATION, ZOO
from .simulated.noisy_clock import CLOCKS, Device, Weather

CALL_S = 1e-4
EFFECT = 0.04
POWER = 0.9
REPLICATES = 60
WINDOWS_S = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 200.0)
REAL_WINDOWS_S = (0.1, 0.3, 1.0, 3.0, 6.0)
REAL_RECORD_S = 30.0
REAL_RUNS = 16
PLAN = PLANS[Profile.QUICK]
_CALLS_OF_A_WINDOW = 2000
_LIFE_S = 420.0


@dataclass(frozen=True)
class Outcome:
    """How a protocol did: share of right verdicts at a true effect, and mean device-seconds."""

    power: float
    seconds: float


def bitgauge(weather: Weather, effect: float, seed: int) -> tuple[str, float]:
    """One comparison of the profile `quick` on a simulated device: verdict and device-seconds.

    Warm-up is left out on both sides.
    """
    rng = np.random.default_rng([seed, 1])
    device = Device(weather, 20.0, rng)
    per_block = PLAN.block_ns / 1e9
    bases = (CALL_S, CALL_S * (1 - effect))
    now, logs = 0.0, []
    while True:
        first = int(rng.integers(2))
        order = (first, 1 - first, 1 - first, first)
        values = []
        for letter in order:
            count = math.ceil(per_block / bases[letter]) + 1
            starts: Floats = now + np.arange(count, dtype=np.float64) * bases[letter]
            taken = device.calls(starts, bases[letter])
            values.append(float(np.median(taken[1:])))
            now += float(taken.sum())
        sums = [sum(v for v, at in zip(values, order, strict=True) if at == one) for one in (0, 1)]
        logs.append(math.log(sums[1] / sums[0]))
        if len(logs) % PLAN.quads == 0 and is_precise(np.array(logs), PLAN.margin):
            break
        if len(logs) >= PLAN.max_quads:
            break
    pooled = pool_launches([np.array(logs)])
    return ("UNDECIDED" if pooled is None else verdict_of(pooled.interval, PLAN.margin)), now


def fixed(weather: Weather, window_s: float, effect: float, seed: int) -> float:
    """Log-ratio of medians of two windows, one after the other, on a simulated device."""
    device = Device(weather, _LIFE_S, np.random.default_rng([seed, 2]))
    medians = []
    for number, base in enumerate((CALL_S, CALL_S * (1 - effect))):
        count = min(_CALLS_OF_A_WINDOW, round(window_s / base))
        at = number * window_s + np.linspace(0, window_s, count, endpoint=False)
        medians.append(float(np.median(device.calls(at, base))))
    return math.log(medians[1] / medians[0])


def power_of_fixed(weather: Weather, window_s: float) -> float:
    """Share of FASTER at the true effect, with the threshold that its spread in A/A demands.

    Of a window's calls `_CALLS_OF_A_WINDOW` are drawn: more do not help where the device wanders,
    and where it does not, windows that long are not needed.
    """
    spread = float(np.std([fixed(weather, window_s, 0.0, seed) for seed in range(REPLICATES)]))
    demanded = math.log1p(-PLAN.margin) - NormalDist().inv_cdf(0.975) * spread
    found = [fixed(weather, window_s, EFFECT, seed + REPLICATES) for seed in range(REPLICATES)]
    return float(np.mean([one < demanded for one in found]))


def simulated() -> None:
    """Prints one row per clock, and one for an N that suits them all."""
    spent, most, bounded = 0.0, 0.0, True
    for name, weather in CLOCKS.items():
        runs = [bitgauge(weather, EFFECT, seed) for seed in range(REPLICATES)]
        ours = Outcome(
            float(np.mean([verdict == "FASTER" for verdict, _ in runs])),
            float(np.mean([seconds for _, seconds in runs])),
        )
        wrong = np.mean(
            [bitgauge(weather, 0.0, seed)[0] in ("FASTER", "SLOWER") for seed in range(REPLICATES)]
        )
        theirs = next(
            (
                Outcome(power, 2 * window)
                for window in WINDOWS_S
                if (power := power_of_fixed(weather, window)) >= ours.power - 0.02
            ),
            None,
        )
        needed = 2 * WINDOWS_S[-1] if theirs is None else theirs.seconds
        print(
            f"simulated {name:<8} Bitgauge {ours.seconds:5.2f} s, power {ours.power:.2f},"
            f" A/A wrong {wrong:.2f};   fixed N {'>' if theirs is None else ' '}{needed:6.1f} s;"
            f"   ratio {'< ' if theirs is None else ''}{ours.seconds / needed:.3f}"
        )
        spent, most = max(spent, ours.seconds), max(most, needed)
        bounded = bounded and theirs is not None
    print(
        f"          one N for all of these, which nobody knows beforehand: ratio"
        f" {'' if bounded else '< '}{spent / most:.3f}"
    )


def real() -> None:
    """Prints how both estimates scatter on this machine, for the same session twice."""
    session = ort.load(ZOO / "digits-cnn.onnx", SessionOptions())
    batches = Batches(read_evaluation_set(EVALUATION), session.input_specs, 1)
    call = rotating([session.bind(feeds) for feeds in batches.for_timing()])
    conditions, clock = CpuConditions(), time.perf_counter_ns
    points, seconds = [], []
    with quiet():
        for seed in range(REAL_RUNS):
            warm = protocol.warm_up([call, call], clock, PLAN)
            began = clock()
            samples = protocol.measure_pair(
                call,
                call,
                warm=warm,
                clock=clock,
                plan=PLAN,
                rng=np.random.default_rng(seed),
                gap=lambda: None,
                conditions=conditions.read,
            )
            seconds.append((clock() - began) / 1e9)
            points.append(hodges_lehmann(quad_log_ratios(samples)))
        record = _record(call)
    ours, took = float(np.std(points, ddof=1)), float(np.mean(seconds))
    print(f"real A/A  Bitgauge {took:5.2f} s, SD of the log-ratio {100 * ours:.2f} %")
    reached = dict.fromkeys(("power", "spread"), math.inf)
    for window in REAL_WINDOWS_S:
        logs = _sequential(record, window)
        spread = float(np.std(logs, ddof=1))
        power = NormalDist().cdf(_reach(EFFECT) / spread - NormalDist().inv_cdf(0.975))
        print(
            f"          fixed N {2 * window:5.1f} s, SD {100 * spread:.2f} %,"
            f" power {power:.2f} ({len(logs)} pairs)"
        )
        if power >= POWER:
            reached["power"] = min(reached["power"], 2 * window)
        if spread <= ours:
            reached["spread"] = min(reached["spread"], 2 * window)
    own = NormalDist().cdf(_reach(EFFECT) / ours - NormalDist().inv_cdf(0.975))
    for what, needed in (
        (f"for power {POWER} at {EFFECT:.0%} (Bitgauge has {own:.2f})", reached["power"]),
        ("for Bitgauge's own spread, so power at any effect", reached["spread"]),
    ):
        some = min(needed, 2 * REAL_WINDOWS_S[-1])
        below = "" if math.isfinite(needed) else "< "
        print(f"          ratio {below}{took / some:.3f} {what}")


def _reach(effect: float) -> float:
    """How far a true effect lies beyond the margin, in log-ratios."""
    return math.log1p(-PLAN.margin) - math.log1p(-effect)


def _record(call: protocol.Call) -> tuple[Floats, Floats]:
    """Starts and latencies of calls for `REAL_RECORD_S`, in seconds."""
    starts, latencies = [], []
    began = time.perf_counter_ns()
    for _ in itertools.count():
        start = time.perf_counter_ns()
        call()
        end = time.perf_counter_ns()
        starts.append(start - began)
        latencies.append(end - start)
        if end - began > REAL_RECORD_S * 1e9:
            break
    return np.array(starts) / 1e9, np.array(latencies) / 1e9


def _sequential(record: tuple[Floats, Floats], window_s: float) -> list[float]:
    """Log-ratios of medians of neighbouring windows, a pair every half window."""
    starts, latencies = record
    found = []
    for at in np.arange(0.0, REAL_RECORD_S - 2 * window_s, window_s / 2):
        edges = np.searchsorted(starts, [at, at + window_s, at + 2 * window_s])
        first, second = latencies[edges[0] : edges[1]], latencies[edges[1] : edges[2]]
        if first.size and second.size:  # neither is, while the machine stood still
            found.append(math.log(float(np.median(second)) / float(np.median(first))))
    return found


if __name__ == "__main__":
    simulated()
    real()
