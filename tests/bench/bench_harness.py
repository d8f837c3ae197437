"""What measuring costs: Bitgauge's p50 against a bare loop, torch's timer and optimum-benchmark.

Each row is a ratio within this run: the other's time is taken in turns with Bitgauge's, over the
same session in the same process, so that a drift of the machine meets both.

* **bare loop**: the code of the pass `absolute` runs as in a child; in each of its gaps a loop of
  `clock, run, clock` over the same session and inputs takes as many calls. Ratio of medians, block
  by block; the goal is 0.99 to 1.01.
* **cost per iteration**: time of a block that its latencies do not account for, median of blocks,
  and what the loop costs around a call that does nothing; the goal is below 2 microseconds.
* **torch**: ``torch.utils.benchmark.Timer.blocked_autorange``. It times blocks of milliseconds and
  takes their median, so that a single call put aside is in every block of a busy machine; the
  second ratio is of means, where both count the same.
* **optimum-benchmark**: its own latency tracker around each call, median of what it recorded, in
  the same process; then its process launcher against a launch of the pass `absolute`, in turns.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import math
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from bitgauge.agents import registry
from bitgauge.agents.passes._batches import Batches, Feeds
from bitgauge.agents.passes.base import rotating
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import PassName

from .bare import compare_with_bare
from .one_launch import RUNTIME, launch
from .pairs import EVALUATION, MODELS, ZOO, of_logs, show

ROUNDS = 12
ROUND_S = 0.2
LAUNCHES = 6


Window = tuple[float, float]
"""Median and mean of one window, in nanoseconds."""


def ours_and_calls(name: str) -> tuple[Callable[[], Window], Callable[[], None]]:
    """Bitgauge's numbers of one short window, and the call that it times."""
    session = registry.runtime(RUNTIME, ()).load(ZOO / f"{name}.onnx", SessionOptions())
    feeds: list[Feeds] = Batches(
        read_evaluation_set(EVALUATION), session.input_specs, 1
    ).for_timing()
    call = rotating([session.bind(one) for one in feeds])

    def window() -> Window:
        found: list[int] = []
        until = time.perf_counter() + ROUND_S
        while time.perf_counter() < until:
            found.extend(protocol.time_calls(call, time.perf_counter_ns, 50))
        return statistics.median(found), statistics.fmean(found)

    window()
    return window, call


def against(other: Callable[[], Window], ours: Callable[[], Window]) -> str:
    """Ratios ours / other, of medians and of means, over rounds in random order."""
    rng = np.random.default_rng(1)
    logs = []
    for _ in range(ROUNDS):
        if rng.integers(2):
            mine, theirs = ours(), other()
        else:
            theirs, mine = other(), ours()
        logs.append([math.log(a / b) for a, b in zip(mine, theirs, strict=True)])
    medians, means = np.array(logs).T
    return f"{show(of_logs(medians))}, of means {show(of_logs(means))}"


def compare_with_torch() -> None:
    """Prints one row per model."""
    if importlib.util.find_spec("torch") is None:
        print("NOT RUN: against torch.utils.benchmark: torch is not installed here.")
        return
    import torch
    from torch.utils.benchmark import Timer

    for name in MODELS:
        ours, call = ours_and_calls(name)
        timer = Timer("call()", globals={"call": call})

        def theirs(timer: Timer = timer) -> Window:
            found = timer.blocked_autorange(min_run_time=ROUND_S)
            return float(found.median) * 1e9, float(found.mean) * 1e9

        print(f"{name:<19} p50 / torch {torch.__version__}'s Timer {against(theirs, ours)}")


def compare_with_optimum() -> None:
    """Prints one row per model, and one for the process launcher."""
    if importlib.util.find_spec("optimum_benchmark") is None:
        print("NOT RUN: against optimum-benchmark: it is not installed here.")
        return
    from optimum_benchmark.trackers.latency import LatencySessionTracker

    for name in MODELS:
        ours, call = ours_and_calls(name)

        def theirs(call: Callable[[], None] = call) -> Window:
            tracker = LatencySessionTracker(device="cpu", backend="onnxruntime")
            with tracker.session():
                while tracker.elapsed() < ROUND_S:
                    with tracker.track():
                        call()
            found = tracker.get_latency()
            return float(found.p50) * 1e9, float(found.mean) * 1e9

        print(f"{name:<19} p50 / optimum-benchmark's tracker {against(theirs, ours)}")
    print(
        "NOT RUN: optimum-benchmark's own ONNX Runtime backend: it takes models of Transformers,"
        " Diffusers and timm, with their configuration files, and no plain ONNX file."
    )
    compare_launches(MODELS[1])


def compare_launches(name: str) -> None:
    """Prints fresh processes against fresh processes, and what each of them cost."""
    from optimum_benchmark.launchers.process.config import ProcessConfig
    from optimum_benchmark.launchers.process.launcher import ProcessLauncher

    from . import optimum_worker

    os.environ["LOG_LEVEL"], os.environ["LOG_TO_FILE"] = "ERROR", "0"
    logging.disable(logging.INFO)
    launcher = ProcessLauncher(ProcessConfig())
    model = ZOO / f"{name}.onnx"
    logs, cost = [], []
    for number in range(LAUNCHES):
        began = time.perf_counter()
        report = launcher.launch(optimum_worker.measure, [str(model), str(EVALUATION), 1.0])
        between = time.perf_counter()
        raw = asyncio.run(launch(PassName.ABSOLUTE, [model], EVALUATION, number=number))
        cost.append(math.log((time.perf_counter() - between) / (between - began)))
        median = float(np.median(raw.arrays["latency_ns"]))
        logs.append(math.log(median / (float(report.forward.latency.p50) * 1e9)))
    print(
        f"{name:<19} p50 / optimum-benchmark's process launcher {show(of_logs(logs))},"
        f" {LAUNCHES} launches each; time of a launch {show(of_logs(cost))}"
    )


def main() -> None:
    """Measures and prints."""
    for name in MODELS:
        compare_with_bare(RUNTIME, ZOO / f"{name}.onnx")
    compare_with_torch()
    compare_with_optimum()


if __name__ == "__main__":
    main()
