"""What a runtime is to the agent.

A runtime module holds `NAME`, `RANK`, `HINT`, `TRAITS`, `probe()`, `prepare()`, `load()` and
`empty_artifact()`; the registry finds it by the name of its file or folder. `TRAITS` says what it
takes, which options it has and what it can show besides running an artifact: whatever is not
declared there is not asked for. `probe` runs in the agent, which stays small for ever: it asks for
versions and imports nothing heavy. `prepare`, `load` and what the traits name run in the child and
may import what they need. See `ort` for a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bitgauge.benchmarks.vocabulary.enums import Capability, FormatFamily, HardwareClass
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from . import _decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from bitgauge.benchmarks.numerics.shown import Observes, Shown
    from bitgauge.benchmarks.protocol.device_time import DeviceCall
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    Feeds = dict[str, npt.NDArray[Any]]
    Floats = npt.NDArray[np.float32]
    Ints = npt.NDArray[np.int64]
    Outputs = list[npt.NDArray[Any]]


MOST_CONTEXT = 4096
"""Tokens of a context that nobody asked for; what a model was made for may need gigabytes."""


class RuntimeMissing(Refused):
    """The library behind a runtime is not installed, or cannot be used on this device."""

    def __init__(self, sentence: str, code: Code = Code.RUNTIME_MISSING) -> None:
        super().__init__(code, sentence)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.sentence, self.code))


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session is to be made.

    Attributes:
        threads: threads that compute one call.
        arena: keep freed memory for the next call where the runtime can choose.
        further: options of the runtime itself, of those that its traits name alone.
        batch: samples per call that are asked for, for who builds kernels for sizes.
        context: tokens that a decoder has to hold; 0: as many as its artifact says, as far as
            `MOST_CONTEXT` goes.
        device: the stack of the device, where the artifact is to be placed elsewhere than on its
            processor.
        built_before: what was built of the artifact on this device and stack for that, if it was.
        build_into: where what is built now goes, for the next launch; it need not be there.
        building: told the share of a build that is done; what it raises ends the build.
    """

    threads: int = 1
    arena: bool = True
    further: tuple[StackItem, ...] = ()
    batch: int = 1
    context: int = 0
    device: tuple[StackItem, ...] = ()
    built_before: Path | None = None
    build_into: Path | None = None
    building: Callable[[float], None] | None = None


class Session(Protocol):
    """One loaded artifact, ready to run."""

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        ...

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, each once, in the order in which `run` returns them.

        An artifact's output is held against the baseline's of the same name.
        """
        ...

    def options_set(self) -> dict[str, str]:
        """What it was made with: name and value of every option, defaults of the library too.

        It goes into raw files; empty for a runtime that does not tell. It is asked between loading
        and warm-up, before anything is timed.
        """
        ...

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call with these inputs, for timing: numpy in, numpy out, nothing else.

        What it returns is not looked at, and must not be kept by the session.

        Raises:
            BitgaugeError: the runtime refuses the inputs.
        """
        ...

    def run(self, feeds: Feeds) -> Outputs:
        """One call; one array per output of the artifact, in the order of `output_names`.

        What is no tensor, such as a sequence of maps, is returned as the library has it.

        Raises:
            BitgaugeError: the runtime could not execute it.
        """
        ...

    def close(self) -> None:
        """Gives back what the session holds."""
        ...


@runtime_checkable
class Allocating(Protocol):
    """What a session has too whose runtime takes a card's memory by an allocator of its own."""

    def allocator_peak(self) -> Mapping[str, int]:
        """The most that it took of the card so far, in bytes, by the names that it has for them.

        The largest is the figure that is published, such as `reserved` beside `allocated`; empty
        where it does not tell.
        """
        ...


@runtime_checkable
class TimedByDevice(Protocol):
    """What a session has too that may compute on a device with a clock of its own."""

    def on_device(self, feeds: Feeds) -> DeviceCall | None:
        """A call with these inputs, which lie on the device already and whose outputs stay there.

        None where the host computes it.

        Raises:
            BitgaugeError: the runtime refuses the inputs.
        """
        ...


class ProfiledSession(Session, Protocol):
    """A session whose runtime notes how long each operator takes."""

    def profile(
        self, feeds: Sequence[Feeds], *, warm: int, most: int, budget_ns: int
    ) -> OperatorProfile:
        """Calls it in turn with these inputs and tells where the time went; it is closed then.

        Args:
            feeds: inputs of one call each.
            warm: calls that do not count.
            most: most calls that count.
            budget_ns: no further call begins after so long.

        Raises:
            BitgaugeError: it could not be executed, or its profile could not be read.
        """
        ...


class OpenGraph(Protocol):
    """A production session, and a way to look at the tensors of what it executes."""

    @property
    def session(self) -> Session:
        """Made as `RuntimeModule.load` makes it."""
        ...

    def look(self, feeds: Feeds) -> Shown:
        """What shows its inner tensors, tried with the feeds of one call.

        Raises:
            Uninstrumentable: no way of looking leaves the outputs as they were.
        """
        ...

    def in_reference_kernels(self) -> Observes | None:
        """The same artifact in kernels that are written to be right, outputs as they are held.

        None where the runtime has none, or the session computes in them anyway.

        Raises:
            BitgaugeError: the runtime refuses it there.
        """
        ...

    def reference(self, path: Path) -> Observes:
        """The float model at `path`, of a kind that this runtime takes, tensor by tensor.

        Its graph is taken as it was written, so that its tensors have the names of its owner.

        Raises:
            BitgaugeError: the runtime refuses it.
            Uninstrumentable: its tensors cannot be looked at.
        """
        ...


Decoder = _decoder.Decoder
OpensDecoder = Callable[[Path, SessionOptions], Decoder]
OpensGraph = Callable[[Path, SessionOptions, Path], OpenGraph]
ListsOperators = Callable[[Path, SessionOptions], "OperatorProfile"]
OpensProfiled = Callable[[Path, SessionOptions, Path], ProfiledSession]


@dataclass(frozen=True, slots=True)
class Offer:
    """What a runtime can place work with on a device, besides the processor.

    Attributes:
        providers: names that belong to the stack.
        options: those with which it is asked for; `session_options.PROVIDER` is one of them.
        versions: of what it is made of.
        missing: of what this device could have and has not, a sentence each.
        without: families of the runtime that this device does not execute.
    """

    providers: tuple[str, ...] = ()
    options: tuple[RuntimeOption, ...] = ()
    versions: tuple[StackItem, ...] = ()
    missing: tuple[str, ...] = ()
    without: tuple[FormatFamily, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """What a runtime is, as far as it can be said without loading it.

    The functions take the artifact's file and the options as `RuntimeModule.load` does, and a
    folder in which they may write; they raise what it raises.

    Attributes:
        artifact_kinds: kinds of artifact that it takes, such as ``onnx``.
        options: those of its own options that may be measured.
        exact_options: what makes its kernels exact where they would not be; () where it has no
            such mode.
        graph: opens an artifact so that the tensors of what it really executes can be looked at.
        profile: opens an artifact under the runtime's profiler.
        lists: what it executes of an artifact and where, in a runtime without a profiler.
        kernels: what its kernels do on this device: mode by operator, types and option, as
            `benchmarks.kernel_modes` names them. It runs in a child whose current folder is its
            own, after `prepare`, and takes a few seconds at most.
        anchors: the most that it does here: operations and bytes per second, by
            `anchors.peak_name`. It runs after `kernels`, in the same child, for two seconds at
            most. Numbers beyond these are known to be impossible.
        sentinel: a tiny artifact that never changes and computes for a fraction of a millisecond
            or a few. Its latency says whether the device is as fast as it was; what it computes
            matters to nobody. A changed artifact needs a changed runtime version, because its
            history would call every device suspect.
        arena: whether it honours `SessionOptions.arena`.
        alone: whether its library changes the times of another's in one process, as one does
            whose threads never rest. It is compared with another runtime's artifacts in launches
            that take turns, one artifact in each; where no clock runs both share a child.
        decoder: opens a language model to be fed token by token. A runtime of decoders alone
            raises `unsupported_artifact` in `load`.
        dequantizes: whether it unpacks every weight to a float, whatever the file holds. What it
            predicts is measured then, and neither its time nor its memory (DESIGN 11.19).
        placing: what it can place work with on a device of this stack, by name and value. As
            `probe`, it runs in the agent.
        for_tests: whether it is offered only where the environment asks for such runtimes
            (`registry.FAKES`), and on the device of its name.
        hardware: classes of the devices that it computes on, where it needs others than processors.
        builds: whether it builds a program of each artifact, which the agent keeps on the device.
    """

    artifact_kinds: tuple[str, ...]
    options: tuple[RuntimeOption, ...] = ()
    exact_options: tuple[StackItem, ...] = ()
    graph: OpensGraph | None = None
    profile: OpensProfiled | None = None
    lists: ListsOperators | None = None
    kernels: Callable[[], dict[str, str]] | None = None
    anchors: Callable[[], dict[str, float]] | None = None
    sentinel: Callable[[], bytes] | None = None
    arena: bool = False
    alone: bool = False
    decoder: OpensDecoder | None = None
    dequantizes: bool = False
    placing: Callable[[Mapping[str, str]], Offer] | None = None
    for_tests: bool = False
    hardware: tuple[HardwareClass, ...] = ()
    builds: bool = False

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What it declares: each has the name of its trait."""
        return tuple(one for one in Capability if getattr(self, one.value))


class RuntimeModule(Protocol):
    """The shape of a runtime module."""

    NAME: str
    RANK: int
    HINT: str
    TRAITS: Traits

    def probe(self) -> RuntimeDescription:
        """What is installed, without importing it; what the traits say is added to it.

        Raises:
            RuntimeMissing: it is not there; the sentence says what is missing.
        """
        ...

    def prepare(self) -> None:
        """Imports what `load` will need, in the child, before anything is measured."""
        ...

    def load(self, path: Path, options: SessionOptions) -> Session:
        """A session on the artifact at `path`.

        Raises:
            BitgaugeError: `bad_model` when the file is broken, `unsupported_artifact` when the
                runtime has no kernel for it on this device.
        """
        ...

    def empty_artifact(self) -> bytes:
        """The smallest artifact that this runtime can load: the floor of memory."""
        ...
