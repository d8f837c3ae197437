"""Pass `memory`: peaks of loading and running; nothing of ours grows between the checkpoints.

Launches past the plan's `memory_launches` run with the runtime's arena off (B-5). A decoder's
context is filled to its end once, so that the peak is that of a full one.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.memory import memory_raw
from bitgauge.benchmarks.samples import MemoryCheckpoint, MemorySamples
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.reasons import NOT_READABLE

from ..devices.base import MemoryOfCard
from ..meters.high_water import MemoryMeter
from ..runtimes.base import Allocating, Session
from ._batches import Feeds
from ._generation import Requests
from .base import Child

NAME = PassName.MEMORY

_WARM_RUNS = 10  # measurement.md A-5
_FEWEST_RUNS = 2  # an arena has planned its memory by the second
_RUNS_NS = 3_000_000_000
_NUMBER_BYTES = 64


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = None if child.spec.role is RawRole.FLOOR else child.material()
    has_arena = child.runtime.TRAITS.arena
    off = has_arena and child.spec.launch >= child.plan.memory_launches
    options = replace(child.options(), arena=not off)
    log = _Log(child.spec.peak_fd, child.card_memory())
    gc.collect()
    log.open_phase()
    log.take("m0")
    log.open_phase()
    child.channel.phase("load")
    session = child.session(child.spec.paths[0], options)
    log.take("m1")
    shapes = (1,) if evaluation is None else shape_schedule(session.input_specs, child.batch)
    feeds = [child.inputs(evaluation, session, batch).first() for batch in shapes]
    if isinstance(session, Requests):
        feeds.append(session.longest(feeds[0]))
    log.open_phase()
    child.channel.phase("measure")
    for one in feeds:
        _run(child, session, one)
    log.take("m2")
    log.note_allocator(session)
    log.open_phase()
    session.close()
    del session
    gc.collect()
    log.take("m3")
    arena = "off" if off else "on" if has_arena else "none"
    return memory_raw(child.origin, log.samples(arena, shapes))


def _run(child: Child, session: Session, feeds: Feeds) -> None:
    """Calls of one shape; fewer of them where a call takes seconds."""
    until = time.monotonic_ns() + _RUNS_NS
    for done in range(_WARM_RUNS):
        if done >= _FEWEST_RUNS and time.monotonic_ns() > until:
            return
        session.run(feeds)
        child.channel.gap()


def shape_schedule(specs: Sequence[InputSpec], batch: int) -> tuple[int, ...]:
    """Batches that run before m2: powers of two below the target, ascending, then it (B-2).

    An arena keeps what smaller shapes made it take, so that the order is part of the number. An
    artifact with a fixed batch has one shape.
    """
    if any(spec.shape and spec.shape[0] is not None for spec in specs):
        return (batch,)
    return (*(1 << power for power in range((batch - 1).bit_length())), batch)


class _Log:
    """The checkpoints of a launch, each with the peak of its control group where that is told."""

    def __init__(self, peak_fd: int, card: MemoryOfCard | None) -> None:
        self._meter = MemoryMeter()
        self._card = card
        self._of_card: list[tuple[int, int]] = []
        self._allocated: dict[str, int] = {}
        self._peak_fd = peak_fd
        self._points: list[MemoryCheckpoint] = []
        self._peaks: list[int] = []

    def open_phase(self) -> None:
        """Forgets the peaks so far."""
        self._meter.open_phase()
        if self._card is not None:
            self._card.open_phase()

    def note_allocator(self, session: Session) -> None:
        """What the runtime's own allocator says it took of the card, where it says so."""
        if isinstance(session, Allocating):
            self._allocated = dict(session.allocator_peak())

    def take(self, name: str) -> None:
        """One checkpoint."""
        self._points.append(self._meter.checkpoint(name))
        if self._card is not None:
            self._of_card.append(self._card.peaks_bytes())
        if self._peak_fd >= 0:
            try:
                self._peaks.append(int(os.pread(self._peak_fd, _NUMBER_BYTES, 0)))
            except (OSError, ValueError):
                self._peak_fd = -1  # half a witness is none
                self._peaks.clear()

    def samples(self, arena: str, batches: tuple[int, ...]) -> MemorySamples:
        """What was seen."""
        if self._card is not None:
            self._card.close()
        return MemorySamples(
            checkpoints=tuple(self._points),
            method=self._meter.method,
            arena=arena,
            batches=batches,
            group_peak_bytes=tuple(self._peaks),
            device_peak_bytes=tuple(own for own, _ in self._of_card),
            card_peak_bytes=tuple(everybody for _, everybody in self._of_card),
            device_reason=NOT_READABLE if self._card is None else self._card.reason,
            allocator_peak_bytes=self._allocated,
        )
