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
import itertools
import logging
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from bitgauge.agents import registry
from bitgauge.agents.passes import absolute
from bitgauge.agents.passes._batches import Batches, Feeds
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes.base import Child, rotating
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import RuntimeModule, Session, SessionOptions
from bitgauge.agents.spec import ChildSpec
from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload

from .one_launch import RUNTIME, launch
from .pairs import EVALUATION, MODELS, ZOO, of_logs, show

TIMED_MS = 2000
ROUNDS = 12
ROUND_S = 0.2
LAUNCHES = 6


class Turns:
    """Stands for the child's channel: in each gap the bare loop has its turn.

    Attributes:
        blocks: latencies of each turn, in nanoseconds.
    """

    def __init__(self) -> None:
        self.blocks: list[list[int]] = []
        self.fraction = self.median_ns = 0.0
        self.session: Any = None
        self.feeds: Any = None
        self.calls = 0

    def phase(self, name: str) -> None:
        """Nobody listens."""

    def gap(self) -> None:
        """As many calls as a block of the pass has, one of them uncounted as there."""
        if not self.calls:
            one = _bare(self.session, self.feeds, 20)
            self.calls = max(5, math.ceil(5_000_000 / statistics.median(one)))
        self.blocks.append(_bare(self.session, self.feeds, self.calls + 1)[1:])


def _bare(session: Any, feeds: Any, calls: int) -> list[int]:
    """What anybody would write."""
    clock, found = time.perf_counter_ns, []
    for _ in range(calls):
        one = next(feeds)
        start = clock()
        session.run(None, one)
        found.append(clock() - start)
    return found


def bitgauge_and_bare(model: Path) -> tuple[RawFile, Turns]:
    """The pass `absolute` over `model`, with the bare loop in its gaps."""
    turns = Turns()

    def load(path: Path, options: SessionOptions) -> Session:
        session = ort.load(path, options)
        sets = Batches(read_evaluation_set(EVALUATION), session.input_specs, 1).for_timing()
        turns.session, turns.feeds = session._session, itertools.cycle(sets)
        return session

    runtime = SimpleNamespace(NAME=RUNTIME, prepare=ort.prepare, load=load)
    spec = ChildSpec(
        pass_name=PassName.ABSOLUTE,
        launch=0,
        role=RawRole.CANDIDATE,
        runtimes=(RUNTIME,),
        workload=Workload(),
        profile=Profile.QUICK,
        recipe="fp32",
        seed=1,
        artifacts=("0" * 64,),
        paths=(str(model),),
        evaluation=str(EVALUATION),
        result="",
        event_fd=-1,
        ack_fd=-1,
        device="cpu",
        overrides=Overrides(budget_ms=TIMED_MS),
    )
    child = Child(
        spec,
        cast(Channel, turns),
        {RUNTIME: cast(RuntimeModule, runtime)},
        registry.device("cpu", ()),
    )
    raw = absolute.measure(child)
    return raw, turns


def compare_with_bare(name: str) -> None:
    """Prints the rows of one model."""
    raw, turns = bitgauge_and_bare(ZOO / f"{name}.onnx")
    samples, _ = absolute_samples(raw)
    blocks = samples.block_start_ns.size
    ours = [float(np.median(samples.latency_ns[samples.block == at])) for at in range(blocks)]
    bare = [float(np.median(block)) for block in turns.blocks]
    # A block lies between two turns of the bare loop, whose mean is where it would have been.
    logs = [
        math.log(ours[at] / ((bare[at - 1] + bare[at]) / 2)) for at in range(1, min(blocks, 2000))
    ]
    calls = np.bincount(samples.block)
    inside = np.bincount(samples.block, weights=samples.latency_ns)
    window = samples.block_end_ns - samples.block_start_ns
    spent = float(np.median((window - inside) / calls))
    pooled = np.median(samples.latency_ns) / np.median(np.concatenate(turns.blocks))
    print(
        f"{name:<19} p50 {np.median(samples.latency_ns) / 1e3:9.2f} us"
        f"   / bare loop {show(of_logs(logs))}, of all calls {pooled:.3f}"
        f"   cost per iteration {spent:.0f} ns in blocks,"
        f" {raw.meta['harness_ns']:.0f} ns around nothing"
    )


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
        compare_with_bare(name)
    compare_with_torch()
    compare_with_optimum()


if __name__ == "__main__":
    main()
