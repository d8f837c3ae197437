"""TensorRT for RTX: engines of ONNX files, compiled for the compute capability of the card.

The parent only asks for versions; the bindings are imported by `load`, in the child.
"""

from __future__ import annotations

from typing import Any

from ._tensorrt.flavours import RTX
from ._tensorrt.runtime import EngineRuntime, empty_artifact

__all__ = ["HINT", "NAME", "RANK", "TRAITS", "empty_artifact", "load", "prepare", "probe"]

NAME = "tensorrt_rtx"
RANK = 3
HINT = "pip install 'bitgauge[tensorrt-rtx]' on a machine with an NVIDIA GPU"


def library() -> Any:
    """The module: the bindings' own, because the package around them is no wheel."""
    import tensorrt_rtx_bindings

    return tensorrt_rtx_bindings


_RUNTIME = EngineRuntime(RTX, library)
probe, prepare, load = _RUNTIME.probe, _RUNTIME.prepare, _RUNTIME.load
TRAITS = _RUNTIME.traits()
