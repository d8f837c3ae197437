"""A runtime that executes small JSON files: for tests of what can go wrong, and nothing else.

An artifact is ``{"schema": "bitgauge.fake/1"}`` with any of the fields of `FakeModel`. Results
are `simulated` and cannot enter a cell.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from .base import SessionOptions, Traits

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.sets import InputSpec

    from ._fake_decoder import FakeDecoder
    from .base import Feeds, Outputs

NAME = "fake"
RANK = 0
HINT = "the fake runtime is always there"

SCHEMA = "bitgauge.fake/1"

Acts = Mapping[str, Callable[[str, int], None]]
"""What a plug-in adds to the behaviours of `FakeModel`: by name, called with target and amount."""

_NO_ACTS: Acts = {}
_PLAIN = SessionOptions()
_SIGNALS = {
    "crash_segv": signal.SIGSEGV,
    "crash_abrt": signal.SIGABRT,
    "crash_bus": signal.SIGBUS,
    "crash_ill": signal.SIGILL,
    "kill": signal.SIGKILL,
}


@dataclass(frozen=True, slots=True)
class FakeModel:
    """A fake artifact.

    Attributes:
        schema: always `SCHEMA`.
        latency_ns: how long one call takes, in nanoseconds.
        offset: added to every output.
        classes: outputs per sample; output k is the k-th number of the sample's first input.
        inputs: name of each input and its shape without the batch; None takes any input.
        fixed_batch: the only batch that a call may have; None takes any.
        behaviour: ``ok``, or what to do instead: `crash_segv crash_abrt crash_bus crash_ill kill
            hang raise oom unsupported nan flood grandchild heir`, or an act that a plug-in adds.
        when: ``load`` or ``run``: where `behaviour` happens.
        target: what an act is aimed at.
        amount: how much of it.
        vocabulary: tokens of it as a decoder.
        context: tokens that fit into it as a decoder.
        once_file: happen only while this file is not there, and make it.
    """

    schema: str
    latency_ns: int = 0
    offset: float = 0.0
    classes: int = 10
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    fixed_batch: int | None = None
    behaviour: str = "ok"
    when: str = "run"
    target: str = ""
    amount: int = 0
    vocabulary: int = 16
    context: int = 512
    once_file: str | None = None


def probe() -> RuntimeDescription:
    """Always installed."""
    return RuntimeDescription(
        name=NAME,
        version="1",
        providers=("fake",),
        families=tuple(FormatFamily),
        versions=(StackItem("schema", SCHEMA),),
        simulated=True,
    )


def probe_kernels() -> dict[str, str]:
    """It has one kernel, and that one only adds."""
    return {"Fake.u8s8.const": "exact"}


def prepare() -> None:
    """Nothing to import."""


def load(path: Path, options: SessionOptions, acts: Acts = _NO_ACTS) -> FakeSession:
    """A session on a fake artifact, which may ask for `acts` too; see `base.RuntimeModule`."""
    return FakeSession(_read(path, acts), options, acts)


def load_decoder(path: Path, options: SessionOptions, acts: Acts = _NO_ACTS) -> FakeDecoder:
    """The same artifact as a decoder, each token of which takes its latency."""
    from ._fake_decoder import FakeDecoder

    model = _read(path, acts)

    def act() -> None:
        if model.when == "run" and model.behaviour not in ("ok", "nan"):
            _misbehave(model, acts)

    return FakeDecoder(model, options, act)


def _read(path: Path, acts: Acts) -> FakeModel:
    try:
        model = msgspec.json.decode(path.read_bytes(), type=FakeModel)
    except msgspec.DecodeError as error:
        raise BadInput(Code.BAD_MODEL, f"The artifact is no fake model: {error}.") from error
    if model.schema != SCHEMA:
        raise BadInput(Code.BAD_MODEL, f"The artifact says schema {model.schema!r}.")
    if model.when == "load":
        _misbehave(model, acts)
    return model


def empty_artifact() -> bytes:
    """A fake model that does nothing."""
    return msgspec.json.encode({"schema": SCHEMA, "inputs": {"x": [1]}})


def sentinel_artifact() -> bytes:
    """A fake model that takes a tenth of a millisecond."""
    return msgspec.json.encode({"schema": SCHEMA, "inputs": {"x": [1]}, "latency_ns": 100_000})


TRAITS = Traits(
    ("fake",),
    kernels=probe_kernels,
    sentinel=sentinel_artifact,
    decoder=load_decoder,
    for_tests=True,
)


class FakeSession:
    """One loaded fake artifact; see `base.Session`."""

    def __init__(
        self, model: FakeModel, options: SessionOptions = _PLAIN, acts: Acts = _NO_ACTS
    ) -> None:
        self._model = model
        self._options = options
        self._acts = acts

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """The artifact's inputs; none when it takes any."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(name, "float32", (self._model.fixed_batch, *shape))
            for name, shape in self._model.inputs.items()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """Its one output."""
        return ("logits",)

    def options_set(self) -> dict[str, str]:
        """What `load` was told; nothing of it changes what it does."""
        return {"threads": str(self._options.threads), "arena": str(self._options.arena)}

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call that takes `latency_ns`, waiting busily as a kernel would."""

        def call() -> None:
            self._act()

        return call

    def run(self, feeds: Feeds) -> Outputs:
        """One call; the output is (samples, classes)."""
        import numpy as np

        self._act()
        first = next(iter(feeds.values()))
        flat = np.asarray(first, dtype=np.float32).reshape(first.shape[0], -1)
        classes = self._model.classes
        outputs = np.resize(flat, (flat.shape[0], classes)) if flat.shape[1] < classes else flat
        shifted = outputs[:, :classes] + np.float32(self._model.offset)
        if self._model.behaviour == "nan":
            shifted = np.full_like(shifted, np.nan)
        return [shifted]

    def close(self) -> None:
        """Nothing is held."""

    def _act(self) -> None:
        if self._model.when == "run" and self._model.behaviour not in ("ok", "nan"):
            _misbehave(self._model, self._acts)
        until = time.perf_counter_ns() + self._model.latency_ns
        while time.perf_counter_ns() < until:
            pass


_ERRORS: dict[str, Callable[[], Exception]] = {
    "raise": lambda: Refused(Code.RUN_FAILED, "The fake runtime was told to raise."),
    "oom": lambda: MemoryError("the fake runtime was told to run out of memory"),
    "unsupported": lambda: Refused(
        Code.UNSUPPORTED_ARTIFACT, "The fake runtime has no kernel for this."
    ),
}


def _misbehave(model: FakeModel, acts: Acts) -> None:
    """Do what `behaviour` says, unless it was to happen once and has."""
    if model.once_file is not None:
        try:
            os.close(os.open(model.once_file, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
    behaviour = model.behaviour
    if behaviour in _SIGNALS:
        os.kill(os.getpid(), _SIGNALS[behaviour])
    elif behaviour == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(3600)
    elif behaviour in _ERRORS:
        raise _ERRORS[behaviour]()
    elif behaviour == "flood":
        for _ in range(1024):
            sys.stderr.write("flood " * 1000 + "\n")
    elif behaviour in acts:
        acts[behaviour](model.target, model.amount)
    elif behaviour == "heir":  # the pipes outlive who was started
        if os.fork() == 0:
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGKILL)
    elif behaviour == "grandchild":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
