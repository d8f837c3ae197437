"""Blocks of what is timed: their letters, what surrounds them, and the warm-up before them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]

BASELINE, CANDIDATE = 0, 1
"""Letters of a quad: A is the baseline, B the candidate."""

NAN = float("nan")
MW_TO_MJ_PER_NS = 1e-9


@dataclass(frozen=True, slots=True)
class Conditions:
    """One reading of what surrounds a block; what cannot be read is NaN.

    Attributes:
        clock_mhz: frequency of the processor that computes.
        temperature_c: its hottest sensor.
        steal_ticks: hundredths of a second that the hypervisor gave to others since boot, summed
            over the cores; it only grows.
        psi_some_avg10: share of the last 10 s in which some task waited for a processor, in %.
        load_1m: load average of the last minute.
        throttle_count: thermal throttling events since boot; it only grows.
        thermal_status: how far the kernel or firmware limits the processor's clock now, 0 for
            not at all.
        foreign_ticks: hundredths of a second that processors worked for other processes than
            this one since boot; ticks are sampled, so it may step back a little.
        clock_step_ns: the wall clock's lead on the monotonic clock; it changes only when one of
            them is set.
    """

    clock_mhz: float = NAN
    temperature_c: float = NAN
    steal_ticks: float = NAN
    psi_some_avg10: float = NAN
    load_1m: float = NAN
    throttle_count: float = NAN
    thermal_status: float = NAN
    foreign_ticks: float = NAN
    clock_step_ns: float = NAN


GROWING = ("steal_ticks", "throttle_count", "foreign_ticks", "clock_step_ns")
"""Readings whose change from the start of a block to its end is what is kept of it."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockConditions:
    """Conditions of every block, one element per block; what was not read is NaN.

    What is in `GROWING` is the change from the start of the block to its end, the rest is read
    at its start. `clock_step_ns` is infinite where the monotonic clock itself went backwards.
    """

    clock_mhz: Floats
    temperature_c: Floats
    steal_ticks: Floats
    psi_some_avg10: Floats
    load_1m: Floats
    throttle_count: Floats
    thermal_status: Floats
    foreign_ticks: Floats
    clock_step_ns: Floats

    def take(self, blocks: Ints | Bools) -> BlockConditions:
        """The conditions of some blocks."""
        return BlockConditions(*(getattr(self, one.name)[blocks] for one in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class WarmUp:
    """How one launch warmed up.

    Attributes:
        block_median_ns: median latency of each warm-up block, in order.
        letter: which call each block ran, an index into the calls.
        iteration_ns: latency of one iteration of each call at the end, at least 1.
        iterations: iterations of all calls together.
        elapsed_ns: duration of the warm-up.
        steady: whether it ended on the test of steadiness and not on its cap.
    """

    block_median_ns: Floats
    letter: Ints
    iteration_ns: tuple[int, ...]
    iterations: int
    elapsed_ns: int
    steady: bool
