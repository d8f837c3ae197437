"""LiteRT (once TensorFlow Lite) on the CPU: XNNPACK, its built-in or its reference kernels.

The parent only asks for versions; the interpreter is imported by `load`, in the child.
"""

from __future__ import annotations

import functools
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.session_options import mark_of
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from ..base import RuntimeMissing, SessionOptions, Traits
from . import delegates, opening, tiny
from .session import LiteRtSession, session_on

if TYPE_CHECKING:
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    from .watched import LiteRtGraph

NAME = "litert"
RANK = 5
HINT = "pip install 'bitgauge[litert]'"

_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)


def probe() -> RuntimeDescription:
    """Version of the installed package; see `base.RuntimeModule.probe`."""
    package = opening.package()
    if package is None:
        raise RuntimeMissing("LiteRT is not installed in the agent's environment.")
    installed = importlib.metadata.version(package)
    items = {package: installed, "numpy": importlib.metadata.version("numpy")}
    return RuntimeDescription(
        name=NAME,
        version=installed,
        providers=(opening.XNNPACK,),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def prepare() -> None:
    """Imports the interpreter, and what looks at a file before it is given one."""
    opening.library()
    if opening.has_schema():
        from bitgauge.benchmarks.common.tflite.tables import schema

        schema()


def load(path: Path, options: SessionOptions) -> LiteRtSession:
    """A session on a ``.tflite`` file; see `base.RuntimeModule.load`."""
    opening.looked_at(path)
    return session_on(path, options)


def open_graph(path: Path, options: SessionOptions, folder: Path) -> LiteRtGraph:
    """A session whose tensors can be looked at; see `base.Traits`.

    Raises:
        RuntimeMissing: only the package of the older name is there, which has no schema.
    """
    if not opening.has_schema():
        raise RuntimeMissing("The operators of a file are read with ai-edge-litert alone.")
    from .watched import LiteRtGraph

    return LiteRtGraph(load(path, options), path, options)


def list_operators(path: Path, options: SessionOptions) -> OperatorProfile:
    """What is executed of a file, and where; see `base.Traits`.

    Raises:
        RuntimeMissing: only the package of the older name is there, which has no schema.
    """
    if not opening.has_schema():
        raise RuntimeMissing("The operators of a file are read with ai-edge-litert alone.")
    from .listing import listed

    return listed(path, options)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`.

    Raises:
        RuntimeMissing: only the package of the older name is there, which has no schema.
    """
    try:
        from . import kernels
    except ImportError as error:
        raise RuntimeMissing("Kernels are probed with ai-edge-litert alone.") from error
    found: dict[str, str] = {}
    for chosen in (opening.XNNPACK, opening.BUILTIN, opening.REFERENCE):
        mark = "" if chosen == opening.XNNPACK else mark_of(opening.KERNELS, chosen)
        modes = kernels.modes(functools.partial(opening.of_bytes, chosen=chosen))
        found |= {f"{name}{mark}": mode for name, mode in modes.items()}
    return found


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.Traits`.

    Raises:
        RuntimeMissing: only the package of the older name is there, which has no schema.
    """
    if not opening.has_schema():
        raise RuntimeMissing("Anchors are measured with ai-edge-litert alone.")
    from ...host import anchoring
    from . import anchors

    def load(model: bytes, threads: int) -> Any:
        return opening.of_bytes(model, chosen=opening.XNNPACK, threads=threads)

    return anchors.peaks(load) | anchoring.of_the_host()


def empty_artifact() -> bytes:
    """A model that takes the absolute value of one float."""
    return tiny.EMPTY


def sentinel_artifact() -> bytes:
    """A model of four matrix products; see `tiny`."""
    return tiny.SENTINEL


def _delegates() -> tuple[RuntimeOption, ...]:
    """The option of a delegate, where any is installed."""
    names = delegates.installed()
    words = "native code of its vendor, from a list; what it does not take stays with XNNPACK"
    return (RuntimeOption(delegates.DELEGATE, names, words),) if names else ()


TRAITS = Traits(
    artifact_kinds=("tflite",),
    options=(
        *_delegates(),
        RuntimeOption(
            opening.KERNELS,
            (opening.BUILTIN, opening.REFERENCE),
            "without XNNPACK, several to a hundred times slower",
        ),
    ),
    graph=open_graph,
    lists=list_operators,
    kernels=probe_kernels,
    anchors=measure_anchors,
    sentinel=sentinel_artifact,
)
