"""Pass `pair`: baseline and candidate in quads, on sessions that are made anew between quads."""

from __future__ import annotations

import time

import numpy as np
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.pair import pair_raw
from bitgauge.benchmarks.vocabulary.enums import PassName

from ..runtimes.base import Session
from ._batches import Feeds
from ._placements import Placements
from .base import Child, quiet, with_facts

NAME = PassName.PAIR


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.evaluation()
    before = child.preflight()
    conditions = child.conditions()
    shared: dict[tuple[InputSpec, ...], list[Feeds]] = {}

    def feeds(session: Session) -> list[Feeds]:
        # Sessions that want the same inputs read the same arrays.
        specs = session.input_specs
        if specs not in shared:
            shared[specs] = child.batches(evaluation, session).for_timing()
        return shared[specs]

    def gap() -> None:
        child.channel.gap()
        placements.between_quads()

    child.channel.phase("load")
    paths = child.spec.paths
    rng = np.random.default_rng([child.spec.seed, 1])
    placements = Placements(lambda letter: child.session(paths[letter]), feeds, 2, rng)
    calls = placements.calls()
    with quiet():
        samples = protocol.measure_pair(
            calls[0],
            calls[1],
            warm=child.warm_up(calls),
            clock=time.perf_counter_ns,
            plan=child.plan,
            rng=np.random.default_rng(child.spec.seed),
            gap=gap,
            conditions=conditions.read,
        )
    return with_facts(
        pair_raw(child.origin, samples), placements=placements.count, preflight=before
    )
