"""Which launches a run needs: a pure function of the entry and of what is already measured.

Quality comes first: it is cheap, and an artifact that the runtime refuses fails there. Of a decoder
that is its perplexity; it has no inner tensors to look at, and no batches to sweep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from bitgauge.benchmarks.stats.enough import enough_launches
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.profiles import PLACES, ProfilePlan, go_apart
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

PAIRED = 2
"""Artifacts of a launch that holds baseline and candidate."""
BEFORE, AFTER = 0, 1
"""Launches of the sentinel."""


@dataclass(frozen=True, slots=True)
class PassPlan:
    """One launch of one pass.

    Attributes:
        launch: 0-based number within (pass, role); of launches that take turns, among them all.
        role: which artifact it is about.
        artifacts: what to load, baseline first; empty for the floor.
        runtimes: what executes them, in that order; of the floor and the sentinel, whose it is.
        no_room: whether it stands in the place of one for whose two artifacts there was no memory.
    """

    pass_name: PassName
    launch: int
    role: RawRole
    artifacts: tuple[Digest, ...]
    runtimes: tuple[str, ...]
    no_room: bool = False


def plan_passes(
    entry: AssignedEntry,
    baseline: Digest,
    plan: ProfilePlan,
    *,
    keeps_time: bool,
    available: Iterable[RawRef] = (),
    only: Collection[PassName] = (),
    scenario: Scenario = Scenario.SINGLE_STREAM,
    metered: bool = False,
    baseline_runtime: str | None = None,
    alone: Collection[str] = (),
    name: str = "",
) -> tuple[PassPlan, ...]:
    """The launches that `entry` needs, in order.

    Args:
        entry: what to measure; index 0 is the baseline itself.
        baseline: the FP32 artifact.
        plan: how many launches the profile buys.
        keeps_time: whether time and memory of this device and runtime mean anything; when not,
            only quality and numerics are measured.
        available: raw files of the baseline and of the floor that this job took on this device,
            in roles `baseline` and `floor`; what is among them is not measured again.
        only: the passes that were asked for; empty: all of them.
        scenario: how samples arrive.
        metered: whether the device has an energy meter that can be used.
        baseline_runtime: what executes the baseline, unless the same as the entry.
        alone: runtimes whose libraries are not to be timed beside another's in one process.
        name: of the run; it decides which artifact begins where launches take turns.
    """
    single = entry.index == 0
    own, other = entry.runtime, baseline_runtime or entry.runtime
    apart = not single and go_apart(own, other, alone)
    pair = ((baseline,), (own,)) if single else ((baseline, entry.artifact), (other, own))
    both = (RawRole.BOTH, *pair)
    decodes = scenario is Scenario.LLM
    launches = _of(PassName.PERPLEXITY, 1, both) if decodes else _judging(both)
    if not keeps_time:
        return tuple(launches)
    candidate = (RawRole.CANDIDATE, (entry.artifact,), (own,))
    against = (RawRole.BASELINE, (baseline,), (other,))
    reference = () if single else (against,)
    nothing: tuple[Digest, ...] = ()
    floor = (RawRole.FLOOR, nothing, (own,))
    for which in (floor, *reference, candidate):
        launches += _of(PassName.MEMORY, plan.memory_launches, which)
    if not decodes:
        launches += _of(PassName.MEMORY, plan.no_arena_launches, candidate, plan.memory_launches)
    launches += _of(PassName.ABSOLUTE, 1, floor)
    for which in (*reference, candidate):
        launches += _of(PassName.ABSOLUTE, plan.absolute_launches, which)
    paired = 0 if single or apart else plan.pair_launches
    launches += _of(PassName.PAIR, paired, both)
    if apart:
        launches += _in_turn(against, candidate, plan.apart_quads, name)
    if decodes:
        launches += _of(PassName.GENERATION, plan.absolute_launches, candidate)
        launches += _of(PassName.GENERATION, paired, both)
    else:
        for which in (*reference, candidate):
            launches += _of(PassName.OPERATORS, 1, which)
        launches += _of(PassName.THROUGHPUT, int(plan.sweeps(scenario)), candidate)
    if metered and plan.energy_quads:
        launches += _of(PassName.ENERGY, 1, candidate if single or apart else both)
    done = {(ref.pass_name, ref.launch, ref.role) for ref in available}
    # The baseline's own run ended when it was precise; its candidates do not go on with it.
    ended = {(ref.pass_name, ref.role) for ref in available if _ends_early(ref.pass_name, plan)}
    return tuple(
        one
        for one in launches
        if (not only or one.pass_name in only)
        and (one.pass_name, one.launch, one.role) not in done
        and (one.pass_name, one.role) not in ended
    )


def references(plan: PassPlan, index: int) -> int:
    """How many artifacts of a launch, from the first, are the reference (DESIGN 11.1).

    Of a launch without artifacts what stands for them is.

    Args:
        plan: the launch.
        index: of its entry; 0 is the baseline itself.
    """
    if index == 0 or plan.role in (RawRole.BASELINE, RawRole.FLOOR) or not plan.artifacts:
        return max(1, len(plan.artifacts))
    return len(plan.artifacts) - 1


_Side = tuple[RawRole, tuple[Digest, ...], tuple[str, ...]]


def _of(pass_name: PassName, count: int, side: _Side, first: int = 0) -> list[PassPlan]:
    """So many launches of a pass, numbered from `first`."""
    return [PassPlan(pass_name, launch, *side) for launch in range(first, first + count)]


def _judging(both: _Side) -> list[PassPlan]:
    """What an artifact is held against the baseline by, where it is no decoder."""
    return _of(PassName.QUALITY, 1, both) + _of(PassName.NUMERICS, 1, both)


def _in_turn(first: _Side, second: _Side, quads: int, name: str) -> list[PassPlan]:
    """Launches A B B A or B A A B, so that what drifts evenly with time befalls both alike."""
    launches = []
    for quad in range(quads):
        begins = hashlib.sha256(f"{name}/{PassName.PAIR.value}/{quad}".encode()).digest()[0] % 2
        a, b = (second, first) if begins else (first, second)
        for place, side in enumerate((a, b, b, a)):
            launches.append(PassPlan(PassName.PAIR, PLACES * quad + place, *side))
    return launches


def one_at_a_time(failed: PassPlan, plan: ProfilePlan, *, name: str = "") -> tuple[PassPlan, ...]:
    """What is launched in place of all of a pass where memory does not hold both of its artifacts.

    Args:
        failed: the launch that did not find the memory.
        plan: of the profile.
        name: as for `plan_passes`.

    Returns:
        Launches of one artifact each; none where there is no such way.
    """
    if len(failed.artifacts) < PAIRED:
        return ()
    against, candidate = (
        (role, (artifact,), (runtime,))
        for role, artifact, runtime in zip(
            (RawRole.BASELINE, RawRole.CANDIDATE), failed.artifacts, failed.runtimes, strict=True
        )
    )
    if failed.pass_name is PassName.PAIR:
        turns = _in_turn(against, candidate, plan.apart_quads, name)
        return tuple(replace(one, no_room=True) for one in turns)
    if failed.pass_name is PassName.ENERGY:
        return (PassPlan(PassName.ENERGY, failed.launch, *candidate),)
    if failed.pass_name is PassName.NUMERICS:  # without what the float model has in its place
        return (replace(failed, artifacts=candidate[1], runtimes=candidate[2]),)
    return ()


def bracketed(
    plans: tuple[PassPlan, ...], sentinels: Collection[int], runtime: str
) -> tuple[PassPlan, ...]:
    """The launches with the sentinel before (launch 0) and after (launch 1) them.

    Args:
        plans: the launches of one entry.
        sentinels: which of the two this entry has; the first of a lease has 0, the last has 1.
        runtime: whose sentinel; one job has one.
    """
    before, after = (
        PassPlan(PassName.SENTINEL, at, RawRole.FLOOR, (), (runtime,)) for at in (BEFORE, AFTER)
    )
    return (
        *((before,) if BEFORE in sentinels else ()),
        *plans,
        *((after,) if AFTER in sentinels else ()),
    )


def is_enough(one: PassPlan, plan: ProfilePlan, medians_ns: Sequence[float]) -> bool:
    """Whether a planned launch is no longer needed.

    Args:
        one: the launch that would come next.
        plan: of the profile.
        medians_ns: median latency of each launch of the same pass and role so far.
    """
    return _ends_early(one.pass_name, plan) and enough_launches(medians_ns, plan)


def _ends_early(pass_name: PassName, plan: ProfilePlan) -> bool:
    return pass_name is PassName.ABSOLUTE and plan.absolute_half_width is not None


def shared_with(
    entry: AssignedEntry, refs: Iterable[RawRef], baseline_runtime: str
) -> tuple[RawRef, ...]:
    """Of the raw files that a baseline shares, those that an entry can use.

    A floor is that of a runtime: an entry with another one measures its own.
    """
    other = entry.runtime != baseline_runtime
    return tuple(ref for ref in refs if not (other and ref.role is RawRole.FLOOR))


def as_baseline(refs: Iterable[RawRef]) -> tuple[RawRef, ...]:
    """Raw files of entry 0 as its candidates use them: its candidate is their baseline."""
    shared = []
    for ref in refs:
        if ref.pass_name is PassName.SENTINEL:
            continue  # it speaks of one moment, not of the baseline
        if ref.role is RawRole.FLOOR:
            shared.append(ref)
        elif ref.role is RawRole.CANDIDATE and ref.pass_name in (
            PassName.ABSOLUTE,
            PassName.MEMORY,
            PassName.OPERATORS,
        ):
            shared.append(RawRef(ref.pass_name, ref.launch, RawRole.BASELINE, ref.digest))
    return tuple(shared)
