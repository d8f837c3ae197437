"""Pass `throughput`: samples per second at batch 1, 2, 4, ... of one session."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.protocol.throughput import MemoryOutlook, Sweep, why_stop
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.throughput import throughput_raw
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.profiles import MILLISECOND_NS, SECOND_NS

from ..host.files import kilobytes
from ._batches import TIMING_BATCHES, Batches, Feeds
from .base import Child, quiet, rotating, with_facts

NAME = PassName.THROUGHPUT

_MAX_INPUT_BYTES = 64 << 20  # of all batches that calls rotate over


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    evaluation = child.evaluation()
    preflight = child.preflight()
    session = child.load(child.spec.paths[0])
    sweep = Sweep(
        clock=time.perf_counter_ns,
        gap=child.channel.gap,
        read=child.conditions().read,
        point_ns=child.plan.throughput_point_ns,
    )
    # Each point settles in a moment: the session is warm, only its arena grows.
    plan = replace(
        child.plan,
        warmup_min_ns=min(child.plan.warmup_min_ns, 200 * MILLISECOND_NS),
        warmup_cap_ns=min(child.plan.warmup_cap_ns, 3 * SECOND_NS),
    )
    batch, stopped = 1, ""
    while not stopped:
        held = _resident_bytes()
        try:
            batches = child.batches(evaluation, session, batch, fit=batch == 1)
            batch = batches.batch
            feeds = _feeds(batches)
            session.run(feeds[0])
        except (BitgaugeError, MemoryError) as error:
            if not sweep.rates:
                raise
            stopped = _refusal(error)
            break
        call = rotating([session.bind(one) for one in feeds])
        with quiet():
            iteration_ns = child.warm_up([call], plan).iteration_ns[0]
            sweep.measure(call, batch, iteration_ns)
        outlook = MemoryOutlook(_resident_bytes() - held, 2 * _bytes_of(feeds[0]), _free_bytes())
        stopped = why_stop(sweep.rates, batch, iteration_ns, sweep.point_ns, outlook)
        batch *= 2
    return with_facts(throughput_raw(child.origin, sweep.samples(stopped)), preflight=preflight)


def _refusal(error: BitgaugeError | MemoryError) -> str:
    """Why a larger batch was not taken."""
    if isinstance(error, MemoryError) or error.code is Code.OUT_OF_MEMORY:
        return "memory"
    return "fixed_batch" if error.code is Code.UNSUPPORTED_ARTIFACT else "refused"


def _feeds(batches: Batches) -> list[Feeds]:
    """As many different batches as fit; at least one."""
    first = batches.first()
    room = max(1, _MAX_INPUT_BYTES // max(_bytes_of(first), 1))
    return batches.for_timing(min(room, TIMING_BATCHES)) if room > 1 else [first]


def _bytes_of(feeds: Feeds) -> int:
    return sum(array.nbytes for array in feeds.values())


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _free_bytes() -> int:
    """Memory that the kernel could still give; negative when it does not say."""
    return kilobytes(Path("/proc/meminfo"), ("MemAvailable",)).get("MemAvailable", -1)
