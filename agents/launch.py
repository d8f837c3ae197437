"""One launch of one pass inside the child: load, warm up, measure, write the raw file.

The measuring itself is `benchmarks.protocol`; here it meets sessions, inputs and the pipe.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bitgauge.benchmarks import protocol, quality
from bitgauge.benchmarks.evalset import EvaluationSet, InputSpec, read_evaluation_set
from bitgauge.benchmarks.profiles import PLANS
from bitgauge.benchmarks.raw import RawFile, write_raw
from bitgauge.benchmarks.raw_schema import (
    ColdStart,
    RawOrigin,
    absolute_raw,
    memory_raw,
    pair_raw,
    quality_raw,
)
from bitgauge.benchmarks.samples import MemorySamples, WarmUp
from bitgauge.benchmarks.vocabulary import PassName, RawRole

from . import registry
from .batches import Batches, Feeds
from .channel import Channel
from .conditions import ConditionReader
from .meters.high_water import MemoryMeter
from .placements import Call, Placements
from .runtimes.base import RuntimeModule, Session, SessionOptions
from .spec import ChildSpec

_WARM_RUNS = 10  # of a memory launch, measurement.md A-5


def run_launch(spec: ChildSpec, channel: Channel) -> None:
    """Runs what `spec` asks for and writes its raw file.

    Raises:
        BitgaugeError: the artifact, the evaluation set or the runtime is at fault.
        MemoryError: the artifact needs more memory than there is.
    """
    folders = tuple(Path(folder) for folder in spec.plugins)
    launch = _Launch(spec, channel, registry.runtime(spec.runtime, folders))
    raw = {
        PassName.PAIR: launch.pair,
        PassName.ABSOLUTE: launch.absolute,
        PassName.MEMORY: launch.memory,
        PassName.QUALITY: launch.quality,
    }[spec.pass_name]()
    channel.phase("write")
    write_raw(Path(spec.result), raw)


class _Launch:
    """The parts that every pass is made of."""

    def __init__(self, spec: ChildSpec, channel: Channel, runtime: RuntimeModule) -> None:
        self._spec = spec
        self._channel = channel
        self._runtime = runtime
        self._plan = PLANS[spec.profile]
        self._batch = spec.workload.batch
        self._origin = RawOrigin(
            pass_name=spec.pass_name,
            launch=spec.launch,
            role=spec.role,
            artifacts=spec.artifacts,
            recipe=spec.recipe,
            runtime=spec.runtime,
            workload=spec.workload,
            profile=spec.profile,
        )
        runtime.prepare()

    def pair(self) -> RawFile:
        """Baseline and candidate in quads, on sessions that are made anew between quads."""
        evaluation = self._evaluation()
        conditions = ConditionReader()
        shared: dict[tuple[InputSpec, ...], list[Feeds]] = {}

        def feeds(session: Session) -> list[Feeds]:
            # Sessions that want the same inputs read the same arrays.
            specs = session.input_specs
            if specs not in shared:
                shared[specs] = Batches(evaluation, specs, self._batch).for_timing()
            return shared[specs]

        def gap() -> None:
            self._channel.gap()
            placements.between_quads()

        self._channel.phase("load")
        paths = self._spec.paths
        rng = np.random.default_rng([self._spec.seed, 1])
        placements = Placements(lambda letter: self._session(paths[letter]), feeds, 2, rng)
        calls = placements.calls()
        with _quiet():
            samples = protocol.measure_pair(
                calls[0],
                calls[1],
                warm=self._warm_up(calls),
                clock=time.perf_counter_ns,
                plan=self._plan,
                rng=np.random.default_rng(self._spec.seed),
                gap=gap,
                conditions=conditions.read,
            )
        return _with(pair_raw(self._origin, samples), placements=placements.count)

    def absolute(self) -> RawFile:
        """Single latencies of one session, and its cold numbers."""
        evaluation = self._evaluation()
        started = time.perf_counter_ns()
        session = self._load(self._spec.paths[0])
        loaded = time.perf_counter_ns()
        batches = Batches(evaluation, session.input_specs, self._batch).for_timing()
        before = time.perf_counter_ns()
        session.run(batches[0])
        cold = ColdStart(loaded - started, time.perf_counter_ns() - before)
        call = _rotating([session.bind(feeds) for feeds in batches])
        conditions = ConditionReader()
        with _quiet():
            samples = protocol.measure_absolute(
                call,
                warm=self._warm_up([call]),
                clock=time.perf_counter_ns,
                plan=self._plan,
                rng=np.random.default_rng(self._spec.seed),
                gap=self._channel.gap,
                conditions=conditions.read,
            )
        return _with(absolute_raw(self._origin, samples, cold))

    def memory(self) -> RawFile:
        """Peaks of loading and running; nothing of ours grows between the checkpoints."""
        evaluation = None if self._spec.role is RawRole.FLOOR else self._evaluation()
        meter = MemoryMeter()
        gc.collect()
        meter.open_phase()
        points = [meter.checkpoint("m0")]
        meter.open_phase()
        session = self._load(self._spec.paths[0])
        points.append(meter.checkpoint("m1"))
        batches = Batches(evaluation, session.input_specs, self._batch)
        feeds = batches.first()
        meter.open_phase()
        self._channel.phase("measure")
        for _ in range(_WARM_RUNS):
            session.run(feeds)
        points.append(meter.checkpoint("m2"))
        meter.open_phase()
        session.close()
        del session
        gc.collect()
        points.append(meter.checkpoint("m3"))
        return memory_raw(self._origin, MemorySamples(tuple(points), meter.method))

    def quality(self) -> RawFile:
        """Outputs of the whole evaluation set, one artifact after the other."""
        evaluation = self._evaluation()
        outputs = [self._outputs(path, evaluation) for path in self._spec.paths]
        candidate = outputs[1] if len(outputs) > 1 else None
        samples = quality.score(outputs[0], candidate, evaluation.labels, evaluation.ids)
        return quality_raw(self._origin, samples)

    def _evaluation(self) -> EvaluationSet:
        return read_evaluation_set(Path(self._spec.evaluation))

    def _load(self, path: str) -> Session:
        self._channel.phase("load")
        return self._session(path)

    def _session(self, path: str) -> Session:
        options = SessionOptions(threads=self._spec.workload.threads)
        return self._runtime.load(Path(path), options)

    def _warm_up(self, calls: Sequence[Call]) -> WarmUp:
        self._channel.phase("warm_up")
        warm = protocol.warm_up(calls, time.perf_counter_ns, self._plan)
        self._channel.phase("measure")
        return warm

    def _outputs(self, path: str, evaluation: EvaluationSet) -> np.ndarray:
        session = self._load(path)
        self._channel.phase("measure")
        batches = Batches(evaluation, session.input_specs, self._batch, fit=True)
        rows = []
        for count, feeds in batches.all():
            rows.append(batches.rows(session.run(feeds), count))
            self._channel.gap()
        session.close()
        return np.concatenate(rows)


def _rotating(bound: Sequence[Call]) -> Call:
    """One call that runs `bound` in turn; about 60 ns beside the call itself."""
    if len(bound) == 1:
        return bound[0]
    following = itertools.cycle(bound).__next__

    def call() -> None:
        following()()

    return call


class _quiet:  # noqa: N801 (reads as a statement)
    """No garbage collection inside: a collection in a block would be counted as latency."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


def _with(raw: RawFile, **facts: int) -> RawFile:
    """States further facts of a launch.

    The cache policy is always `warm`: inputs rotate, and all of them fit beside the artifact.
    """
    return RawFile({**raw.meta, "cache": "warm", **facts}, raw.arrays)
