"""What the providers for cards of NVIDIA share: where they are, their options, their libraries.

A child of a card sees that card alone, and a child of any other device none: so its number is 0.
TF32 is off unless a row asks for it (DESIGN 11.1), by the provider's own option where there is one
and by the variable that all libraries of NVIDIA read.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import EXECUTION
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from ....host import cuda
from ..._tensorrt.cuda import CudaStream
from .base import Binding

CAPABILITY = "gpu.compute_capability"
VISIBLE = "CUDA_VISIBLE_DEVICES"
TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"
GRAPH, TF32, ON = "cudagraph", "tf32", "1"
INPUTS, RESIDENT, CACHE, COLD = "inputs", "resident", "cache", "cold"
OPTIONS = (
    RuntimeOption(EXECUTION, (GRAPH,), "all of a call handed over at once"),
    RuntimeOption(TF32, (ON,), "products of float32 with 10 bits of fraction, the reference never"),
    RuntimeOption(INPUTS, (RESIDENT,), "inputs and outputs stay on the card, no transfer is timed"),
    RuntimeOption(CACHE, (COLD,), "the card's own time with its last cache emptied before a call"),
)
DISTRIBUTION = "onnxruntime-gpu"
MISSING = "ONNX Runtime is installed for the processor alone, which has no provider for this card."
HINT = "pip install 'bitgauge[onnxruntime-gpu]' in an environment without onnxruntime"
_NEEDED = ("libcuda.so.1", "libcudart.so.{cuda}", "libcublas.so.{cuda}", "libcublasLt.so.{cuda}")
_ARENA = "bfcarena::allocaterawinternal"
"""Where onnxruntime says that the memory of the card, which its arena takes, is all taken."""
_LIBRARIES = ("libcu", "libnvinfer", "libnvonnxparser", "libnvrtc")


def concerns(stack: Mapping[str, str]) -> bool:
    """Cards of NVIDIA."""
    return CAPABILITY in stack


def is_here(environment: Mapping[str, str]) -> bool:
    """Whether this process is a card's."""
    return bool(environment.get(VISIBLE))


def binding(options: Mapping[str, str]) -> Binding:
    """How calls reach the card."""
    return Binding(
        device="cuda",
        resident=options.get(INPUTS) == RESIDENT,
        graph=options.get(EXECUTION) == GRAPH,
        cold=options.get(CACHE) == COLD,
    )


@cache
def stream() -> CudaStream:
    """The one queue of the card that all sessions of this process hand their work to.

    It is ours, so that events can be put into it.

    Raises:
        Refused: `driver_missing`, `device_hidden`, there is no driver or no card.
    """
    return CudaStream()


def on_stream() -> dict[str, str]:
    """The option by which both providers take it."""
    return {"user_compute_stream": str(stream().handle)}


def error_of(error: Exception) -> BitgaugeError | None:
    """What of CUDA an error of onnxruntime tells; None where it tells nothing of it."""
    if _ARENA in str(error).lower():
        full = "The artifact needs more memory than the GPU has left."
        return Refused(Code.OUT_OF_DEVICE_MEMORY, full)
    return cuda.as_error(error)


def failed(name: str, error: Exception) -> BitgaugeError:
    """Why a provider cannot be had, by what CUDA says, or what of it cannot be loaded."""
    if (known := error_of(error)) is not None:
        return known
    lacking = [one for one in _needed() if not _loads(one)]
    if lacking:
        return Refused(
            Code.PROVIDER_FAILED,
            f"Provider {name} cannot be had: {' and '.join(lacking)} cannot be loaded.",
        )
    return Refused(Code.PROVIDER_FAILED, f"Provider {name} cannot be had: {said(error)}.")


def _needed() -> tuple[str, ...]:
    import onnxruntime

    version = str(getattr(onnxruntime, "cuda_version", "")) or "13"
    return tuple(one.format(cuda=version.partition(".")[0]) for one in _NEEDED)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def make_ready(options: Mapping[str, str]) -> None:
    """Finds CUDA where packages of pip brought it, and tells all libraries about TF32.

    It has to come before the first session of the process: libraries read the variable once.
    """
    import onnxruntime

    os.environ[TF32_VARIABLE] = ON if options.get(TF32) == ON else "0"
    if hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # what fails is said by the session
            onnxruntime.preload_dlls(msvc=False)


def libraries(maps: Path = Path("/proc/self/maps")) -> tuple[str, ...]:
    """The files of NVIDIA's libraries that this process has loaded; they bear their versions."""
    try:
        lines = maps.read_text().splitlines()
    except OSError:
        return ()
    return tuple(sorted(set(_named(line.partition("/")[2] for line in lines))))


def _named(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        name = os.path.basename(path)
        if name.startswith(_LIBRARIES):
            yield name
