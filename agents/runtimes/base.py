"""What a runtime is to the agent.

A runtime module holds `NAME`, `RANK`, `HINT`, `probe()`, `prepare()`, `load()` and
`empty_artifact()`; one that lacks `sentinel_artifact()` is measured without a sentinel, and one
with `HAS_ARENA = True` honours `SessionOptions.arena`; one with `probe_kernels()` is asked, in a
child of its own, what its integer kernels really do, and one with `measure_anchors()` how fast it
ever is, so that numbers beyond that are known to be impossible. The registry finds it by its file
name. `probe` runs in the agent, which stays small for ever: it asks for versions and imports
nothing heavy. `prepare` and `load` run in the child and may import what they need. See `ort.py`
for a real one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    Feeds = dict[str, npt.NDArray[Any]]
    Outputs = list[npt.NDArray[Any]]


class RuntimeMissing(Refused):
    """The library behind a runtime is not installed, or cannot be used on this device."""

    def __init__(self, sentence: str) -> None:
        super().__init__(Code.RUNTIME_MISSING, sentence)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.sentence,))


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session is to be made.

    Attributes:
        threads: threads that compute one call.
        arena: keep freed memory for the next call where the runtime can choose.
        further: options of the runtime itself, those of `benchmarks.session_options` alone.
    """

    threads: int = 1
    arena: bool = True
    further: tuple[StackItem, ...] = ()


class Session(Protocol):
    """One loaded artifact, ready to run."""

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        ...

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call with these inputs, for timing: numpy in, numpy out, nothing else.

        What it returns is not looked at, and must not be kept by the session.

        Raises:
            BitgaugeError: the runtime refuses the inputs.
        """
        ...

    def run(self, feeds: Feeds) -> Outputs:
        """One call; one array per output of the artifact.

        Raises:
            BitgaugeError: the runtime could not execute it.
        """
        ...

    def close(self) -> None:
        """Gives back what the session holds."""
        ...


class TellsOptions(Protocol):
    """What a session holds besides, if it tells what it was made with; this goes into raw files."""

    def options_set(self) -> dict[str, str]:
        """Name and value of every option that this session has, defaults of the library too.

        It is asked between loading and warm-up, before anything is timed.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenGraph:
    """A production session and the graph that it executes.

    Attributes:
        session: made as `RuntimeModule.load` makes it.
        graph: an ONNX model of what it executes after all optimisation, encoded.
        plain: a session, of the same kernels and options, that executes a graph as it stands.
    """

    session: Session
    graph: bytes
    plain: Callable[[bytes], Session]


class ShowsGraph(Protocol):
    """What a runtime module holds besides, if its inner tensors can be looked at."""

    def open_graph(self, path: Path, options: SessionOptions, folder: Path) -> OpenGraph:
        """The artifact at `path` with what it really executes.

        Args:
            path: file of the artifact.
            options: as for `load`.
            folder: where files may be written.

        Raises:
            BitgaugeError: as `load`.
        """
        ...


class RuntimeModule(Protocol):
    """The shape of a runtime module; one that holds `open_graph` is a `ShowsGraph` too."""

    NAME: str
    RANK: int
    HINT: str

    def probe(self) -> RuntimeDescription:
        """What is installed, without importing it.

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

    def probe_kernels(self) -> dict[str, str]:
        """What the kernels do on this device: mode by operator, types and option.

        Names and modes are those of `benchmarks.kernel_modes`. It runs in a child whose current
        folder is its own, after `prepare`, and takes a few seconds at most.
        """
        ...

    def measure_anchors(self) -> dict[str, float]:
        """The most that it does here: operations and bytes per second, by `anchors.peak_name`.

        It runs after `probe_kernels`, in the same child, and takes two seconds at most.
        """
        ...

    def sentinel_artifact(self) -> bytes:
        """A tiny artifact that never changes and computes for a fraction of a millisecond or a few.

        Its latency says whether the device is as fast as it was; what it computes matters to
        nobody. A changed artifact needs a changed runtime version, because its history would
        call every device suspect.
        """
        ...


class ProfiledSession(Protocol):
    """A session whose runtime notes how long each operator takes."""

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        ...

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


class Profiles(RuntimeModule, Protocol):
    """A runtime with a profiler."""

    def open_profiled(self, path: Path, options: SessionOptions, folder: Path) -> ProfiledSession:
        """A profiled session on the artifact at `path`.

        Args:
            path: the artifact.
            options: as of production.
            folder: where the profiler may write.

        Raises:
            BitgaugeError: as `load`.
        """
        ...
