"""Pass `absolute`: single latencies of one session, and its cold numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.protocol.device_time import DeviceCall
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.profiles import floor_plan

from ..runtimes.base import Session, TimedByDevice
from ._batches import Feeds
from .base import Child, quiet, rotating, with_facts

NAME = PassName.ABSOLUTE


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    is_floor = child.spec.role is RawRole.FLOOR
    evaluation = None if is_floor else child.material()
    plan = floor_plan(child.plan) if is_floor else child.plan
    preflight = child.preflight()
    started = time.perf_counter_ns()
    session = child.load(child.spec.paths[0])
    loaded = time.perf_counter_ns()
    batches = child.inputs(evaluation, session).for_timing()
    before = time.perf_counter_ns()
    session.run(batches[0])
    cold = ColdStart(loaded - started, time.perf_counter_ns() - before)
    call = rotating([session.bind(feeds) for feeds in batches])
    device = on_device(session, batches)
    conditions = child.conditions()
    clock = time.perf_counter_ns
    with quiet():
        harness_ns = protocol.loop_cost_ns(rotating([_nothing] * len(batches)), clock)
        samples = protocol.measure_absolute(
            call,
            warm=child.warm_up([call], plan),
            clock=clock,
            plan=plan,
            rng=np.random.default_rng(child.spec.seed),
            gap=child.channel.gap,
            conditions=conditions.read,
            device=device,
        )
    child.channel.median_ns = float(np.median(samples.latency_ns))
    told = {} if device is None else {"device_cache": "cold" if device.is_cold else "warm"}
    return with_facts(
        absolute_raw(child.origin, samples, cold),
        harness_ns=harness_ns,
        clock_resolution_ns=protocol.clock_resolution_ns(clock),
        preflight=preflight,
        **told,
    )


def on_device(session: Session, batches: Sequence[Feeds]) -> DeviceCall | None:
    """The call as its device times it, with the inputs in turn; None where the host computes."""
    if not isinstance(session, TimedByDevice):
        return None
    calls = [session.on_device(feeds) for feeds in batches]
    first = calls[0]
    if first is None:
        return None
    return replace(first, enqueue=rotating([one.enqueue for one in calls if one is not None]))


def _nothing() -> None:
    """The call of which the loop's own cost is left."""
