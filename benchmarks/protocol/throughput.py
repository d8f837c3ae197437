"""Throughput over batch sizes: 1, 2, 4, ... until more brings no more (measurement.md A-13).

The measuring itself, on injected calls and clock, and the decision whether to go on. A point is
measured in windows from a first issue to a last completion; between windows nothing is issued.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..samples import SweepSamples
from .latency import Call, Clock, ConditionLog, Gap, ReadConditions, time_calls

MIN_GAIN = 0.03
MAX_BATCH = 4096
WINDOWS = 20
"""Windows of one point; a call may be so slow that there are fewer."""

MAX_MEMORY_SHARE = 0.5
"""Of the memory that is free, that one point may need."""


@dataclass(slots=True)
class Sweep:
    """A sweep while it is measured.

    Attributes:
        clock: monotonic nanoseconds.
        gap: called between windows; see `protocol.Gap`.
        read: reads the conditions.
        point_ns: timed span of one point.
    """

    clock: Clock
    gap: Gap
    read: ReadConditions
    point_ns: int
    rows: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    log: ConditionLog = field(init=False)

    def __post_init__(self) -> None:
        self.log = ConditionLog(self.read)

    def measure(self, call: Call, batch: int, iteration_ns: int) -> None:
        """One point.

        Args:
            call: one inference of `batch` samples.
            batch: samples per call.
            iteration_ns: how long it takes, about.
        """
        calls = max(1, math.ceil(self.point_ns / WINDOWS / max(iteration_ns, 1)))
        done = elapsed = 0
        while elapsed < self.point_ns:
            before = self.read()
            start = self.clock()
            latencies = np.asarray(time_calls(call, self.clock, calls))
            took = self.clock() - start
            self.log.close(before, self.read(), backwards=took < 0)
            self.rows.append((batch, calls, start, took, int(latencies.sum())))
            done += calls
            # A clock that stands still must not hold the device for ever.
            elapsed += max(took, calls)
            self.gap()
        self.rates.append(batch * done / elapsed)

    def samples(self, stopped: str) -> SweepSamples:
        """What was measured."""
        columns = np.array(self.rows, dtype=np.int64).reshape(len(self.rows), 5).T
        batch, calls, start, elapsed, busy = map(np.ascontiguousarray, columns)
        return SweepSamples(batch, calls, start, elapsed, busy, self.log.columns(), stopped)


def why_stop(
    rates: Sequence[float], batch: int, iteration_ns: int, point_ns: int, memory: MemoryOutlook
) -> str:
    """Why no larger batch is tried after `batch`; empty to go on with twice as much.

    Args:
        rates: samples per time at 1, 2, 4, ... up to `batch`.
        batch: of the last point.
        iteration_ns: how long one of its calls took.
        point_ns: timed span of one point.
        memory: what the next point is going to need, and what there is.
    """
    if len(rates) > 1 and rates[-1] < (1 + MIN_GAIN) * max(rates[:-1]):
        return "gain"
    if 2 * batch > MAX_BATCH:
        return "max_batch"
    if 2 * iteration_ns > point_ns:
        return "too_slow"
    return "memory" if memory.short else ""


@dataclass(frozen=True, slots=True)
class MemoryOutlook:
    """What the next point, of twice the batch, is going to need.

    Attributes:
        grown_bytes: what the process grew by at the last point.
        inputs_bytes: inputs of one call of the next point.
        free_bytes: memory that is free; negative when unknown.
    """

    grown_bytes: int
    inputs_bytes: int
    free_bytes: int

    @property
    def short(self) -> bool:
        """Whether the next point could run out of memory."""
        needed = 2 * max(self.grown_bytes, 0) + self.inputs_bytes
        return self.free_bytes >= 0 and needed > MAX_MEMORY_SHARE * self.free_bytes
