"""OpenVINO on the CPU, on ONNX files as they are.

The parent only asks for versions; `openvino` is imported by `load`, in the child.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from ...host import isa
from ...host.files import text
from ..base import RuntimeMissing, SessionOptions, Traits
from ..ort import encode, sentinel
from . import opening
from .session import OpenVinoSession, ProfiledOpenVinoSession

if TYPE_CHECKING:
    from .network import OpenVinoGraph

NAME = "openvino"
RANK = 2
HINT = "pip install 'bitgauge[openvino]'"

_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)
_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Flags of processors that have it, x86 and ARM."""


def probe() -> RuntimeDescription:
    """Version of the installed package; see `base.RuntimeModule.probe`."""
    if importlib.util.find_spec("openvino") is None:
        raise RuntimeMissing("OpenVINO is not installed in the agent's environment.")
    try:
        installed = importlib.metadata.version("openvino")
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeMissing(
            "A module openvino is there whose package is not installed, so its version is unknown."
        ) from error
    items = {"openvino": installed, "numpy": importlib.metadata.version("numpy")}
    return RuntimeDescription(
        name=NAME,
        version=installed,
        providers=(opening.DEVICE,),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(items.items())),
    )


def prepare() -> None:
    """Imports the library and loads what reads a model and what compiles it."""
    opening.compiled(empty_artifact(), SessionOptions())


def load(path: Path, options: SessionOptions) -> OpenVinoSession:
    """A session on an ONNX file; see `base.RuntimeModule.load`."""
    return OpenVinoSession(opening.compiled(path, options), options)


def open_profiled(path: Path, options: SessionOptions, folder: Path) -> ProfiledOpenVinoSession:
    """A session that notes the time of each node; see `base.Traits`."""
    return ProfiledOpenVinoSession(
        functools.partial(opening.compiled, path, options, profiled=True), options
    )


def open_graph(path: Path, options: SessionOptions, folder: Path) -> OpenVinoGraph:
    """A session, and what the library tells of the network that it executes; see `base.Traits`."""
    from .network import OpenVinoGraph

    return OpenVinoGraph(load(path, options), options)


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`."""
    from . import kernels

    return kernels.modes(functools.partial(opening.compiled, options=SessionOptions()))


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.Traits`."""
    from ...host import anchoring
    from . import anchors

    def load(model: bytes, threads: int) -> OpenVinoSession:
        options = SessionOptions(threads=threads)
        return OpenVinoSession(opening.compiled(model, options), options)

    return anchors.peaks(load) | anchoring.of_the_host()


def empty_artifact() -> bytes:
    """An ONNX model that takes the absolute value of one float."""
    return encode.model(b"floor", [encode.node(b"Abs", (b"x",), b"y")], (1,))


def sentinel_artifact() -> bytes:
    """An ONNX model of four matrix products; see `ort.sentinel`."""
    return sentinel.onnx_model()


def _flags() -> tuple[str, ...]:
    if platform.machine() == "x86_64":
        return isa.x86_flags(isa.cpuinfo_fields(text(Path("/proc/cpuinfo"))))
    return isa.arm_flags(isa.auxiliary(isa.AT_HWCAP), isa.auxiliary(isa.AT_HWCAP2))


def _options() -> tuple[RuntimeOption, ...]:
    """Those that this processor can be measured with."""
    words = "float operators computed in bfloat16, as the library does unasked"
    in_half = RuntimeOption(opening.PRECISION, (opening.BFLOAT16,), words)
    return (
        *((in_half,) if _BFLOAT16 & set(_flags()) else ()),
        RuntimeOption(
            opening.DYNAMIC_QUANTIZATION,
            opening.GROUPS,
            "activations quantized too where weights alone are integers, as it does unasked",
        ),
        RuntimeOption(
            opening.SHAPES, (opening.STATIC,), "kernels made for the workload's batch alone"
        ),
    )


TRAITS = Traits(
    artifact_kinds=("onnx",),
    options=_options(),
    graph=open_graph,
    profile=open_profiled,
    kernels=probe_kernels,
    anchors=measure_anchors,
    sentinel=sentinel_artifact,
)
