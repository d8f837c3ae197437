"""Pass `pair`: baseline and candidate in quads, on sessions that are made anew between quads.

Where their libraries do not share a process, or memory does not hold both, a launch holds one of
them, in the same blocks.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.protocol.apart import measure_apart
from bitgauge.benchmarks.protocol.latency import Gap, ReadConditions
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.pair import apart_raw, pair_raw
from bitgauge.benchmarks.samples import WarmUp
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.profiles import PLACES

from ..runtimes.base import Session
from ._batches import Feeds
from ._placements import Call, Placements
from .base import Child, quiet, with_facts

NAME = PassName.PAIR


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.material()
    before = child.preflight()
    conditions = child.conditions()
    shared: dict[tuple[InputSpec, ...], list[Feeds]] = {}

    def feeds(session: Session) -> list[Feeds]:
        # Sessions that want the same inputs read the same arrays.
        specs = session.input_specs
        child.note_made(session)
        if specs not in shared:
            shared[specs] = child.inputs(evaluation, session).for_timing()
        return shared[specs]

    def gap() -> None:
        child.channel.gap()
        placements.between_quads()

    child.channel.phase("load")
    paths = child.spec.paths
    rng = np.random.default_rng([child.spec.seed, 1])
    placements = Placements(lambda letter: child.session(paths[letter]), feeds, len(paths), rng)
    calls = placements.calls()
    with quiet():
        warm = child.warm_up(calls)
        raw = (_one if len(paths) == 1 else _both)(child, calls, warm, gap, conditions.read)
    return with_facts(raw, placements=placements.count, preflight=before)


def _both(
    child: Child, calls: list[Call], warm: WarmUp, gap: Gap, conditions: ReadConditions
) -> RawFile:
    samples = protocol.measure_pair(
        *calls,
        warm=warm,
        clock=time.perf_counter_ns,
        plan=child.plan,
        rng=np.random.default_rng(child.spec.seed),
        gap=gap,
        conditions=conditions,
    )
    return pair_raw(child.origin, samples)


def _one(
    child: Child, calls: list[Call], warm: WarmUp, gap: Gap, conditions: ReadConditions
) -> RawFile:
    samples = measure_apart(
        *calls,
        place=divmod(child.spec.launch, PLACES),
        warm=warm,
        clock=time.perf_counter_ns,
        plan=child.plan,
        gap=gap,
        conditions=conditions,
    )
    return apart_raw(child.origin, replace(samples, no_room=child.spec.no_room))
