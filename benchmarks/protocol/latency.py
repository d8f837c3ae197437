"""The measuring protocol: warm-up, quads and absolute latency, on injected calls and clock.

It owns no clock, no session and no thread; the worker gives it callables and everything it
observed comes back as samples. Between two clock readings there is the call and nothing else.
Conditions are read between blocks, and every block begins with one uncounted iteration, so the
reading is outside the caches' and the scheduler's memory when counting starts.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial

import numpy as np

from ..samples import (
    GROWING,
    AbsoluteSamples,
    BlockConditions,
    Conditions,
    DeviceTimes,
    Ints,
    PairSamples,
    WarmUp,
)
from ..stats.discards import kept_quads
from ..stats.paired import is_precise, quad_log_ratios
from ..stats.steady import WINDOW, is_steady
from ..vocabulary.profiles import MAX_LATENCIES_PER_LAUNCH, MAX_OVERRUN, MIN_QUADS, ProfilePlan
from .device_time import DeviceCall, time_on_device

Clock = Callable[[], int]
"""Reads a monotonic clock in nanoseconds."""

Call = Callable[[], None]
"""One inference, back when its result is."""

ReadConditions = Callable[[], Conditions]

Gap = Callable[[], None]
"""Called where time does not count: the worker reports progress and answers its pipe in it."""


_READ = tuple(one.name for one in fields(Conditions))


_COST_ROUNDS = 9
_COST_ITERATIONS = 1000


@dataclass(slots=True)
class ConditionLog:
    """Readings at the start of each block, and how much was stolen until its end."""

    read: ReadConditions
    rows: list[tuple[float, ...]] = field(default_factory=list)

    def close(self, start: Conditions, end: Conditions, *, backwards: bool) -> None:
        """A block has ended; `backwards` when its clock ran backwards meanwhile."""
        row = []
        for name in _READ:
            value: float = getattr(start, name)
            row.append(getattr(end, name) - value if name in GROWING else value)
        if backwards:
            row[_READ.index("clock_step_ns")] = math.inf
        self.rows.append(tuple(row))

    def columns(self) -> BlockConditions:
        """What was read, one element per block."""
        table = np.array(self.rows, dtype=np.float64).reshape(len(self.rows), len(_READ))
        return BlockConditions(*(np.ascontiguousarray(column) for column in table.T))


def time_calls(call: Call, clock: Clock, iterations: int) -> array[int]:
    """Latency of each of `iterations` consecutive calls, in nanoseconds."""
    latencies = array("q", bytes(8 * iterations))
    for i in range(iterations):
        start = clock()
        call()
        latencies[i] = clock() - start
    return latencies


def block_iterations(iteration_ns: int, plan: ProfilePlan, budget_ns: int) -> int:
    """Counted iterations of one block of a call that takes `iteration_ns`.

    Fewer than the plan's minimum when the blocks of `MIN_QUADS` quads would not fit the budget
    otherwise: many short blocks tell more than a few long ones.
    """
    once = max(iteration_ns, 1)
    wanted = max(plan.min_block_iterations, math.ceil(plan.block_ns / once))
    affordable = budget_ns // (4 * MIN_QUADS * once)
    return wanted if wanted <= affordable else max(1, min(plan.min_block_iterations, affordable))


def loop_cost_ns(call: Call, clock: Clock) -> float:
    """What one turn of the timing loop takes around `call`, which does nothing, in nanoseconds.

    Two clock readings and the loop itself are in it; a latency holds about half of it.
    """
    costs = []
    for _ in range(_COST_ROUNDS):
        start = clock()
        time_calls(call, clock, _COST_ITERATIONS)
        costs.append((clock() - start) / _COST_ITERATIONS)
    return float(np.median(costs))


def clock_resolution_ns(clock: Clock) -> int:
    """The smallest step that two readings of the clock in a row can show, reading included."""
    readings = np.array([clock() for _ in range(_COST_ITERATIONS)])
    steps = np.diff(readings)
    forward = steps[steps > 0]
    return int(forward.min()) if forward.size else 0


def warm_up(calls: Sequence[Call], clock: Clock, plan: ProfilePlan) -> WarmUp:
    """Run the calls in turn, block by block, until all are steady or the cap is reached (A-5).

    Args:
        calls: one call, or baseline and candidate.
        clock: monotonic nanoseconds.
        plan: minimum, cap and block length.
    """
    started = clock()
    size = [1] * len(calls)
    done = [0] * len(calls)
    medians: list[list[float]] = [[] for _ in calls]
    log: list[tuple[float, int]] = []
    steady = False
    while True:
        for letter, call in enumerate(calls):
            latencies = np.asarray(time_calls(call, clock, size[letter]))
            done[letter] += size[letter]
            median = float(np.median(latencies))
            size[letter] = max(1, math.ceil(plan.block_ns / max(median, 1.0)))
            medians[letter].append(median)
            log.append((median, letter))
        elapsed = clock() - started
        enough = elapsed >= plan.warmup_min_ns and min(done) >= plan.warmup_min_iterations
        steady = enough and all(is_steady(np.array(series)) for series in medians)
        if steady or elapsed >= plan.warmup_cap_ns:
            break
    return WarmUp(
        block_median_ns=np.array([median for median, _ in log], dtype=np.float64),
        letter=np.array([letter for _, letter in log], dtype=np.int64),
        iteration_ns=tuple(max(1, round(float(np.median(m[-WINDOW:])))) for m in medians),
        iterations=sum(done),
        elapsed_ns=elapsed,
        steady=steady,
    )


@dataclass(slots=True)
class _Pair:
    """A pair while it is measured: its calls, and the blocks so far."""

    calls: tuple[Call, Call]
    sizes: tuple[int, ...]
    clock: Clock
    log: ConditionLog
    value_ns: list[float] = field(default_factory=list)
    start_ns: list[int] = field(default_factory=list)
    letter: list[int] = field(default_factory=list)

    def measure_quad(self, order: tuple[int, ...]) -> None:
        start = self.log.read()
        for letter in order:
            call = self.calls[letter]
            call()
            self.start_ns.append(self.clock())
            latencies = np.asarray(time_calls(call, self.clock, self.sizes[letter]))
            end = self.log.read()
            # A clock too coarse to see the call still leaves a positive time to take logs of.
            self.value_ns.append(max(float(np.median(latencies)), 1.0))
            self.letter.append(letter)
            self.log.close(start, end, backwards=bool(latencies.min() < 0))
            start = end

    def samples(self, warm: WarmUp, stopped: str) -> PairSamples:
        letter = np.array(self.letter, dtype=np.int64)
        return PairSamples(
            value_ns=np.array(self.value_ns, dtype=np.float64),
            start_ns=np.array(self.start_ns, dtype=np.int64),
            iterations=np.array(self.sizes, dtype=np.int64)[letter],
            letter=letter,
            quad=np.arange(letter.size, dtype=np.int64) // 4,
            conditions=self.log.columns(),
            warm=warm,
            stopped=stopped,
        )


def measure_pair(
    baseline: Call,
    candidate: Call,
    *,
    warm: WarmUp,
    clock: Clock,
    plan: ProfilePlan,
    rng: np.random.Generator,
    gap: Gap,
    conditions: ReadConditions,
) -> PairSamples:
    """Time baseline and candidate in quads of random order ABBA or BAAB (A-8).

    Quads are added `plan.quads` at a time until the 95 % interval is short enough, `max_quads`
    exist, or the budget is spent; a call so slow that `MIN_QUADS` would overrun it by far ends
    earlier. `gap` is called between quads only.

    Args:
        baseline: letter A.
        candidate: letter B.
        warm: their warm-up, in this order.
        clock: monotonic nanoseconds.
        plan: how many quads of which length.
        rng: decides the order of each quad.
        gap: see `Gap`.
        conditions: reads the conditions of a block.
    """
    budget = plan.pair_budget_ns
    sizes = tuple(block_iterations(ns, plan, budget) for ns in warm.iteration_ns)
    pair = _Pair((baseline, candidate), sizes, clock, ConditionLog(conditions))
    started = clock()
    while True:
        first = int(rng.integers(2))
        pair.measure_quad((first, 1 - first, 1 - first, first))
        samples = pair.samples(warm, "")
        precise = partial(_is_precise, samples, plan)
        stopped = why_stop(samples.letter.size // 4, clock() - started, plan, precise)
        if stopped:
            return replace(samples, stopped=stopped)
        gap()


def _is_precise(samples: PairSamples, plan: ProfilePlan) -> bool:
    kept, _ = kept_quads(samples)
    return bool(kept.letter.size) and is_precise(quad_log_ratios(kept), plan.margin)


def why_stop(quads: int, elapsed_ns: int, plan: ProfilePlan, precise: Callable[[], bool]) -> str:
    """Why no more quads are measured, or nothing.

    Args:
        quads: so far.
        elapsed_ns: since the first one began.
        plan: how many quads.
        precise: whether they say enough; asked after every `plan.quads` of them.
    """
    if quads % plan.quads == 0 and precise():
        return "precise"
    if quads >= plan.max_quads:
        return "max_quads"
    if elapsed_ns >= MAX_OVERRUN * plan.pair_budget_ns:
        return "too_slow"
    return "budget" if quads >= MIN_QUADS and elapsed_ns >= plan.pair_budget_ns else ""


def measure_absolute(
    call: Call,
    *,
    warm: WarmUp,
    clock: Clock,
    plan: ProfilePlan,
    rng: np.random.Generator,
    gap: Gap,
    conditions: ReadConditions,
    device: DeviceCall | None = None,
) -> AbsoluteSamples:
    """Take single latencies for `plan.absolute_timed_ns`, block by block (A-6).

    Where the device has a clock of its own, as many further calls of each block are timed by it.

    Args:
        call: the inference.
        warm: its warm-up.
        clock: monotonic nanoseconds.
        plan: timed nanoseconds and block length.
        rng: decides which latencies stay when there are more than can be kept.
        gap: called between blocks; see `Gap`.
        conditions: reads the conditions of a block.
        device: the same inference as the device times it; None where it has no clock.
    """
    iterations = block_iterations(warm.iteration_ns[0], plan, plan.absolute_timed_ns)
    told = _Told()
    reservoir, log = _Reservoir(rng, MAX_LATENCIES_PER_LAUNCH), ConditionLog(conditions)
    starts: list[int] = []
    ends: list[int] = []
    timed = 0
    while timed < plan.absolute_timed_ns:
        start = log.read()
        call()
        starts.append(clock())
        latencies = np.asarray(time_calls(call, clock, iterations))
        ends.append(clock())
        if device is not None:
            told.add(len(starts) - 1, *time_on_device(device, clock, iterations))
        log.close(start, log.read(), backwards=bool(latencies.min() < 0))
        latencies = np.maximum(latencies, 0)
        reservoir.add(latencies, len(starts) - 1)
        # A clock that stands still must not hold the device for ever.
        timed += max(int(latencies.sum()), iterations)
        gap()
    latency_ns, block = reservoir.in_time_order()
    return AbsoluteSamples(
        latency_ns=latency_ns,
        block=block,
        block_start_ns=np.array(starts, dtype=np.int64),
        conditions=log.columns(),
        warm=warm,
        count=reservoir.seen,
        block_end_ns=np.array(ends, dtype=np.int64),
        device=None if device is None else told.times(),
    )


class _Told:
    """What a device tells of its calls, as many as of latencies are kept."""

    def __init__(self) -> None:
        self._columns = (array("q"), array("q"), array("q"))

    def add(self, block: int, device_ns: array[int], enqueue_ns: array[int]) -> None:
        room = MAX_LATENCIES_PER_LAUNCH - len(self._columns[0])
        blocks = array("q", [block] * len(device_ns))
        for column, new in zip(self._columns, (device_ns, enqueue_ns, blocks), strict=True):
            column.extend(new[:room])

    def times(self) -> DeviceTimes:
        return DeviceTimes(*(np.array(one, dtype=np.int64) for one in self._columns))


class _Reservoir:
    """A uniform sample of at most `capacity` latencies out of all that were seen."""

    def __init__(self, rng: np.random.Generator, capacity: int) -> None:
        self._rng = rng
        self._capacity = capacity
        self._chunks: list[tuple[Ints, Ints]] = []
        self._full: tuple[Ints, Ints] | None = None
        self.seen = 0

    def add(self, latencies: Ints, block: int) -> None:
        blocks = np.full(latencies.size, block, dtype=np.int64)
        room = max(self._capacity - self.seen, 0)
        if room:
            self._chunks.append((latencies[:room], blocks[:room]))
        if latencies.size > room:
            self._replace(latencies[room:], blocks[room:], self.seen + room)
        self.seen += latencies.size

    def _replace(self, latencies: Ints, blocks: Ints, seen: int) -> None:
        """Algorithm R (Vitter 1985), a chunk at a time; of equal slots the last one stays."""
        if self._full is None:
            self._full = self._joined()
        slots = self._rng.integers(0, seen + 1 + np.arange(latencies.size))
        kept = slots < self._capacity
        self._full[0][slots[kept]] = latencies[kept]
        self._full[1][slots[kept]] = blocks[kept]

    def _joined(self) -> tuple[Ints, Ints]:
        latencies, blocks = zip(*self._chunks, strict=True)
        return np.concatenate(latencies), np.concatenate(blocks)

    def in_time_order(self) -> tuple[Ints, Ints]:
        """The kept latencies and their blocks; within a block a replaced one keeps its slot."""
        latencies, blocks = self._full or self._joined()
        order = np.argsort(blocks, kind="stable")
        return latencies[order], blocks[order]
