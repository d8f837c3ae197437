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
        clock_mhz: frequency of what computes: a processor, or the multiprocessors of a card.
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
        memory_clock_mhz: frequency of a card's memory.
        power_mw: what a card draws now, as it says.
        performance_state: of a card, 0 for its fastest.
        foreign_processes: others that are on the card now.
        thermal_slowdown_ns: how long heat has slowed the card down; it only grows.
        power_slowdown_ns: the same of its power limit and of its supply's brake.
        sync_slowdown_ns: the same of others that share a clock with it.
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
    memory_clock_mhz: float = NAN
    power_mw: float = NAN
    performance_state: float = NAN
    foreign_processes: float = NAN
    thermal_slowdown_ns: float = NAN
    power_slowdown_ns: float = NAN
    sync_slowdown_ns: float = NAN


SLOWDOWNS = ("thermal_slowdown_ns", "power_slowdown_ns", "sync_slowdown_ns")
OF_CARDS = ("memory_clock_mhz", "power_mw", "performance_state", "foreign_processes", *SLOWDOWNS)
"""Readings that a graphics card alone tells; where none of them was read a raw file has none."""

GROWING = ("steal_ticks", "throttle_count", "foreign_ticks", "clock_step_ns", *SLOWDOWNS)
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
    memory_clock_mhz: Floats
    power_mw: Floats
    performance_state: Floats
    foreign_processes: Floats
    thermal_slowdown_ns: Floats
    power_slowdown_ns: Floats
    sync_slowdown_ns: Floats

    def take(self, blocks: Ints | Bools) -> BlockConditions:
        """The conditions of some blocks."""
        return BlockConditions(*(getattr(self, one.name)[blocks] for one in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class DeviceTimes:
    """Calls that the device itself timed, by its own events; inputs are there, outputs stay there.

    They are other calls than those whose latency was taken, in the same blocks.

    Attributes:
        device_ns: from an event before the call's work to one after it.
        enqueue_ns: what the host needed to hand the call over.
        device_block: index of the block of each call, ascending.
    """

    device_ns: Ints
    enqueue_ns: Ints
    device_block: Ints


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
