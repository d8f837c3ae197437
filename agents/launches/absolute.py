"""Pass `absolute`: single latencies of one session, and its cold numbers."""

from __future__ import annotations

import time

import numpy as np
from bitgauge.benchmarks import protocol
from bitgauge.benchmarks.raw import RawFile
from bitgauge.benchmarks.raw_schema import ColdStart, absolute_raw
from bitgauge.benchmarks.vocabulary import PassName

from ..batches import Batches
from ..conditions import ConditionReader
from .base import Child, quiet, rotating, with_facts

NAME = PassName.ABSOLUTE


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.evaluation()
    started = time.perf_counter_ns()
    session = child.load(child.spec.paths[0])
    loaded = time.perf_counter_ns()
    batches = Batches(evaluation, session.input_specs, child.batch).for_timing()
    before = time.perf_counter_ns()
    session.run(batches[0])
    cold = ColdStart(loaded - started, time.perf_counter_ns() - before)
    call = rotating([session.bind(feeds) for feeds in batches])
    conditions = ConditionReader()
    with quiet():
        samples = protocol.measure_absolute(
            call,
            warm=child.warm_up([call]),
            clock=time.perf_counter_ns,
            plan=child.plan,
            rng=np.random.default_rng(child.spec.seed),
            gap=child.channel.gap,
            conditions=conditions.read,
        )
    return with_facts(absolute_raw(child.origin, samples, cold))
