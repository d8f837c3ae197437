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
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ..runtimes.base import Session, SessionOptions
from ._batches import Batches, Feeds
from ._generation import Requests
from .base import Child, quiet

NAME = PassName.SENTINEL

_WARM_NS = 60_000_000
_TIMED_NS = 180_000_000
_CALLS_AT_A_TIME = 10
_PROMPT, _GENERATED = 8, 2  # tokens of a request; another number is another history


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    child.channel.phase("load")
    session = _session(child)
    call = session.bind(_inputs(session))
    child.channel.phase("warm_up")
    with quiet():
        _timed(call, _WARM_NS)
        child.channel.phase("measure")
        latencies = _timed(call, _TIMED_NS)
    session.close()
    return sentinel_raw(child.origin, latencies)


def _session(child: Child) -> Session:
    """On the sentinel; a runtime of decoders alone gets short requests, always the same."""
    options = SessionOptions(threads=1)
    path = Path(child.spec.paths[0])
    try:
        return child.runtime.load(path, options)
    except BitgaugeError as error:
        if error.code is not Code.UNSUPPORTED_ARTIFACT or child.runtime.TRAITS.decoder is None:
            raise
    return Requests(child.runtime.TRAITS.decoder(path, options), _GENERATED)


def _inputs(session: Session) -> Feeds:
    if isinstance(session, Requests):
        return {"tokens": np.arange(_PROMPT, dtype=np.int64)[None, :]}
    return Batches(None, session.input_specs, 1).first()


def _timed(call: Call, window_ns: int) -> Ints:
    """Single latencies for `window_ns`, in nanoseconds; a clock too coarse to see one says 1."""
    found: list[int] = []
    until = time.perf_counter_ns() + window_ns
    while time.perf_counter_ns() < until:
        found.extend(time_calls(call, time.perf_counter_ns, _CALLS_AT_A_TIME))
    latencies: Ints = np.maximum(np.array(found, dtype=np.int64), 1)
    return latencies
