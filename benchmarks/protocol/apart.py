"""One side of a pair in a launch of its own, by the blocks of which quads are made."""

from __future__ import annotations

import numpy as np

from ..samples import ApartSamples, WarmUp
from ..vocabulary.profiles import MAX_OVERRUN, MIN_QUADS, PLACES, ProfilePlan
from .latency import (
    Call,
    Clock,
    ConditionLog,
    Gap,
    ReadConditions,
    block_iterations,
    time_calls,
)


def measure_apart(
    call: Call,
    *,
    place: tuple[int, int],
    warm: WarmUp,
    clock: Clock,
    plan: ProfilePlan,
    gap: Gap,
    conditions: ReadConditions,
) -> ApartSamples:
    """Time one artifact in the blocks of a pair (A-8), a quarter of a pair launch in all.

    So a quad of four launches holds as many blocks as one launch with both has at first. `gap` is
    called after every fourth block, as between quads.

    Args:
        call: the inference.
        place: quad of launches, and place in it.
        warm: its warm-up.
        clock: monotonic nanoseconds.
        plan: how many blocks of which length.
        gap: see `latency.Gap`.
        conditions: reads the conditions of a block.
    """
    size = block_iterations(warm.iteration_ns[0], plan, plan.pair_budget_ns)
    log = ConditionLog(conditions)
    values: list[float] = []
    starts: list[int] = []
    started = clock()
    stopped = ""
    while not stopped:
        if values and len(values) % PLACES == 0:
            gap()
        before = log.read()
        call()
        starts.append(clock())
        latencies = np.asarray(time_calls(call, clock, size))
        log.close(before, log.read(), backwards=bool(latencies.min() < 0))
        values.append(max(float(np.median(latencies)), 1.0))
        stopped = _why_stop(len(values), clock() - started, plan)
    return ApartSamples(
        value_ns=np.array(values, dtype=np.float64),
        start_ns=np.array(starts, dtype=np.int64),
        iterations=np.full(len(values), size, dtype=np.int64),
        conditions=log.columns(),
        warm=warm,
        quad=place[0],
        place=place[1],
        stopped=stopped,
    )


def _why_stop(done: int, elapsed_ns: int, plan: ProfilePlan) -> str:
    """Why no more blocks are measured, or nothing."""
    if done >= plan.quads:
        return "blocks"
    if elapsed_ns >= MAX_OVERRUN * plan.apart_budget_ns:
        return "too_slow"
    return "budget" if done >= MIN_QUADS and elapsed_ns >= plan.apart_budget_ns else ""
