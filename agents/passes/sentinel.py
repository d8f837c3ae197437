"""Pass `sentinel`: a tiny fixed model, timed on one thread, whatever the job itself measures."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.protocol.latency import Call, time_calls
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.sentinel import sentinel_raw
from bitgauge.benchmarks.samples import Ints
from bitgauge.benchmarks.vocabulary.enums import PassName

from ..runtimes.base import SessionOptions
from ._batches import Batches
from .base import Child, quiet

NAME = PassName.SENTINEL

_WARM_NS = 60_000_000
_TIMED_NS = 180_000_000
_CALLS_AT_A_TIME = 10


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    child.channel.phase("load")
    session = child.runtime.load(Path(child.spec.paths[0]), SessionOptions(threads=1))
    call = session.bind(Batches(None, session.input_specs, 1).first())
    child.channel.phase("warm_up")
    with quiet():
        _timed(call, _WARM_NS)
        child.channel.phase("measure")
        latencies = _timed(call, _TIMED_NS)
    session.close()
    return sentinel_raw(child.origin, latencies)


def _timed(call: Call, window_ns: int) -> Ints:
    """Single latencies for `window_ns`, in nanoseconds; a clock too coarse to see one says 1."""
    found: list[int] = []
    until = time.perf_counter_ns() + window_ns
    while time.perf_counter_ns() < until:
        found.extend(time_calls(call, time.perf_counter_ns, _CALLS_AT_A_TIME))
    latencies: Ints = np.maximum(np.array(found, dtype=np.int64), 1)
    return latencies
