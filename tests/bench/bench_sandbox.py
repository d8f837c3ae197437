"""What a sandbox costs: start-up and latency at each level, as ratios to no sandbox.

Run by hand: ``python -m tests.bench.bench_sandbox [ROUNDS]``. Each round starts one child per level
in random order, so that a drift of the machine meets all alike; nothing is asserted. A child loads
onnxruntime and a model of the zoo, then times single calls as a run does.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import bitgauge.benchmarks.zoo
from bitgauge.agents.registry import describe
from bitgauge.agents.sandbox import cgroup
from bitgauge.agents.sandbox.confinement import Confinement, memory_limit, start_box
from bitgauge.agents.sandbox.survey import survey
from bitgauge.benchmarks.sandbox.base import levels
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import Refused

from .one_launch import launch

PLAIN = "rlimits"
ZOO = Path(next(iter(bitgauge.benchmarks.zoo.__path__)))
MODELS = ("digits-mlp", "digits-cnn", "digits-transformer")


@dataclass(frozen=True)
class Sample:
    """One child.

    Attributes:
        start_s: from its launch to its first phase: interpreter, libraries, sandbox.
        load_ns: loading the model.
        p50_ns: median latency.
        p99_ns: 99th percentile.
    """

    start_s: float
    load_ns: int
    p50_ns: float
    p99_ns: float


async def child(confinement: Confinement, model: str) -> Sample:
    began = time.perf_counter()
    first: list[float] = []
    raw = await launch(
        PassName.ABSOLUTE,
        [ZOO / f"{model}.onnx"],
        ZOO / "evaluation.npz",
        confinement=confinement,
        phase=lambda name: first.append(time.perf_counter() - began),
    )
    ordered = sorted(raw.arrays["latency_ns"].tolist())
    return Sample(
        start_s=first[0],
        load_ns=int(raw.meta["load_ns"]),
        p50_ns=ordered[len(ordered) // 2],
        p99_ns=ordered[len(ordered) * 99 // 100],
    )


async def confinements(place: Path) -> dict[str, Confinement]:
    """Every level that works here, as an agent would use it."""
    device = describe("cpu", name="bench", identity="bench")
    box = start_box(place / "agent", place / "state", ())
    groups = cgroup.find()
    found = {}
    for name, level in levels().items():
        try:
            await survey(name, box)
        except Refused as error:
            print(f"NOT RUN: {error.sentence}")
            continue
        found[name] = Confinement(
            level,
            box.trees,
            box.hidden,
            memory_bytes=memory_limit(device.memory_bytes),
            groups=groups,
        )
    return found


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bitgauge-bench-") as name:
        place = Path(name)
        found = await confinements(place)
        ways = list(found)
        samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for _ in range(rounds):
            for model in MODELS:
                random.shuffle(ways)
                for way in ways:
                    samples[model, way].append(await child(found[way], model))
    for model in MODELS:
        for way in found:
            _print(model, way, samples[model, way], samples[model, PLAIN])


def _print(model: str, way: str, own: list[Sample], plain: list[Sample]) -> None:
    """Medians, and the median over rounds of the ratio to the plain child of the same round."""
    parts = []
    for what, unit, scale in (
        ("start_s", "ms", 1e3),
        ("load_ns", "ms", 1e-6),
        ("p50_ns", "us", 1e-3),
        ("p99_ns", "us", 1e-3),
    ):
        values = [getattr(one, what) for one in own]
        ratios = sorted(
            value / getattr(other, what) for value, other in zip(values, plain, strict=True)
        )
        parts.append(
            f"{what.split('_')[0]} {statistics.median(values) * scale:8.2f} {unit}"
            f" x{statistics.median(ratios):.3f} [{ratios[0]:.3f} {ratios[-1]:.3f}]"
        )
    print(f"{model:<19}{way:<8} " + "  ".join(parts))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
