"""The shape of a runtime (`base.RuntimeModule`), for either library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.enums import FormatFamily, HardwareClass
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from .._installed import versions
from ..base import RuntimeMissing, SessionOptions, Traits
from .flavours import EngineLibrary, Flavour, require_major, served

if TYPE_CHECKING:
    from .opened import EngineGraph
    from .session import EngineSession

FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16),
    *(FormatFamily.FP8, FormatFamily.INT8, FormatFamily.INT4),
)
_NODES = ("nvidiactl", "nvhost-gpu", "nvgpu")
"""What NVIDIA's drivers make below /dev, on cards and on Jetson."""


@dataclass(frozen=True, slots=True)
class EngineRuntime:
    """One of the libraries as a runtime.

    Attributes:
        flavour: which.
        library: imports its module; in a child alone.
        devices: where device nodes are.
    """

    flavour: Flavour
    library: Callable[[], Any]
    devices: Path = Path("/dev")

    def probe(self) -> RuntimeDescription:
        """Versions of what is installed, where a card is to be seen."""
        found = versions((*self.flavour.distributions, *self._libraries(), "numpy"))
        version = served(self.flavour, found)
        if not any((self.devices / name).exists() for name in _NODES):
            raise RuntimeMissing(
                f"{self.flavour.words} {version} is installed and needs an NVIDIA GPU; its driver"
                " shows none on this machine."
            )
        return RuntimeDescription(
            name=self.flavour.runtime,
            version=version,
            families=FAMILIES,
            versions=tuple(StackItem(name, value) for name, value in sorted(found.items())),
        )

    def _libraries(self) -> tuple[str, ...]:
        return tuple(one.replace("-bindings", "-libs") for one in self.flavour.distributions[:2])

    def prepare(self) -> None:
        """Imports the library."""
        self.library()

    def load(self, path: Path, options: SessionOptions) -> EngineSession:
        """A session on an ONNX file; its engine is built unless it was before."""
        from . import opening

        return opening.opened(self._imported(), path, options)

    def open_graph(self, path: Path, options: SessionOptions, folder: Path) -> EngineGraph:
        """A session, and what its engine executes; see `base.Traits`."""
        from . import opening
        from .opened import EngineGraph

        library = self._imported()

        def opens(debug: bool) -> EngineSession:
            return opening.opened(library, path, options, debug=debug)

        return EngineGraph(opens(False), opens, opening.inspected)

    def _imported(self) -> EngineLibrary:
        trt = self.library()
        require_major(self.flavour, str(trt.__version__))
        if not self.flavour.names_capabilities:
            # Some operators of ONNX are plug-ins of its own, which parser and runtime look up.
            trt.init_libnvinfer_plugins(None, "")
        return EngineLibrary(trt, self.flavour)

    def traits(self) -> Traits:
        """What it is to the agent."""
        from ..ort import sentinel

        return Traits(
            artifact_kinds=("onnx",),
            options=(
                RuntimeOption("cuda_graph", ("on",), "each call launched as one graph of CUDA"),
            ),
            graph=self.open_graph,
            sentinel=sentinel.onnx_model,
            hardware=(HardwareClass.GPU_NVIDIA,),
            builds=True,
        )


def empty_artifact() -> bytes:
    """An ONNX model that takes the absolute value of one float."""
    from ..ort import encode

    return encode.model(b"floor", [encode.node(b"Abs", (b"x",), b"y")], (1,))
