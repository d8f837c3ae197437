"""Pass `memory`: peaks of loading and running; nothing of ours grows between the checkpoints."""

from __future__ import annotations

import gc

from bitgauge.benchmarks.raw import RawFile
from bitgauge.benchmarks.raw_schema import memory_raw
from bitgauge.benchmarks.samples import MemorySamples
from bitgauge.benchmarks.vocabulary import PassName, RawRole

from ..batches import Batches
from ..meters.high_water import MemoryMeter
from .base import Child

NAME = PassName.MEMORY

_WARM_RUNS = 10  # measurement.md A-5


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = None if child.spec.role is RawRole.FLOOR else child.evaluation()
    meter = MemoryMeter()
    gc.collect()
    meter.open_phase()
    points = [meter.checkpoint("m0")]
    meter.open_phase()
    session = child.load(child.spec.paths[0])
    points.append(meter.checkpoint("m1"))
    batches = Batches(evaluation, session.input_specs, child.batch)
    feeds = batches.first()
    meter.open_phase()
    child.channel.phase("measure")
    for _ in range(_WARM_RUNS):
        session.run(feeds)
    points.append(meter.checkpoint("m2"))
    meter.open_phase()
    session.close()
    del session
    gc.collect()
    points.append(meter.checkpoint("m3"))
    return memory_raw(child.origin, MemorySamples(tuple(points), meter.method))
