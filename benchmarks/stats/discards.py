"""Which blocks do not count, for a recorded external cause and for nothing else (A-9).

No block is discarded for its latency: a slow block without a cause is part of what the device
does. Of a pair the whole quad goes, because its symmetry against drift is what the ratio rests
on. When more than a fifth is gone, what is left is no measurement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..samples import (
    AbsoluteSamples,
    ApartSamples,
    BlockConditions,
    Bools,
    DeviceTimes,
    Floats,
    GenerationSamples,
    Ints,
    PairSamples,
)

MAX_DISCARDED_SHARE = 0.2
MIN_CLOCK_SHARE = 0.75
"""Of the nominal clock (of the run's fastest block where none is known), as NVBench has it."""

MAX_STEAL_SHARE = 0.005
MAX_CLOCK_DISAGREEMENT_NS = 1_000_000
"""Two clocks are not read at one instant; a preemption between them stays below this."""

TICK_NS = 10_000_000

_OF_REQUEST = ("which", "prompt_tokens", "ttft_ns", "decode_ns", "decoded", "start_ns")

CLOCK, THROTTLE, THERMAL, STEAL, STEP = "clock", "throttle", "thermal", "steal", "clock_step"
POWER, SYNC = "power_limit", "sync_boost"
CAUSES = (CLOCK, THROTTLE, THERMAL, STEAL, STEP, POWER, SYNC)
HEAT = (CLOCK, THROTTLE, THERMAL, POWER)
"""Causes that a sustained load brings about itself: there they are the result."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """How many of how many units (blocks, or quads of a pair) do not count, and why.

    A unit may have several causes, so the counts may add up to more.
    """

    units: int
    of: int
    causes: tuple[tuple[str, int], ...]

    @property
    def invalid(self) -> bool:
        """Whether too much is gone."""
        return self.units > MAX_DISCARDED_SHARE * self.of

    def has(self, cause: str) -> bool:
        """Whether something was discarded for this cause."""
        return any(name == cause for name, _ in self.causes)

    def words(self) -> str:
        """The causes and their counts, `steal:3,throttle:1`; empty for none."""
        return ",".join(f"{name}:{count}" for name, count in self.causes)


def blocks_with_cause(
    conditions: BlockConditions,
    duration_ns: Floats,
    start_ns: Ints,
    nominal_mhz: float | None = None,
) -> dict[str, Bools]:
    """For each of `CAUSES`, which blocks it befell; what could not be read befell none.

    Args:
        conditions: of every block.
        duration_ns: of every block.
        start_ns: of every block.
        nominal_mhz: the processor's base clock, where the device tells it.
    """
    clock = conditions.clock_mhz
    finite = clock[np.isfinite(clock)]
    reference = nominal_mhz or (float(finite.max()) if finite.size else 0.0)
    # A tick is the smallest thing that can be seen; in a short block one is far over the share.
    stolen_ns = conditions.steal_ticks * TICK_NS
    step: Bools = np.abs(conditions.clock_step_ns) > MAX_CLOCK_DISAGREEMENT_NS
    step[1:] |= np.diff(start_ns) < 0
    with np.errstate(invalid="ignore"):
        return {
            CLOCK: clock < MIN_CLOCK_SHARE * reference,
            THROTTLE: (conditions.throttle_count > 0)
            | (np.abs(conditions.thermal_slowdown_ns) > 0),
            THERMAL: conditions.thermal_status > 0,
            STEAL: stolen_ns > MAX_STEAL_SHARE * np.maximum(duration_ns, 1.0),
            STEP: step,
            # One that fell is another driver's than the one before: nothing is proved then.
            POWER: np.abs(conditions.power_slowdown_ns) > 0,
            SYNC: np.abs(conditions.sync_slowdown_ns) > 0,
        }


def kept_quads(
    samples: PairSamples, nominal_mhz: float | None = None
) -> tuple[PairSamples, Discarded]:
    """The quads whose four blocks all count, and what does not."""
    duration = quad_durations_ns(samples)
    found = blocks_with_cause(samples.conditions, duration, samples.start_ns, nominal_mhz)
    quads = {cause: np.any(hit.reshape(-1, 4), axis=1) for cause, hit in found.items()}
    kept, discarded = sorted_out(quads, samples.letter.size // 4)
    if not discarded.units:
        return samples, discarded
    blocks = np.repeat(kept, 4)
    left = replace(
        samples,
        value_ns=samples.value_ns[blocks],
        start_ns=samples.start_ns[blocks],
        iterations=samples.iterations[blocks],
        letter=samples.letter[blocks],
        quad=np.repeat(np.arange(int(kept.sum())), 4),
        conditions=samples.conditions.take(blocks),
    )
    return left, discarded


def kept_apart(
    samples: ApartSamples, nominal_mhz: float | None = None
) -> tuple[ApartSamples, Discarded]:
    """The blocks of a launch of one side that count, and what does not."""
    duration = quad_durations_ns(samples)
    found = blocks_with_cause(samples.conditions, duration, samples.start_ns, nominal_mhz)
    kept, discarded = sorted_out(found, samples.value_ns.size)
    left = replace(
        samples,
        value_ns=samples.value_ns[kept],
        start_ns=samples.start_ns[kept],
        iterations=samples.iterations[kept],
        conditions=samples.conditions.take(kept),
    )
    return left, discarded


def kept_blocks(
    samples: AbsoluteSamples, nominal_mhz: float | None = None, *, causes: Sequence[str] = CAUSES
) -> tuple[AbsoluteSamples, Discarded]:
    """The blocks that count, and what does not.

    Args:
        samples: one launch.
        nominal_mhz: the processor's base clock, where the device tells it.
        causes: for which of `CAUSES` a block is discarded.
    """
    starts = samples.block_start_ns
    found = blocks_with_cause(samples.conditions, block_durations_ns(samples), starts, nominal_mhz)
    kept, discarded = sorted_out({cause: found[cause] for cause in causes}, starts.size)
    if not discarded.units:
        return samples, discarded
    stays = kept[samples.block]
    renumbered = np.cumsum(kept) - 1
    latency = samples.latency_ns[stays]
    left = replace(
        samples,
        latency_ns=latency,
        block=renumbered[samples.block[stays]].astype(np.int64),
        block_start_ns=starts[kept],
        block_end_ns=samples.block_end_ns[kept],
        conditions=samples.conditions.take(kept),
        count=round(samples.count * latency.size / samples.latency_ns.size),
        device=None if samples.device is None else _kept_times(samples.device, kept, renumbered),
    )
    return left, discarded


def _kept_times(times: DeviceTimes, kept: Bools, renumbered: Ints) -> DeviceTimes:
    """What the device told of the blocks that count."""
    stays = kept[times.device_block]
    return DeviceTimes(
        times.device_ns[stays],
        times.enqueue_ns[stays],
        renumbered[times.device_block[stays]].astype(np.int64),
    )


def kept_requests(
    samples: GenerationSamples, nominal_mhz: float | None = None
) -> tuple[GenerationSamples, Discarded]:
    """The requests to decoders that count, and what does not.

    Of a quad all four requests count, or none. Single tokens stay where every request does; else
    none does, as they do not say which request they are of.
    """
    spent = (samples.ttft_ns + samples.decode_ns).astype(np.float64)
    found = blocks_with_cause(samples.conditions, spent, samples.start_ns, nominal_mhz)
    paired = samples.quad >= 0
    if np.all(paired):
        units = {cause: np.any(hit.reshape(-1, 4), axis=1) for cause, hit in found.items()}
        kept, discarded = sorted_out(units, samples.quad.size // 4)
        stays, quad = np.repeat(kept, 4), np.repeat(np.arange(int(kept.sum())), 4)
    else:
        stays, discarded = sorted_out(found, samples.quad.size)
        quad = samples.quad[stays]
    if not discarded.units:
        return samples, discarded
    left = replace(
        samples,
        **{name: getattr(samples, name)[stays] for name in _OF_REQUEST},
        quad=quad.astype(np.int64),
        conditions=samples.conditions.take(stays),
        token_ns=samples.token_ns[:0],
    )
    return left, discarded


def together(parts: Sequence[Discarded]) -> Discarded:
    """What was discarded in several launches."""
    counts = {cause: sum(dict(part.causes).get(cause, 0) for part in parts) for cause in CAUSES}
    return Discarded(
        sum(part.units for part in parts),
        sum(part.of for part in parts),
        tuple((cause, count) for cause, count in counts.items() if count),
    )


def sorted_out(found: dict[str, Bools], units: int) -> tuple[Bools, Discarded]:
    """Which units stay, and what does not count; `found` says by cause what it befell."""
    hit = np.zeros(units, dtype=np.bool_)
    for one in found.values():
        hit |= one
    causes = tuple((name, int(one.sum())) for name, one in found.items() if one.any())
    return ~hit, Discarded(int(hit.sum()), units, causes)


def quad_durations_ns(samples: PairSamples | ApartSamples) -> Floats:
    """Length of each block of a pair, from its median; the uncounted iteration is not in it."""
    return np.asarray(samples.iterations * samples.value_ns)


def block_durations_ns(samples: AbsoluteSamples) -> Floats:
    """Length of each block."""
    return (samples.block_end_ns - samples.block_start_ns).astype(np.float64)
