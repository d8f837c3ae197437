"""ONNX Runtime on the CPU.

The parent only asks for versions; `onnxruntime` is imported by `load`, in the child.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.common.said import UNNAMED, said, words_of
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from .._installed import versions
from ..base import RuntimeMissing, SessionOptions, Traits
from . import encode, sentinel

if TYPE_CHECKING:
    from bitgauge.benchmarks.numerics.shown import Observes, Run, Shown
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    from ..base import Feeds, Outputs, Session

NAME = "onnxruntime"
RANK = 10
HINT = "pip install 'bitgauge[onnxruntime]'"

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-qnn")
_PROVIDERS = ("CPUExecutionProvider",)
_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16),
    *(FormatFamily.INT8, FormatFamily.INT4),
)
_NO_MEMORY = ("failed to allocate memory", "bad_alloc", "bad allocation")
_EXTERNAL = "external data path"
PRECISION = "session.x64quantprecision"
"""Rewrites constant s8 weights to u8 where their kernels might saturate, so that products are
exact (onnxruntime_session_options_config_keys.h)."""
EXACT_MODE = StackItem(PRECISION, "1")

_CONFIG_ENTRIES = ("session.force_spinning_stop", PRECISION)
"""Entries that a session may have been given; it tells their values, but not which it has."""
_NO_OPTIONS = {"logid", "optimized_model_filepath", "profile_file_prefix"}
"""Attributes of a session's options that name files, and change nothing else."""
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    installed = versions(_DISTRIBUTIONS)
    if not installed or importlib.util.find_spec("onnxruntime") is None:
        raise RuntimeMissing("ONNX Runtime is not installed in the agent's environment.")
    items = installed | versions(["numpy"])
    return RuntimeDescription(
        name=NAME,
        version=next(iter(installed.values())),
        providers=_PROVIDERS,
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def prepare() -> None:
    """Imports onnxruntime."""
    import onnxruntime  # noqa: F401 (the import is the point)


def load(path: Path, options: SessionOptions) -> OrtSession:
    """A session on an ONNX file; see `base.RuntimeModule.load`."""
    return OrtSession(_inference(path, session_options(options)), path)


def open_graph(path: Path, options: SessionOptions, folder: Path) -> OrtGraph:
    """A session with the graph that it saved; see `base.Traits`.

    Tensors exposed in the saved graph are those of the production kernels: exposed in the
    original one they would forbid the fusions that production makes (measurement.md X10).
    """
    import onnxruntime
    from bitgauge.benchmarks.numerics.external_data import whole_model

    saved = folder / "executed.onnx"
    wanted = session_options(options)
    wanted.optimized_model_filepath = str(saved)
    session = OrtSession(_inference(path, wanted), path)
    try:
        graph = whole_model(saved, path.parent)  # it still names the files of the original
    except ValueError as error:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"The executed graph is no single file: {error}."
        ) from error
    finally:
        saved.unlink(missing_ok=True)

    def plain(model: bytes) -> OrtSession:
        as_it_stands = session_options(options)
        as_it_stands.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return OrtSession(_inference(model, as_it_stands))

    return OrtGraph(session, graph, plain)


def open_profiled(path: Path, options: SessionOptions, folder: Path) -> ProfiledOrtSession:
    """A session under onnxruntime's profiler; see `base.Traits`."""
    wanted = session_options(options)
    wanted.enable_profiling = True
    wanted.profile_file_prefix = str(folder / "profile")
    return ProfiledOrtSession(_inference(path, wanted), path)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`."""
    from . import kernels as _ort_kernels

    found = _ort_kernels.modes(functools.partial(_tiny, SessionOptions()))
    exact = functools.partial(_tiny, SessionOptions(further=(EXACT_MODE,)))
    return found | _ort_kernels.precise_modes(exact, found, PRECISION)


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.Traits`."""
    from ...host import anchoring
    from . import anchors as _ort_anchors

    def load(model: bytes, threads: int, saved: Path | None) -> Any:
        return _tiny(SessionOptions(threads=threads), model, saved)

    return _ort_anchors.peaks(load) | anchoring.of_the_host()


def _tiny(options: SessionOptions, model: bytes, saved: Path | None) -> Any:
    """A session for a probe, which looks at what the binding raises; it may save its graph."""
    import onnxruntime

    wanted = session_options(options)
    if saved is not None:
        wanted.optimized_model_filepath = str(saved)
    return onnxruntime.InferenceSession(model, wanted, providers=list(_PROVIDERS))


def session_options(options: SessionOptions) -> Any:
    """Options of onnxruntime: those of production, whatever the session is made for."""
    import onnxruntime

    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = options.threads
    wanted.inter_op_num_threads = 1
    wanted.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    wanted.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    wanted.log_severity_level = 3
    wanted.enable_cpu_mem_arena = options.arena
    # Threads may spin inside a call, as in production, but not into the next block, which may
    # be the other artifact's (measurement.md A-8).
    wanted.add_session_config_entry("session.force_spinning_stop", "1")
    for option in options.further:
        wanted.add_session_config_entry(option.name, option.value)
    return wanted


def _inference(model: Path | bytes, wanted: Any) -> Any:
    import onnxruntime

    given = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(given, wanted, providers=list(_PROVIDERS))
    except Exception as error:  # the binding raises a dozen types that share no base
        path = None if isinstance(model, bytes) else model
        raise explain(error, loading=True, path=path) from error


def empty_artifact() -> bytes:
    """An ONNX model of one Identity node on one float."""
    return encode.model(b"floor", [encode.node(b"Identity", (b"x",), b"y")], (1,))


def sentinel_artifact() -> bytes:
    """An ONNX model of four matrix products; see `sentinel`."""
    return sentinel.onnx_model()


class OrtSession:
    """One onnxruntime session; see `base.Session`.

    Args:
        session: the binding's.
        path: of its model, which names in failures what the runtime does not.
    """

    def __init__(self, session: Any, path: Path | None = None) -> None:
        self._session = session
        self._path = path
        self._outputs = [output.name for output in session.get_outputs()]

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(
                name=one.name,
                dtype=_TYPES.get(one.type, one.type),
                shape=tuple(size if isinstance(size, int) else None for size in one.shape),
            )
            for one in self._session.get_inputs()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artifact's outputs, in its order."""
        return tuple(self._outputs)

    def options_set(self) -> dict[str, str]:
        """What the session was really made with, read back from it; see `base.Session`."""
        found: dict[str, str] = {}
        for provider, given in self._session.get_provider_options().items():
            found["provider"] = " ".join(filter(None, (found.get("provider"), provider)))
            found |= {f"{provider}.{name}": str(value) for name, value in given.items()}
        options = self._session.get_session_options()
        for name in sorted(set(dir(type(options))) - _NO_OPTIONS):
            if name.startswith("_"):
                continue
            value = getattr(options, name)
            if isinstance(value, bool | int | str) and value != "":
                found[name] = str(value)
            elif hasattr(value, "name"):  # an enumeration of the binding
                found[name] = str(value.name)
        for name in _CONFIG_ENTRIES:
            with contextlib.suppress(RuntimeError):  # it was not given that one
                found[name] = str(options.get_session_config_entry(name))
        return found

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """The bound method itself, so that the clock sees nothing of ours."""
        return functools.partial(self._session.run, self._outputs, feeds)

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        try:
            outputs: Outputs = self._session.run(self._outputs, feeds)
        except Exception as error:  # as in `load`
            raise explain(error, loading=False, path=self._path) from error
        return outputs

    def close(self) -> None:
        """Drops the session; its memory goes back as far as the allocator lets it."""
        self._session = None


@dataclass(frozen=True, slots=True)
class OrtGraph:
    """A production session and the graph that it executes; see `base.OpenGraph`.

    Attributes:
        session: of production.
        graph: an ONNX model of what it executes after all optimisation, encoded.
        plain: a session, of the same kernels and options, that executes a graph as it stands.
    """

    session: Session
    graph: bytes
    plain: Callable[[bytes], Session]

    def look(self, feeds: Feeds) -> Shown:
        """The executed graph with further outputs."""
        from bitgauge.benchmarks.numerics.instrument import Instrumented

        return Instrumented(self.graph, self.session.run, self._runner, feeds)

    def in_reference_kernels(self) -> None:
        """It has one kernel for each operator."""

    def reference(self, path: Path) -> Observes:
        """The float model's graph as it was written."""
        from bitgauge.benchmarks.numerics.external_data import whole_model
        from bitgauge.benchmarks.numerics.instrument import FloatModel
        from bitgauge.benchmarks.numerics.shown import Uninstrumentable

        try:
            return FloatModel(whole_model(path), self._runner)
        except ValueError as error:
            raise Uninstrumentable(f"The baseline is no single file: {error}.") from error

    def _runner(self, model: bytes) -> Run:
        return self.plain(model).run


class ProfiledOrtSession(OrtSession):
    """A session that notes how long each operator takes; see `base.ProfiledSession`."""

    def profile(
        self, feeds: Sequence[Feeds], *, warm: int, most: int, budget_ns: int
    ) -> OperatorProfile:
        """Where the time of these calls went."""
        from bitgauge.benchmarks.raw.operators import OperatorProfile

        from . import profile as _ort_profile

        following = itertools.cycle(feeds).__next__
        for _ in range(warm):
            self.run(following())
        latencies: list[int] = []
        started = time.perf_counter_ns()
        while len(latencies) < most and time.perf_counter_ns() - started < budget_ns:
            before = time.perf_counter_ns()
            self.run(following())
            latencies.append(time.perf_counter_ns() - before)
        written = Path(self._session.end_profiling())
        try:
            operators = _ort_profile.read(written, len(latencies), warm)
        except (_ort_profile.Unreadable, OSError) as error:
            raise Refused(Code.RUN_FAILED, f"Its profile cannot be read: {error}.") from error
        finally:
            written.unlink(missing_ok=True)
            self.close()
        return OperatorProfile(
            operators,
            calls=len(latencies),
            call_ns=float(statistics.median(latencies)),
            resolution_ns=_ort_profile.RESOLUTION_NS,
        )


def explain(error: Exception, *, loading: bool, path: Path | None = None) -> BitgaugeError:
    """One sentence of what the runtime said, under the code of who must act.

    Args:
        error: what the binding raised.
        loading: while the session was made; else while it ran.
        path: of the model, to name a node that the runtime does not.
    """
    kind = type(error).__name__
    why = said(error)
    if path is not None and UNNAMED in why:
        why = said(error, decoded(path))
    sentence = f"ONNX Runtime says: {why}."
    text = words_of(error).lower()
    if _EXTERNAL in text:
        return BadInput(Code.EXTERNAL_DATA, sentence)
    if any(word in text for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if kind == "NotImplemented":
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)


TRAITS = Traits(
    artifact_kinds=("onnx",),
    options=(RuntimeOption(PRECISION, ("1",), "exact, about 1.2 times slower"),),
    exact_options=(EXACT_MODE,),
    graph=open_graph,
    profile=open_profiled,
    kernels=probe_kernels,
    anchors=measure_anchors,
    sentinel=sentinel_artifact,
    arena=True,
)
