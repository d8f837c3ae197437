"""Memory from raw data: peaks by high-water reset, less what the runtime needs by itself (B)."""

from __future__ import annotations

from collections.abc import Sequence

from .facts import Groups, RunFacts, items, null
from .model import MetricValue
from .raw_schema import memory_samples
from .reasons import BELOW_RESOLUTION, FEW_LAUNCHES, NO_RAW_DATA, PEAK_SAMPLED
from .samples import MemorySamples
from .vocabulary import PassName, RawRole

FLOOR_FACTOR = 2
"""A baseline below this many floors is too small for a ratio of peaks (DESIGN 10.14)."""


def peak_memory(groups: Groups, facts: RunFacts) -> MetricValue:
    """`host_need`: the highest peak over launches, bounded by lowest and highest launch (B-3)."""
    key = "peak_memory_bytes"
    launches = _launches(groups, RawRole.CANDIDATE)
    if not launches:
        return null(key, NO_RAW_DATA)
    needs = [host_need_bytes(launch) for launch in launches]
    worst = launches[needs.index(max(needs))]
    floor = _needs(groups, RawRole.FLOOR)
    return MetricValue(
        key=key,
        value=float(max(needs)),
        low=float(min(needs)),
        high=float(max(needs)),
        n=len(needs),
        flags=_flags(launches, facts),
        detail=items(
            launches=len(needs),
            bounds="lowest and highest launch",
            peak_load_bytes=worst.at("m1").hwm_bytes - worst.at("m0").hwm_bytes,
            peak_run_bytes=worst.at("m2").hwm_bytes - worst.at("m0").hwm_bytes,
            mmap_weights_bytes=worst.at("m2").rss_file_bytes - worst.at("m0").rss_file_bytes,
            floor_bytes=max(floor) if floor else "unknown",
        ),
    )


def peak_memory_ratio(groups: Groups, facts: RunFacts) -> MetricValue:
    """Candidate's peak / baseline's, null where the baseline is no bigger than the floor."""
    key = "peak_memory_ratio"
    candidate = _launches(groups, RawRole.CANDIDATE)
    baseline, floor = _needs(groups, RawRole.BASELINE), _needs(groups, RawRole.FLOOR)
    needs = [host_need_bytes(launch) for launch in candidate]
    for name, found in (("candidate", needs), ("baseline", baseline), ("floor", floor)):
        if not found:
            return null(key, NO_RAW_DATA, missing=name)
    if max(baseline) < FLOOR_FACTOR * max(floor) or min(baseline) <= 0:
        return null(key, BELOW_RESOLUTION, baseline_bytes=max(baseline), floor_bytes=max(floor))
    return MetricValue(
        key=key,
        value=max(needs) / max(baseline),
        low=min(needs) / max(baseline),
        high=max(needs) / min(baseline),
        n=len(needs),
        flags=_flags(candidate, facts),
        detail=items(
            bounds="extreme launches of both",
            baseline_bytes=max(baseline),
            floor_bytes=max(floor),
        ),
    )


def host_steady(groups: Groups, facts: RunFacts) -> MetricValue:
    """Growth of the unique set from m0 to m2, the highest over launches."""
    key = "host_steady_bytes"
    launches = _launches(groups, RawRole.CANDIDATE)
    if not launches:
        return null(key, NO_RAW_DATA)
    grown = [launch.at("m2").uss_bytes - launch.at("m0").uss_bytes for launch in launches]
    return MetricValue(
        key=key,
        value=float(max(grown)),
        low=float(min(grown)),
        high=float(max(grown)),
        n=len(grown),
        flags=_flags(launches, facts),
        detail=items(launches=len(grown), bounds="lowest and highest launch"),
    )


def host_need_bytes(launch: MemorySamples) -> int:
    """Peak resident set over load and run, less that of the imported runtime."""
    peak = max(launch.at("m1").hwm_bytes, launch.at("m2").hwm_bytes)
    return peak - launch.at("m0").hwm_bytes


def _launches(groups: Groups, role: RawRole) -> list[MemorySamples]:
    return [memory_samples(raw) for raw in groups.get((PassName.MEMORY, role), ())]


def _needs(groups: Groups, role: RawRole) -> list[int]:
    return [host_need_bytes(launch) for launch in _launches(groups, role)]


def _flags(launches: Sequence[MemorySamples], facts: RunFacts) -> tuple[str, ...]:
    flags = list(facts.profile_flags)
    if len(launches) < facts.plan.memory_launches:
        flags.append(FEW_LAUNCHES)
    if any(launch.method != "vmhwm" for launch in launches):
        flags.append(PEAK_SAMPLED)
    return tuple(flags)
