"""What optimum-benchmark's process launcher runs here: its tracker around one session.

A module of its own, because the launcher's child imports it by name.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

WARM_S = 0.3


def measure(model: str, evaluation: str, duration_s: float) -> Any:
    """A report whose `forward` holds the latencies of `model` on one thread.

    Args:
        model: path of an ONNX file.
        evaluation: path of its evaluation set.
        duration_s: how long to measure; the tool's own loop ends by the same rule.
    """
    from bitgauge.agents.passes._batches import Batches
    from bitgauge.agents.runtimes import ort
    from bitgauge.agents.runtimes.base import SessionOptions
    from bitgauge.benchmarks.quality.sets import read_evaluation_set
    from optimum_benchmark.benchmark.report import BenchmarkReport
    from optimum_benchmark.trackers.latency import LatencySessionTracker

    session = ort.load(Path(model), SessionOptions())
    batches = Batches(read_evaluation_set(Path(evaluation)), session.input_specs, 1)
    calls = itertools.cycle([session.bind(feeds) for feeds in batches.for_timing()])
    until = time.monotonic() + WARM_S
    while time.monotonic() < until:
        next(calls)()
    tracker = LatencySessionTracker(device="cpu", backend="onnxruntime")
    with tracker.session():
        while tracker.elapsed() < duration_s:
            call = next(calls)
            with tracker.track():
                call()
    report = BenchmarkReport.from_list(["forward"])
    report.forward.latency = tracker.get_latency()
    return report
