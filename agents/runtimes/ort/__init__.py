"""ONNX Runtime on the CPU.

The parent only asks for versions; `onnxruntime` is imported by `load`, in the child.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import itertools
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import ALLOWED, EXACT_MODE
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from ..base import OpenGraph, RuntimeMissing, SessionOptions

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    from ..base import Feeds, Outputs

NAME = "onnxruntime"
RANK = 10
HAS_ARENA = True
HINT = "pip install 'bitgauge[onnxruntime]'"

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-qnn")
_PROVIDERS = ("CPUExecutionProvider",)
_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)
_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_NO_MEMORY = ("failed to allocate memory", "bad_alloc", "bad allocation")
_EXTERNAL = "external data path"
_CONFIG_ENTRIES = ("session.force_spinning_stop", *ALLOWED)
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
    versions = {name: found for name in _DISTRIBUTIONS if (found := _version(name))}
    if not versions or importlib.util.find_spec("onnxruntime") is None:
        raise RuntimeMissing("ONNX Runtime is not installed in the agent's environment.")
    items = versions | {"numpy": _version("numpy") or ""}
    return RuntimeDescription(
        name=NAME,
        version=next(iter(versions.values())),
        providers=_PROVIDERS,
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def prepare() -> None:
    """Imports onnxruntime."""
    import onnxruntime  # noqa: F401 (the import is the point)


def load(path: Path, options: SessionOptions) -> OrtSession:
    """A session on an ONNX file; see `base.RuntimeModule.load`."""
    return _session(str(path), session_options(options))


def open_graph(path: Path, options: SessionOptions, folder: Path) -> OpenGraph:
    """A session with the graph that it saved; see `base.ShowsGraph`.

    Tensors exposed in the saved graph are those of the production kernels: exposed in the
    original one they would forbid the fusions that production makes (measurement.md X10).
    """
    import onnxruntime

    saved = folder / "executed.onnx"
    wanted = session_options(options)
    wanted.optimized_model_filepath = str(saved)
    session = _session(str(path), wanted)
    graph = saved.read_bytes()
    saved.unlink()

    def plain(model: bytes) -> OrtSession:
        as_it_stands = session_options(options)
        as_it_stands.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return _session(model, as_it_stands)

    return OpenGraph(session, graph, plain)


def open_profiled(path: Path, options: SessionOptions, folder: Path) -> ProfiledOrtSession:
    """A session under onnxruntime's profiler; see `base.Profiles`."""
    import onnxruntime

    wanted = session_options(options)
    wanted.enable_profiling = True
    wanted.profile_file_prefix = str(folder / "profile")
    try:
        session = onnxruntime.InferenceSession(str(path), wanted, providers=list(_PROVIDERS))
    except Exception as error:  # as in `load`
        raise explain(error, loading=True) from error
    return ProfiledOrtSession(session)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.RuntimeModule`."""
    from . import kernels as _ort_kernels

    def loader(further: tuple[StackItem, ...]) -> _ort_kernels.Load:
        def load_tiny(model: bytes, saved: Path | None) -> Any:
            import onnxruntime

            options = session_options(SessionOptions(further=further))
            if saved is not None:
                options.optimized_model_filepath = str(saved)
            return onnxruntime.InferenceSession(model, options, providers=list(_PROVIDERS))

        return load_tiny

    found = _ort_kernels.modes(loader(()))
    return found | _ort_kernels.precise_modes(loader((EXACT_MODE,)), found)


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.RuntimeModule`."""
    from ...host import anchoring
    from . import anchors as _ort_anchors

    def load(model: bytes, threads: int, saved: Path | None) -> Any:
        import onnxruntime

        options = session_options(SessionOptions(threads=threads))
        if saved is not None:
            options.optimized_model_filepath = str(saved)
        return onnxruntime.InferenceSession(model, options, providers=list(_PROVIDERS))

    return _ort_anchors.peaks(load) | anchoring.of_the_host()


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


def _session(model: str | bytes, wanted: Any) -> OrtSession:
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(model, wanted, providers=list(_PROVIDERS))
    except Exception as error:  # the binding raises a dozen types that share no base
        raise explain(error, loading=True) from error
    return OrtSession(session)


def empty_artifact() -> bytes:
    """An ONNX model of one Identity node on one float, encoded by hand.

    The bytes follow onnx.proto: ModelProto{ir_version=1, graph=7, opset_import=8},
    GraphProto{node=1, name=2, input=11, output=12}, NodeProto{input=1, output=2, op_type=4},
    ValueInfoProto{name=1, type=2}, TypeProto{tensor_type=1{elem_type=1, shape=2{dim=1}}}.
    """
    shape = _message(1, _varint(1, 1))  # one axis of size 1
    kind = _message(1, _varint(1, 1) + _message(2, shape))  # a tensor of float32
    node = _message(1, b"x") + _message(2, b"y") + _message(4, b"Identity")
    graph = (
        _message(1, node)
        + _message(2, b"floor")
        + _message(11, _message(1, b"x") + _message(2, kind))
        + _message(12, _message(1, b"y") + _message(2, kind))
    )
    opset = _message(1, b"") + _varint(2, 13)
    return _varint(1, 7) + _message(7, graph) + _message(8, opset)


def sentinel_artifact() -> bytes:
    """An ONNX model of four matrix products, encoded by hand; see `_sentinel`."""
    from . import sentinel as _sentinel

    return _sentinel.onnx_model()


class OrtSession:
    """One onnxruntime session; see `base.Session`."""

    def __init__(self, session: Any) -> None:
        self._session = session
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

    def options_set(self) -> dict[str, str]:
        """What the session was really made with, read back from it; see `base.TellsOptions`."""
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
            raise explain(error, loading=False) from error
        return outputs

    def close(self) -> None:
        """Drops the session; its memory goes back as far as the allocator lets it."""
        self._session = None


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


def explain(error: Exception, *, loading: bool) -> BitgaugeError:
    """One sentence of what the runtime said, under the code of who must act.

    Args:
        error: what the binding raised.
        loading: while the session was made; else while it ran.
    """
    kind = type(error).__name__
    said = _PREFIX.sub("", str(error).strip()).splitlines()
    sentence = f"ONNX Runtime says: {said[0].rstrip('.') if said else kind}."
    if _EXTERNAL in str(error).lower():
        return BadInput(Code.EXTERNAL_DATA, sentence)
    if any(word in str(error).lower() for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if kind == "NotImplemented":
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _varint(field: int, value: int) -> bytes:
    return bytes((field << 3, value))


def _message(field: int, content: bytes) -> bytes:
    return bytes((field << 3 | 2, len(content))) + content
