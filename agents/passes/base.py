"""What every pass of a child is made of: spec, pipe, runtime, inputs and sessions.

A pass is a module beside this one that holds `NAME` and `measure(child)`; it is found by its file
name. The measuring itself is `benchmarks.protocol`; a pass lets it meet sessions and inputs.
"""

from __future__ import annotations

import gc
import itertools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bitgauge.benchmarks.protocol import latency as protocol
from bitgauge.benchmarks.quality.made import is_made
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.quality.texts import TextSet, read_text_set
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.given import given_meta
from bitgauge.benchmarks.raw.origin import RawOrigin
from bitgauge.benchmarks.raw.spent import spent_meta
from bitgauge.benchmarks.samples import WarmUp
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.profiles import ProfilePlan, plan_of
from bitgauge.benchmarks.vocabulary.session_options import of_reference, options_for, provider_of

from ..devices.base import ConditionReader, DeviceModule, Fact, HasMemory, MemoryOfCard, SlowsDown
from ..host.rest import Heat
from ..runtimes.base import Decoder, RuntimeModule, Session, SessionOptions
from ..spec import ChildSpec
from ._batches import Batches
from ._channel import Channel
from ._generation import Prompts, Requests, context_of, open_decoder
from ._placements import Call

Material = EvaluationSet | TextSet
"""What inputs are taken from."""

_SLOWED_SHARE = 0.5
"""Of a warm-up, above which nothing that follows it would be left."""

_MOST_NOTED = 16  # different inputs, or options, of one launch


class PassModule(Protocol):
    """The shape of a pass."""

    NAME: PassName

    def measure(self, child: Child) -> RawFile:
        """One launch of the pass.

        Raises:
            BitgaugeError: the artifact, the evaluation set or the runtime is at fault.
            MemoryError: the artifact needs more memory than there is.
        """
        ...


class Child:
    """One launch: what was asked for, and the parts that passes share.

    Attributes:
        runtime: executes the artifact that the raw file speaks of.
        origin: which launch of which pass the raw file speaks of.
    """

    def __init__(
        self,
        spec: ChildSpec,
        channel: Channel,
        runtimes: Mapping[str, RuntimeModule],
        device: DeviceModule,
    ) -> None:
        self.spec = spec
        self.channel = channel
        self.runtime = runtimes[spec.runtime]
        self._of_path = {
            path: runtimes[name] for path, name in zip(spec.paths, spec.runtimes, strict=True)
        }
        self._device = device
        self.plan = plan_of(spec.profile, spec.overrides)
        self.batch = spec.workload.batch
        self.origin = RawOrigin(
            pass_name=spec.pass_name,
            launch=spec.launch,
            role=spec.role,
            artifacts=spec.artifacts,
            recipe=spec.recipe,
            runtime=spec.runtime,
            workload=spec.workload,
            profile=spec.profile,
            overrides=spec.overrides,
            run_id=spec.run_id,
            device_id=spec.device_id,
        )
        self._evaluation_read = self._made = False
        self._fed: list[dict[str, str]] = []
        self._options_set: list[dict[str, str]] = []
        for runtime in runtimes.values():
            runtime.prepare()

    def conditions(self) -> ConditionReader:
        """Opens what tells the conditions of the device."""
        return self._device.conditions(self.spec.unit)

    def card_memory(self) -> MemoryOfCard | None:
        """Begins to look at the device's own memory; None of a device that has none."""
        module = self._device
        return module.memory(self.spec.unit) if isinstance(module, HasMemory) else None

    def preflight(self) -> dict[str, Fact]:
        """The state of the device before a timed launch."""
        return self._device.preflight(self.spec.unit)

    def rest(self) -> Heat:
        """How warm the device is, and how warm it may be."""
        return self._device.rest(self.spec.unit)

    def evaluation(self) -> EvaluationSet:
        """The evaluation set."""
        self._evaluation_read = True
        evaluation = read_evaluation_set(Path(self.spec.evaluation))
        self._made = is_made(evaluation)
        return evaluation

    def texts(self) -> TextSet:
        """The evaluation set of a decoder."""
        self._evaluation_read = True
        return read_text_set(Path(self.spec.evaluation))

    def material(self) -> Material:
        """What timed calls take their inputs from: texts where they are requests to a decoder."""
        return self.texts() if self.spec.workload.is_llm else self.evaluation()

    def batches(
        self,
        evaluation: EvaluationSet | None,
        session: Session,
        batch: int | None = None,
        *,
        fit: bool = False,
    ) -> Batches:
        """Batches for a session; what it was made with and is fed goes into the raw file.

        Args:
            evaluation: as for `Batches`.
            session: what takes them.
            batch: samples per call, unless the workload's.
            fit: as for `Batches`.
        """
        wanted = self.batch if batch is None else batch
        batches = Batches(evaluation, session.input_specs, wanted, fit=fit)
        self._note_fed(session, batches.described)
        return batches

    def inputs(
        self, material: Material | None, session: Session, batch: int | None = None
    ) -> Batches | Prompts:
        """What timed calls are fed: batches, or prompts where they are requests to a decoder.

        Args:
            material: what they are taken from; None for an artifact that stands for nothing.
            session: what takes them.
            batch: samples per call, unless the workload's.
        """
        if isinstance(session, Requests):
            texts = material if isinstance(material, TextSet) else None
            return self.prompts(texts, session.decoder)
        assert not isinstance(material, TextSet), "texts are for decoders"
        return self.batches(material, session, batch)

    def prompts(self, texts: TextSet | None, decoder: Decoder) -> Prompts:
        """Prompts for a decoder; what it was made with and is fed goes into the raw file."""
        prompts = Prompts(texts, decoder, self.spec.workload, self.spec.seed)
        self._note_fed(decoder, prompts.described)
        return prompts

    def _note_fed(self, made: Session | Decoder, fed: dict[str, str]) -> None:
        _note(self._fed, fed)
        self.note_made(made)

    def note_made(self, made: Session | Decoder) -> None:
        """Has the raw file say what a session or decoder was made with."""
        if told := made.options_set():
            _note(self._options_set, told)

    def with_given(self, raw: RawFile) -> RawFile:
        """States in a raw file what its launch was given, and where its time went until now."""
        evaluation = self.spec.evaluation_sha256 if self._evaluation_read else ""
        given = given_meta(
            *(self.spec.seed, evaluation, self._fed, self._options_set, self.spec.anchors),
            made=self._made,
        )
        spent = spent_meta({name: ns / 1e9 for name, ns in self.channel.spent_ns.items()})
        return RawFile({**raw.meta, **given, **spent}, raw.arrays)

    def plugins(self) -> tuple[Path, ...]:
        """Further folders of plug-ins."""
        return tuple(Path(folder) for folder in self.spec.plugins)

    def options(self, path: str = "") -> SessionOptions:
        """How sessions of this launch are made, those of its artifact unless a file is named."""
        spec = self.spec
        path = path or spec.paths[-1]
        further = options_for(spec.overrides.session_options, self._of_path[path].NAME)
        options = SessionOptions(
            threads=spec.workload.threads,
            further=further,
            batch=self.batch,
            context=context_of(spec.workload),
        )
        if path in spec.paths[: spec.references]:
            alone = getattr(self._device, "OF_CANDIDATES", ())
            kept = (one for one in of_reference(further) if one.name not in alone)
            return replace(options, further=tuple(kept))
        if not provider_of(further) and not self._of_path[path].TRAITS.builds:
            return options
        return replace(
            options,
            device=spec.stack,
            built_before=Path(spec.built_before) if spec.built_before else None,
            build_into=Path(spec.built_now),
            building=self.channel.building,
        )

    def session(self, path: str, options: SessionOptions | None = None) -> Session:
        """A session on the artifact at `path`, in its own runtime; of a decoder, its requests."""
        if self.spec.workload.is_llm:
            return Requests(self.decoder(path, options), self.spec.workload.generated_tokens)
        runtime = self._of_path[path]
        return runtime.load(Path(path), options or self.options(path))

    def decoder(self, path: str, options: SessionOptions | None = None) -> Decoder:
        """The language model at `path`, in its own runtime.

        Raises:
            Refused: `unsupported_artifact`, the runtime opens none.
        """
        runtime = self._of_path[path]
        return open_decoder(runtime, Path(path), options or self.options(path))

    def load(self, path: str) -> Session:
        """A session, in the phase `load`."""
        self.channel.phase("load")
        return self.session(path)

    def warm_up(self, calls: Sequence[Call], plan: ProfilePlan | None = None) -> WarmUp:
        """Warms the calls up, by the launch's own plan unless one is given.

        Afterwards the phase is `measure`.
        """
        self.channel.phase("warm_up")
        before = self._slowed_ns()
        warm = protocol.warm_up(calls, time.perf_counter_ns, plan or self.plan)
        require_pace(self._slowed_ns() - before, warm.elapsed_ns)
        self.channel.phase("measure")
        return warm

    def _slowed_ns(self) -> float:
        """How long the device was slowed down so far; NaN where it does not tell."""
        module = self._device
        return module.slowed_ns(self.spec.unit) if isinstance(module, SlowsDown) else math.nan


def require_pace(slowed_ns: float, elapsed_ns: int) -> None:
    """A device that protects itself from its first second on is not measured.

    What is left of it after the warm-up would be discarded block by block, for the same cause.

    Args:
        slowed_ns: of the warm-up; NaN where it is not told.
        elapsed_ns: of the warm-up.

    Raises:
        Refused: `device_slowed`.
    """
    if slowed_ns > _SLOWED_SHARE * elapsed_ns:
        share = min(slowed_ns / max(elapsed_ns, 1), 1.0)
        raise Refused(
            Code.DEVICE_SLOWED,
            f"Heat or its supply slowed the device down in {share:.0%} of the warm-up, from the"
            " first second on.",
        )


def _note(known: list[dict[str, str]], new: dict[str, str]) -> None:
    if new not in known and len(known) < _MOST_NOTED:
        known.append(new)


def rotating(bound: Sequence[Call]) -> Call:
    """One call that runs `bound` in turn; about 60 ns beside the call itself."""
    if len(bound) == 1:
        return bound[0]
    following = itertools.cycle(bound).__next__

    def call() -> None:
        following()()

    return call


class quiet:  # noqa: N801 (reads as a statement)
    """No garbage collection inside: a collection in a block would be counted as latency."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


def with_facts(raw: RawFile, **facts: object) -> RawFile:
    """States further facts of a timed launch: plain JSON values.

    The cache policy is always `warm`: inputs rotate, and all of them fit beside the artifact.
    """
    return RawFile({**raw.meta, "cache": "warm", **facts}, raw.arrays)
