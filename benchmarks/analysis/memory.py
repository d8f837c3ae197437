"""Memory from raw data: peaks by high-water reset, less what the runtime needs by itself (B).

Every value is the highest over launches, bounded by the lowest and the highest of them: a mean of
peaks would promise what some launch did not keep. Launches whose arena was off count for
`peak_no_arena_bytes` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..raw.memory import memory_samples
from ..samples import MemorySamples
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import (
    BELOW_RESOLUTION,
    FEW_LAUNCHES,
    NO_ALLOCATOR,
    NO_ARENA,
    NO_CONTROL_GROUP,
    NO_RAW_DATA,
    NOT_IN_PROFILE,
    PEAK_SAMPLED,
)
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, items, null

FLOOR_FACTOR = 2
"""A baseline below this many floors is too small for a ratio of peaks (DESIGN 10.14)."""

BOUNDS = "lowest and highest launch"


def memory(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """Every metric of the pass `memory`."""
    every = _every_launch(groups, RawRole.CANDIDATE)
    launches = [launch for launch in every if launch.arena != "off"]
    return (
        _peak_memory(launches, groups, facts),
        _peak_memory_ratio(launches, groups, facts),
        _host_steady(launches, facts),
        _peak_load(launches, facts),
        _peak_run(launches, facts),
        _peak_no_arena(every, launches, facts),
        _mmap_weights(launches, groups, facts),
        _host_floor(groups, facts),
        _cgroup_peak(launches, facts),
        *_of_card(launches, groups, facts),
    )


def host_need_bytes(launch: MemorySamples) -> int:
    """Peak resident set over load and run, less that of the imported runtime."""
    peak = max(launch.at("m1").hwm_bytes, launch.at("m2").hwm_bytes)
    return peak - launch.at("m0").hwm_bytes


def _peak_memory(launches: Sequence[MemorySamples], groups: Groups, facts: RunFacts) -> MetricValue:
    """`host_need` (B-3)."""
    needs = [host_need_bytes(launch) for launch in launches]
    floor = _needs(groups, RawRole.FLOOR)
    return _worst(
        "peak_memory_bytes",
        needs,
        launches,
        facts,
        floor_bytes=max(floor) if floor else "unknown",
        artifact_bytes=facts.candidate_bytes,
    )


def _peak_load(launches: Sequence[MemorySamples], facts: RunFacts) -> MetricValue:
    """What making the session needed at most."""
    grown = [launch.at("m1").hwm_bytes - launch.at("m0").hwm_bytes for launch in launches]
    return _worst("peak_load_bytes", grown, launches, facts)


def _peak_run(launches: Sequence[MemorySamples], facts: RunFacts) -> MetricValue:
    """What running needed at most, the loaded model included."""
    grown = [launch.at("m2").hwm_bytes - launch.at("m0").hwm_bytes for launch in launches]
    shapes = " ".join(map(str, launches[0].batches)) if launches else ""
    return _worst("peak_run_bytes", grown, launches, facts, batches=shapes or "unknown")


def _host_steady(launches: Sequence[MemorySamples], facts: RunFacts) -> MetricValue:
    """Growth of the unique set from m0 to m2."""
    grown = [launch.at("m2").uss_bytes - launch.at("m0").uss_bytes for launch in launches]
    pss = [launch.at("m2").pss_bytes - launch.at("m0").pss_bytes for launch in launches]
    return _worst("host_steady_bytes", grown, launches, facts, pss_bytes=max(pss, default=0))


def _mmap_weights(
    launches: Sequence[MemorySamples], groups: Groups, facts: RunFacts
) -> MetricValue:
    """Growth of file-backed memory from m0 to m2 (B-3).

    Pages of the runtime's own libraries are file-backed too; those that an empty model touches
    are told as `floor_bytes`.
    """
    loaded = [
        launch.at("m1").rss_file_bytes - launch.at("m0").rss_file_bytes for launch in launches
    ]
    grown = [launch.at("m2").rss_file_bytes - launch.at("m0").rss_file_bytes for launch in launches]
    floor = [
        launch.at("m2").rss_file_bytes - launch.at("m0").rss_file_bytes
        for launch in _every_launch(groups, RawRole.FLOOR)
    ]
    return _worst(
        "mmap_weights_bytes",
        grown,
        launches,
        facts,
        after_load_bytes=max(loaded, default=0),
        floor_bytes=max(floor) if floor else "unknown",
        artifact_bytes=facts.candidate_bytes,
    )


def _peak_no_arena(
    every: Sequence[MemorySamples], launches: Sequence[MemorySamples], facts: RunFacts
) -> MetricValue:
    """`host_need` with the arena off (B-5).

    Often less than with it, and no bound: the C library's allocator keeps freed memory as well,
    and a model of 32 MiB activations was seen to need 241 MiB without the arena and 141 with it.
    """
    key = "peak_no_arena_bytes"
    if not facts.plan.no_arena_launches:
        return null(key, NOT_IN_PROFILE)
    off = [launch for launch in every if launch.arena == "off"]
    if not off and any(launch.arena == "none" for launch in every):
        return null(key, NO_ARENA)
    with_arena = [host_need_bytes(launch) for launch in launches]
    needs = [host_need_bytes(launch) for launch in off]
    return _worst(key, needs, off, facts, with_arena_bytes=max(with_arena, default="unknown"))


def _host_floor(groups: Groups, facts: RunFacts) -> MetricValue:
    """`host_need` of an empty model: what any session of this runtime needs."""
    launches = _every_launch(groups, RawRole.FLOOR)
    needs = [host_need_bytes(launch) for launch in launches]
    return _worst("host_floor_bytes", needs, launches, facts)


def _cgroup_peak(launches: Sequence[MemorySamples], facts: RunFacts) -> MetricValue:
    """The kernel's own account of the launch's group until m2: the second witness (B-3).

    It counts the page cache and every process of the group from its first instruction on, so
    that it is no peak of the artifact alone; `before_load_bytes` says what had come before.
    """
    key = "cgroup_peak_bytes"
    told = [launch for launch in launches if launch.group_peak_bytes]
    if launches and not told:
        return null(key, NO_CONTROL_GROUP)
    before, until = ([_group_peak(launch, name) for launch in told] for name in ("m0", "m2"))
    return _worst(key, until, told, facts, before_load_bytes=max(before, default=0))


def _of_card(
    launches: Sequence[MemorySamples], groups: Groups, facts: RunFacts
) -> tuple[MetricValue, ...]:
    """Three figures of a card's memory; none of them is taken off or added to another (B-4)."""
    if not facts.on_card:
        return ()
    floor = _every_launch(groups, RawRole.FLOOR)
    context = [device_need_bytes(one) for one in floor if not one.device_reason]
    return (
        _device_memory("device_memory_bytes", launches, facts, max(context, default=0)),
        _device_memory("device_context_bytes", floor, facts, 0),
        _allocator_peak(launches, facts),
    )


def device_need_bytes(launch: MemorySamples) -> int:
    """Most of the card's memory that its driver counted for the process until m2."""
    return max(launch.device_peak_bytes[: _place(launch, "m2") + 1], default=0)


def _device_memory(
    key: str, launches: Sequence[MemorySamples], facts: RunFacts, context_bytes: int
) -> MetricValue:
    """By the driver; what everybody on the card had more than at m0 stands beside it.

    That is no number of the process: where its own is hidden it bounds it, as long as nobody else
    came.
    """
    if not launches:
        return null(key, NO_RAW_DATA)
    more = [
        max(one.card_peak_bytes[: _place(one, "m2") + 1]) - one.card_peak_bytes[0]
        for one in launches
        if one.card_peak_bytes
    ]
    beside: dict[str, object] = {"card_grew_bytes": max(more)} if more else {}
    hidden = next((one.device_reason for one in launches if one.device_reason), "")
    if hidden:
        return null(key, hidden, **beside)
    beside |= {"context_bytes": context_bytes} if context_bytes else {}
    found = [device_need_bytes(one) for one in launches]
    value = _worst(key, found, launches, facts, **beside)
    return replace(value, flags=tuple(dict.fromkeys((*value.flags, PEAK_SAMPLED))))


def _allocator_peak(launches: Sequence[MemorySamples], facts: RunFacts) -> MetricValue:
    """What the runtime's allocator says of itself: no context, no library, no other process."""
    key = "allocator_peak_bytes"
    told = [launch.allocator_peak_bytes for launch in launches if launch.allocator_peak_bytes]
    if launches and not told:
        return null(key, NO_ALLOCATOR)
    most = {name: max(one.get(name, 0) for one in told) for name in sorted(set().union(*told))}
    found = [max(one.values()) for one in told]
    return _worst(key, found, launches, facts, **{f"{name}_bytes": n for name, n in most.items()})


def _place(launch: MemorySamples, name: str) -> int:
    return [point.name for point in launch.checkpoints].index(name)


def _group_peak(launch: MemorySamples, name: str) -> int:
    return launch.group_peak_bytes[_place(launch, name)]


def _peak_memory_ratio(
    launches: Sequence[MemorySamples], groups: Groups, facts: RunFacts
) -> MetricValue:
    """Candidate's peak / baseline's, null where the baseline is no bigger than the floor."""
    key = "peak_memory_ratio"
    baseline, floor = _needs(groups, RawRole.BASELINE), _needs(groups, RawRole.FLOOR)
    needs = [host_need_bytes(launch) for launch in launches]
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
        flags=_flags(launches, facts),
        detail=items(
            bounds="extreme launches of both",
            baseline_bytes=max(baseline),
            floor_bytes=max(floor),
        ),
    )


def _worst(
    key: str,
    found: Sequence[int],
    launches: Sequence[MemorySamples],
    facts: RunFacts,
    **detail: object,
) -> MetricValue:
    """The highest of `found`, one number per launch; null when there is none."""
    if not found:
        return null(key, NO_RAW_DATA)
    return MetricValue(
        key=key,
        value=float(max(found)),
        low=float(min(found)),
        high=float(max(found)),
        n=len(found),
        flags=_flags(launches, facts),
        detail=items(launches=len(found), bounds=BOUNDS, **detail),
    )


def _every_launch(groups: Groups, role: RawRole) -> list[MemorySamples]:
    return [memory_samples(raw) for raw in groups.get((PassName.MEMORY, role), ())]


def _needs(groups: Groups, role: RawRole) -> list[int]:
    """`host_need` of the launches with the production arena."""
    return [host_need_bytes(one) for one in _every_launch(groups, role) if one.arena != "off"]


def _flags(launches: Sequence[MemorySamples], facts: RunFacts) -> tuple[str, ...]:
    flags = list(facts.profile_flags)
    off = all(launch.arena == "off" for launch in launches)
    if len(launches) < (facts.plan.no_arena_launches if off else facts.plan.memory_launches):
        flags.append(FEW_LAUNCHES)
    if any(launch.method != "vmhwm" for launch in launches):
        flags.append(PEAK_SAMPLED)
    return tuple(flags)
