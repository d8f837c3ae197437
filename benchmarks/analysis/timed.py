"""The timed launches of a run as an analysis sees them: kept blocks, cold numbers, flags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..raw.absolute import ColdStart, absolute_samples
from ..raw.container import RawFile
from ..raw.given import given_of
from ..raw.pair import pair_samples
from ..samples import AbsoluteSamples, BlockConditions, Floats, PairSamples, WarmUp
from ..stats.discards import (
    CAUSES,
    STEP,
    Discarded,
    block_durations_ns,
    kept_blocks,
    kept_quads,
    quad_durations_ns,
    together,
)
from ..stats.enough import enough_launches
from ..stats.resample import effective_size
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import (
    BUILDS_VARY,
    CLOCK_STEP,
    CONVERTED_BORDER,
    DISCARDED_BLOCKS,
    FEW_LAUNCHES,
    NO_STEADY_STATE,
)
from ..vocabulary.session_options import BUILDS_DIFFER, CONVERTED, TWO_BUILDS
from ..vocabulary.values.devices import StackItem
from .facts import Groups, RunFacts, discarded_detail, items
from .surroundings import foreign_share, surrounding_flags


@dataclass(frozen=True, slots=True, eq=False)
class AbsoluteLaunches:
    """Absolute launches of one artifact without the blocks that do not count.

    Attributes:
        samples: the launches of which something is left.
        cold: cold numbers of every launch.
        discarded: what does not count, over all launches.
        flags: what qualifies every number from them, that of the profile first.
        detail: what was discarded, and how much others computed meanwhile.
        resolution_ns: what their clock can tell apart; NaN when unknown.
        sizes: how many independent latencies each of `samples` is worth.
    """

    samples: tuple[AbsoluteSamples, ...]
    cold: tuple[ColdStart, ...]
    discarded: Discarded
    flags: tuple[str, ...]
    detail: tuple[StackItem, ...]
    resolution_ns: float
    sizes: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PairLaunches:
    """Pair launches without the quads that do not count; see `AbsoluteLaunches`."""

    samples: tuple[PairSamples, ...]
    discarded: Discarded
    flags: tuple[str, ...]
    detail: tuple[StackItem, ...]


def absolute_launches(
    groups: Groups,
    facts: RunFacts,
    role: RawRole = RawRole.CANDIDATE,
    causes: Sequence[str] = CAUSES,
) -> AbsoluteLaunches:
    """The absolute launches of `role`; blocks go for one of `causes`."""
    raws = groups.get((PassName.ABSOLUTE, role), ())
    read = [absolute_samples(raw) for raw in raws]
    kept = [
        kept_blocks(samples, nominal_mhz(raw), causes=causes)
        for raw, (samples, _) in zip(raws, read, strict=True)
    ]
    discarded = together([one for _, one in kept])
    left = tuple(one for one, _ in kept if one.latency_ns.size)
    few = not enough_launches([float(np.median(one.latency_ns)) for one in left], facts.plan)
    around = [(one.conditions, block_durations_ns(one)) for one, _ in read]
    resolutions = [number(raw, "clock_resolution_ns") for raw in raws]
    return AbsoluteLaunches(
        samples=left,
        cold=tuple(cold for _, cold in read),
        discarded=discarded,
        flags=(
            *launch_flags(facts, few, [one.warm for one, _ in read], around, discarded),
            *told_flags(raws),
        ),
        detail=launch_detail(around, discarded),
        resolution_ns=max(resolutions, default=math.nan),
        sizes=tuple(effective_size(one.latency_ns) for one in left),
    )


def is_cold(groups: Groups) -> bool:
    """Whether the device's cache was emptied before each call that the device timed."""
    raws = groups.get((PassName.ABSOLUTE, RawRole.CANDIDATE), ())
    return any(raw.meta.get("device_cache") == "cold" for raw in raws)


def pair_launches(groups: Groups, facts: RunFacts) -> PairLaunches:
    """The pair launches of a run."""
    raws = groups.get((PassName.PAIR, RawRole.BOTH), ())
    read = [pair_samples(raw) for raw in raws]
    kept = [kept_quads(one, nominal_mhz(raw)) for raw, one in zip(raws, read, strict=True)]
    discarded = together([one for _, one in kept])
    left = tuple(one for one, _ in kept if one.letter.size)
    around = [(one.conditions, quad_durations_ns(one)) for one in read]
    few = len(left) < facts.plan.pair_launches
    return PairLaunches(
        samples=left,
        discarded=discarded,
        flags=(
            *launch_flags(facts, few, [one.warm for one in read], around, discarded),
            *told_flags(raws),
        ),
        detail=launch_detail(around, discarded),
    )


def number(raw: RawFile, name: str) -> float:
    """A number among the metadata; NaN when it is not there or is none."""
    value = raw.meta.get(name)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good and value is not None else math.nan


def nominal_mhz(raw: RawFile) -> float | None:
    """The processor's base clock as the launch's pre-flight found it."""
    preflight = raw.meta.get("preflight")
    value = preflight.get("nominal_mhz") if isinstance(preflight, dict) else None
    return float(value) if isinstance(value, int | float) and value > 0 else None


def launch_flags(
    facts: RunFacts,
    few: bool,
    warm: Sequence[WarmUp],
    around: Sequence[tuple[BlockConditions, Floats]],
    discarded: Discarded,
) -> tuple[str, ...]:
    """What qualifies every number of these launches, that of the profile first."""
    flags = list(facts.profile_flags)
    if few:
        flags.append(FEW_LAUNCHES)
    if not all(one.steady for one in warm):
        flags.append(NO_STEADY_STATE)
    seen = {flag for conditions, spent in around for flag in surrounding_flags(conditions, spent)}
    flags.extend(sorted(seen))
    if discarded.units:
        flags.append(DISCARDED_BLOCKS)
    if discarded.has(STEP):
        flags.append(CLOCK_STEP)
    return tuple(flags)


def told_flags(raws: Sequence[RawFile]) -> tuple[str, ...]:
    """What the sessions themselves say that qualifies their times.

    That the conversion of inputs and outputs is left to others, and that another build of the same
    artifact is another program.
    """
    told = [given_of(raw).session_options or "" for raw in raws]
    words = {CONVERTED_BORDER: f"{CONVERTED}=", BUILDS_VARY: f"{TWO_BUILDS}={BUILDS_DIFFER}"}
    return tuple(flag for flag, part in words.items() if any(part in one for one in told))


def launch_detail(
    around: Sequence[tuple[BlockConditions, Floats]], discarded: Discarded
) -> tuple[StackItem, ...]:
    """What was discarded, and how much others computed meanwhile."""
    shares = [foreign_share(conditions, spent) for conditions, spent in around]
    known = [share for share in shares if math.isfinite(share)]
    found = discarded_detail(discarded)
    if known:
        found["foreign_cpu_pct"] = round(100 * max(known), 2)
    return items(**found)
