"""Paired ratios for benches: what Bitgauge's own protocol says about two calls, or two series."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import bitgauge.benchmarks.zoo
import numpy as np
from bitgauge.agents.devices.cpu._conditions import CpuConditions
from bitgauge.agents.passes.base import quiet
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.stats.paired import Interval, quad_log_ratios, wilcoxon_interval
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS

ZOO = Path(next(iter(bitgauge.benchmarks.zoo.__path__)))
EVALUATION = ZOO / "evaluation.npz"
MODELS = ("digits-mlp", "digits-cnn", "digits-transformer")


def abba(
    baseline: protocol.Call,
    candidate: protocol.Call,
    *,
    quads: int = 60,
    seed: int = 1,
    gap: Callable[[], None] = lambda: None,
) -> Interval:
    """Time of `candidate` / time of `baseline` with its 95 % interval, in random quads (A-8)."""
    plan = replace(
        PLANS[Profile.QUICK],
        quads=quads,
        max_quads=quads,
        pair_budget_ns=600_000_000_000,
        warmup_cap_ns=500_000_000,
    )
    conditions = CpuConditions()
    with quiet():
        samples = protocol.measure_pair(
            baseline,
            candidate,
            warm=protocol.warm_up([baseline, candidate], time.perf_counter_ns, plan),
            clock=time.perf_counter_ns,
            plan=plan,
            rng=np.random.default_rng(seed),
            gap=gap,
            conditions=conditions.read,
        )
    conditions.close()
    return of_logs(quad_log_ratios(samples))


def of_logs(logs: Sequence[float] | np.ndarray) -> Interval:
    """Hodges-Lehmann ratio of log-ratios and its 95 % interval; the interval is NaN below 6."""
    values = np.asarray(logs, dtype=np.float64)
    found = wilcoxon_interval(values)
    if found is None:
        return Interval(math.exp(float(np.median(values))), math.nan, math.nan)
    return Interval(*(math.exp(one) for one in (found.point, found.low, found.high)))


def show(interval: Interval) -> str:
    return f"{interval.point:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
