"""Raw files of each pass, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from bitgauge.benchmarks.analysis.analyse import RunFacts, analyse
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.raw.absolute import ColdStart, absolute_raw
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.memory import memory_raw
from bitgauge.benchmarks.raw.pair import apart_raw, pair_raw
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.samples import (
    AbsoluteSamples,
    ApartSamples,
    BlockConditions,
    MemoryCheckpoint,
    MemorySamples,
    PairSamples,
    WarmUp,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.profiles import PLACES
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs import values
from tests.labs.conditions import conditions as told
from tests.labs.values import origin, warmed

FACTS = values.facts()
MIB = 1 << 20
WARM = warmed(1, 1)


def conditions(
    blocks: int, *, psi: float = 0.0, steal: float | np.ndarray = 0.0
) -> BlockConditions:
    return told(blocks, steal_ticks=steal, psi_some_avg10=psi, load_1m=1.0)


def pair(
    ratio: float,
    *,
    quads: int = 60,
    launch: int = 0,
    spread: float = 0.01,
    psi: float = 0.0,
    steal: float | np.ndarray = 0.0,
    warm: WarmUp = WARM,
) -> RawFile:
    rng = np.random.default_rng(launch)
    letter = np.tile([0, 1, 1, 0], quads)
    value = 1e6 * np.exp(rng.normal(0, spread, 4 * quads)) * np.where(letter, ratio, 1.0)
    samples = PairSamples(
        value,
        np.arange(4 * quads) * 5_000_000,
        np.full(4 * quads, 5),
        letter,
        np.arange(4 * quads) // 4,
        conditions(4 * quads, psi=psi, steal=steal),
        warm,
        "precise",
    )
    return pair_raw(origin(PassName.PAIR, RawRole.BOTH, launch), samples)


def apart(role: RawRole, at: int, ratio: float = 0.8, **changes: Any) -> RawFile:
    """One launch of pass `pair` that held one artifact and took turns with others."""
    rng = np.random.default_rng(at)
    level = 1e6 * np.exp(rng.normal(0, 0.003)) * (ratio if role is RawRole.CANDIDATE else 1.0)
    quad, place = divmod(at, PLACES)
    samples = ApartSamples(
        value_ns=level * np.exp(rng.normal(0, 0.01, 60)),
        start_ns=np.arange(60) * 5_000_000,
        iterations=np.full(60, 5),
        conditions=told(60, steal_ticks=0.0, psi_some_avg10=0.0),
        warm=WARM,
        quad=quad,
        place=place,
        stopped="blocks",
    )
    return apart_raw(origin(PassName.PAIR, role, at), replace(samples, **changes))


def absolute(
    level_ns: float, launch: int, role: RawRole = RawRole.CANDIDATE, *, n: int = 1000
) -> RawFile:
    rng = np.random.default_rng(launch)
    latency = (level_ns * np.exp(rng.normal(0, 0.02, n))).astype(np.int64)
    block = np.arange(n) // 5
    starts = np.arange(block[-1] + 1) * 5_000_000
    ends = starts + np.bincount(block, weights=latency).astype(np.int64) + 300
    samples = AbsoluteSamples(latency, block, starts, conditions(starts.size), WARM, n, ends)
    cold = ColdStart(10_000_000 + launch, 2_000_000 + launch)
    raw = absolute_raw(origin(PassName.ABSOLUTE, role, launch), samples, cold)
    raw.meta.update(harness_ns=150.0 + launch, clock_resolution_ns=20)
    return raw


def memory(need_bytes: int, role: RawRole, launch: int = 0, method: str = "vmhwm") -> RawFile:
    base = 40 * MIB

    def point(name: str, used: int) -> MemoryCheckpoint:
        return MemoryCheckpoint(name, base, base, base, base, base + used // 2, base + used)

    points = (
        point("m0", 0),
        point("m1", need_bytes),
        point("m2", need_bytes // 2),
        point("m3", 0),
    )
    return memory_raw(origin(PassName.MEMORY, role, launch), MemorySamples(points, method))


def quality(b: int = 0, c: int = 0, n: int = 900, *, labelled: bool = True) -> RawFile:
    labels = np.arange(n) % 2
    ref, cand = 3.0 * np.eye(2)[labels], 3.0 * np.eye(2)[labels]
    cand[:b] = 3.0 - cand[:b]
    ref[b : b + c] = 3.0 - ref[b : b + c]
    samples = score(ref, cand, labels if labelled else None, None)
    return quality_raw(origin(PassName.QUALITY, RawRole.BOTH), samples)


def everything() -> list[RawFile]:
    return [
        pair(0.8),
        *(absolute(1e6 * level, i) for i, level in enumerate((1.0, 1.1, 0.95))),
        *(absolute(1e6, i, RawRole.BASELINE) for i in range(3)),
        absolute(3e3, 0, RawRole.FLOOR),
        *(memory((20 + i) * MIB, RawRole.CANDIDATE, i) for i in range(3)),
        *(memory((40 + i) * MIB, RawRole.BASELINE, i) for i in range(3)),
        *(memory(5 * MIB, RawRole.FLOOR, i) for i in range(3)),
        quality(3, 1),
    ]


def by_key(raws: Sequence[RawFile], facts: RunFacts = FACTS) -> dict[str, MetricValue]:
    return {metric.key: metric for metric in analyse(raws, facts)}
