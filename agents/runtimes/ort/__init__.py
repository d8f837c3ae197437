"""ONNX Runtime on the CPU, or on an accelerator that one of its providers executes.

The parent only asks for versions; `onnxruntime` is imported by `load`, in the child.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from .._installed import versions
from ..base import OpenGraph, RuntimeMissing, SessionOptions, Traits
from . import encode, providers, sentinel
from .opening import PROVIDERS, inference, tiny
from .opening import explain as explain
from .opening import session_options as session_options
from .providers.session import PlacedGraph, session_on
from .session import PRECISION as PRECISION
from .session import OrtGraph as OrtGraph
from .session import OrtSession, ProfiledOrtSession

NAME = "onnxruntime"
RANK = 10
HINT = "pip install 'bitgauge[onnxruntime]'"

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16, FormatFamily.FP8),
    *(FormatFamily.INT8, FormatFamily.INT4),
)
EXACT_MODE = StackItem(PRECISION, "1")


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    installed = versions(_DISTRIBUTIONS)
    if not installed or importlib.util.find_spec("onnxruntime") is None:
        raise RuntimeMissing("ONNX Runtime is not installed in the agent's environment.")
    items = installed | versions(["numpy"])
    return RuntimeDescription(
        name=NAME,
        version=next(iter(installed.values())),
        providers=PROVIDERS,
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def prepare() -> None:
    """Imports onnxruntime."""
    import onnxruntime  # noqa: F401 (the import is the point)


def load(path: Path, options: SessionOptions) -> OrtSession:
    """A session on an ONNX file; see `base.RuntimeModule.load`."""
    if (provider := providers.chosen(options)) is not None:
        return session_on(path, options, provider)
    return OrtSession(inference(path, session_options(options)), path)


def open_graph(path: Path, options: SessionOptions, folder: Path) -> OpenGraph:
    """A session with the graph that it saved; see `base.Traits`.

    Tensors exposed in the saved graph are those of the production kernels: exposed in the
    original one they would forbid the fusions that production makes (measurement.md X10).
    """
    if (provider := providers.chosen(options)) is not None:
        return PlacedGraph(session_on(path, options, provider), provider, options)
    return open_saved(path, options, folder)


def open_saved(path: Path, options: SessionOptions, folder: Path) -> OrtGraph:
    """The same on the processor alone."""
    import onnxruntime
    from bitgauge.benchmarks.numerics.external_data import whole_model

    saved = folder / "executed.onnx"
    wanted = session_options(options)
    wanted.optimized_model_filepath = str(saved)
    session = OrtSession(inference(path, wanted), path)
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
        return OrtSession(inference(model, as_it_stands))

    return OrtGraph(session, graph, plain)


def open_profiled(path: Path, options: SessionOptions, folder: Path) -> ProfiledOrtSession:
    """A session under onnxruntime's profiler; see `base.Traits`.

    Raises:
        Refused: a provider executes it, which is one node to that profiler.
    """
    if (provider := providers.chosen(options)) is not None:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"To ONNX Runtime's profiler all that {provider.NAME} executes is one operator.",
        )
    wanted = session_options(options)
    wanted.enable_profiling = True
    wanted.profile_file_prefix = str(folder / "profile")
    return ProfiledOrtSession(inference(path, wanted), path)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`. Of a card's nothing is known."""
    if providers.chosen(SessionOptions()) is not None:
        return {}
    from . import kernels as _ort_kernels

    found = _ort_kernels.modes(functools.partial(tiny, SessionOptions()))
    exact = functools.partial(tiny, SessionOptions(further=(EXACT_MODE,)))
    return found | _ort_kernels.precise_modes(exact, found, PRECISION)


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.Traits`. Of a card's nothing is known."""
    if providers.chosen(SessionOptions()) is not None:
        return {}
    from ...host import anchoring
    from . import anchors as _ort_anchors

    def load(model: bytes, threads: int, saved: Path | None) -> Any:
        return tiny(SessionOptions(threads=threads), model, saved)

    return _ort_anchors.peaks(load) | anchoring.of_the_host()


def empty_artifact() -> bytes:
    """An ONNX model of one Identity node on one float."""
    return encode.model(b"floor", [encode.node(b"Identity", (b"x",), b"y")], (1,))


def sentinel_artifact() -> bytes:
    """An ONNX model of four matrix products; see `sentinel`."""
    return sentinel.onnx_model()


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
    placing=providers.offer,
)
