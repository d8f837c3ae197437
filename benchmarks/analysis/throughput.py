"""The batch sweep: the whole curve, and the best point of it (A-13)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..raw.throughput import sweep_samples
from ..samples import Bools, SweepSamples
from ..stats.discards import CAUSES, STEP, Discarded, blocks_with_cause, sorted_out
from ..stats.sanity import harness_suspect, in_flight
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import (
    CLOCK_STEP,
    DISCARDED_BLOCKS,
    HARNESS_SUSPECT,
    IMPOSSIBLE,
    NO_RAW_DATA,
    NOT_IN_PROFILE,
)
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, invalid, items, null
from .harness import over_rates
from .surroundings import surrounding_flags
from .timed import nominal_mhz

KEY = "best_throughput_per_s"


@dataclass(frozen=True, slots=True)
class Point:
    """One batch of a sweep.

    Attributes:
        batch: samples per call.
        per_s: samples per second, the mean over its windows.
        low: lower end of Student's 95 % interval over the windows; None for a single window.
        high: its upper end.
        in_flight: calls under way on average.
    """

    batch: int
    per_s: float
    low: float | None
    high: float | None
    in_flight: float


def best_throughput(groups: Groups, facts: RunFacts) -> MetricValue:
    """The best batch of the sweep; every batch is in the detail."""
    raws = groups.get((PassName.THROUGHPUT, RawRole.CANDIDATE), ())
    if not raws:
        swept = facts.plan.sweeps(facts.workload.scenario)
        return null(KEY, NO_RAW_DATA if swept else NOT_IN_PROFILE)
    samples = sweep_samples(raws[0])
    spent = samples.elapsed_ns.astype(np.float64)
    found = blocks_with_cause(samples.conditions, spent, samples.start_ns, nominal_mhz(raws[0]))
    kept, discarded = sorted_out({cause: found[cause] for cause in CAUSES}, spent.size)
    described = items(discarded=discarded.units, discarded_causes=discarded.words())
    if discarded.invalid:
        return invalid(KEY, described)
    points = curve(samples, kept & (samples.elapsed_ns > 0))
    if not points:
        return MetricValue(key=KEY, value=0.0, flags=(*facts.profile_flags, IMPOSSIBLE))
    best = max(points, key=lambda point: point.per_s)
    flags = [*facts.profile_flags, *surrounding_flags(samples.conditions, spent)]
    flags += _flags(best, discarded)
    return MetricValue(
        key=KEY,
        value=best.per_s,
        low=best.low,
        high=best.high,
        n=int(samples.calls[samples.batch == best.batch].sum()),
        flags=tuple(flags),
        detail=(
            *items(
                best_batch=best.batch,
                curve=" ".join(f"{point.batch}:{point.per_s:.6g}" for point in points),
                stopped=samples.stopped,
                in_flight=best.in_flight,
                bounds="windows of one launch",
            ),
            *(described if discarded.units else ()),
        ),
    )


def curve(samples: SweepSamples, kept: Bools) -> list[Point]:
    """Every batch that has a window left."""
    points = []
    for batch in np.unique(samples.batch[kept]):
        window = kept & (samples.batch == batch)
        calls, elapsed = samples.calls[window], samples.elapsed_ns[window]
        busy, done = float(samples.busy_ns[window].sum()), int(calls.sum())
        value, low, high = over_rates((batch * calls * 1e9 / elapsed).tolist())
        flying = in_flight(busy / done, done, float(elapsed.sum()))
        points.append(Point(int(batch), value, low, high, flying))
    return points


def _flags(best: Point, discarded: Discarded) -> list[str]:
    flags = []
    if harness_suspect(best.in_flight):
        flags.append(HARNESS_SUSPECT)
    if discarded.units:
        flags.append(DISCARDED_BLOCKS)
    if discarded.has(STEP):
        flags.append(CLOCK_STEP)
    return flags
