"""A/A of the zoo CNN in each runtime, with a session of another one in the same process.

By the certificate's own rule: no more intervals than chance explains leave out 1. The other runtime
is called between quads, on two threads, so that a pool that spins afterwards would show.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bitgauge.agents import registry
from bitgauge.agents.passes._batches import Feeds
from bitgauge.agents.passes._placements import Placements
from bitgauge.agents.runtimes.base import Session, SessionOptions
from bitgauge.benchmarks.analysis.certificate import COMPARISONS, AaResult, judge
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.stats.paired import Interval
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from .pairs import EVALUATION, ZOO, abba

_FILES = {
    "onnxruntime": "digits-cnn.onnx",
    "litert": "digits-cnn.tflite",
    "openvino": "digits-cnn.onnx",
}
_THERE = {one.name for one in registry.probe_runtimes(registry.find("runtimes", ()))[0]}
FILES = {name: file for name, file in _FILES.items() if name in _THERE}
QUADS = 10
_MARGIN = 0.05


def session(runtime: str) -> Session:
    """A session on two threads."""
    module = registry.runtime(runtime, ())
    return module.load(Path(ZOO / FILES[runtime]), SessionOptions(threads=2))


def main() -> None:
    """Prints what each runtime's A/A says."""
    for runtime, other in itertools.permutations(FILES):
        found = judged(runtime, other, print)
        print(f"{runtime}: {found.reason}; worst effect {found.worst_effect:.3f}")


def judged(runtime: str, other: str, say: Callable[[str], object]) -> AaResult:
    """What the certificate says of a runtime whose blocks another's take turns with."""
    pixels = read_evaluation_set(EVALUATION).inputs["pixels"].astype(np.float32)
    feeds = {"pixels": np.ascontiguousarray(pixels[:1])}
    beside = session(other).bind(feeds)
    ratios = []
    for number in range(COMPARISONS):
        found = _apart(runtime, feeds, beside, number)
        differs = not found.low <= 1 <= found.high
        words = f"{found.point:.3f} [{found.low:.3f}, {found.high:.3f}]"
        say(f"{runtime} against itself beside {other}: {words}{' DIFFERENT' * differs}")
        difference = "detected" if differs else None
        ratios.append(MetricValue("latency_ratio", found.point, difference=difference))
    return judge(ratios, COMPARISONS, _MARGIN)


def _apart(runtime: str, feeds: Feeds, beside: Callable[[], None], seed: int) -> Interval:
    """Time of one session against another, made anew between quads as the paired pass does."""
    made = Placements(
        lambda letter: session(runtime), lambda one: [feeds], 2, np.random.default_rng(seed)
    )

    def gap() -> None:
        beside()
        made.place()

    return abba(*made.calls(), quads=QUADS, seed=seed, gap=gap)


if __name__ == "__main__":
    main()
