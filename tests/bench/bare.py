"""The pass `absolute` against a bare loop over the same session, in turns, for any runtime."""

from __future__ import annotations

import itertools
import math
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
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes.base import RuntimeModule, Session, SessionOptions
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides

from tests.labs.rooms.passes import child_spec

from .pairs import EVALUATION, of_logs, show

TIMED_MS = 2000

Call = Callable[[Feeds], object]


def _onnxruntime(session: Any) -> Call:
    inner = session._session
    return lambda feeds: inner.run(None, feeds)


def _litert(session: Any) -> Call:
    inner = session._interpreter
    ins = {name: one.index for name, one in session._inputs.items()}
    outs = [one.index for one in session._outputs.values()]

    def call(feeds: Feeds) -> object:
        for name, at in ins.items():
            inner.set_tensor(at, feeds[name])
        inner.invoke()
        return [inner.get_tensor(at) for at in outs]

    return call


def _torch(session: Any) -> Call:
    import torch

    program, names = session._run, [one.name for one in session.input_specs]

    def call(feeds: Feeds) -> object:
        with torch.no_grad():
            made = program(*[torch.from_numpy(feeds[name]) for name in names])
        return [one.numpy() for one in torch.utils._pytree.tree_leaves(made)]

    return call


def _openvino(session: Any) -> Call:
    request, count = session._request, range(len(session.output_names))
    tensors = {one.name: request.get_tensor(one.name) for one in session.input_specs}

    def call(feeds: Feeds) -> object:
        for name, values in feeds.items():
            tensor = tensors[name]
            tensor.shape = values.shape
            tensor.data[...] = values
        request.infer(share_outputs=True)
        return [request.get_output_tensor(at).data.copy() for at in count]

    return call


def _executorch(session: Any) -> Call:
    import torch

    method, names = session._method, [one.name for one in session.input_specs]

    def call(feeds: Feeds) -> object:
        made = method.execute([torch.from_numpy(feeds[name]) for name in names])
        return [one.numpy() for one in made]

    return call


BARE: dict[str, Callable[[Any], Call]] = {
    "onnxruntime": _onnxruntime,
    "litert": _litert,
    "torch": _torch,
    "openvino": _openvino,
    "executorch": _executorch,
}
"""What anybody would write to run a session's library once, by runtime."""


class Turns:
    """Stands for the child's channel: in each gap the bare loop has its turn.

    Attributes:
        blocks: latencies of each turn, in nanoseconds.
    """

    def __init__(self) -> None:
        self.call: Any = None
        self.blocks: list[list[int]] = []
        self.fraction = self.median_ns = 0.0
        self.feeds: Any = None
        self.calls = 0

    def phase(self, name: str) -> None:
        """Nobody listens."""

    def gap(self) -> None:
        """As many calls as a block of the pass has, one of them uncounted as there."""
        if not self.calls:
            one = _bare(self.call, self.feeds, 20)
            self.calls = max(5, math.ceil(5_000_000 / statistics.median(one)))
        self.blocks.append(_bare(self.call, self.feeds, self.calls + 1)[1:])


def _bare(call: Any, feeds: Any, calls: int) -> list[int]:
    """Latencies of so many calls, in nanoseconds."""
    clock, found = time.perf_counter_ns, []
    for _ in range(calls):
        one = next(feeds)
        start = clock()
        call(one)
        found.append(clock() - start)
    return found


def bitgauge_and_bare(name: str, model: Path) -> tuple[RawFile, Turns]:
    """The pass `absolute` over `model` in a runtime, with the bare loop in its gaps."""
    turns, module = Turns(), registry.runtime(name, ())

    def load(path: Path, options: SessionOptions) -> Session:
        session = module.load(path, options)
        sets = Batches(read_evaluation_set(EVALUATION), session.input_specs, 1).for_timing()
        turns.call, turns.feeds = BARE[name](session), itertools.cycle(sets)
        return session

    runtime = SimpleNamespace(NAME=name, prepare=module.prepare, load=load)
    spec = child_spec(
        PassName.ABSOLUTE,
        model,
        role=RawRole.CANDIDATE,
        runtimes=(name,),
        evaluation=str(EVALUATION),
        device="cpu",
        overrides=Overrides(budget_ms=TIMED_MS),
    )
    child = Child(
        spec,
        cast(Channel, turns),
        {name: cast(RuntimeModule, runtime)},
        registry.device("cpu", ()),
    )
    raw = absolute.measure(child)
    return raw, turns


def compare_with_bare(runtime: str, model: Path) -> None:
    """Prints the row of one file."""
    raw, turns = bitgauge_and_bare(runtime, model)
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
        f"{model.name:<25} p50 {np.median(samples.latency_ns) / 1e3:9.2f} us"
        f"   / bare loop {show(of_logs(logs))}, of all calls {pooled:.3f}"
        f"   cost per iteration {spent:.0f} ns in blocks,"
        f" {raw.meta['harness_ns']:.0f} ns around nothing"
    )
