"""TensorRT 10 and 11: engines built on the card that runs them, of ONNX files as they are.

The parent only asks for versions; `tensorrt` is imported by `load`, in the child.
"""

from __future__ import annotations

from typing import Any

from ._tensorrt.flavours import TENSORRT
from ._tensorrt.runtime import EngineRuntime, empty_artifact

__all__ = ["HINT", "NAME", "RANK", "TRAITS", "empty_artifact", "load", "prepare", "probe"]

NAME = "tensorrt"
RANK = 4
HINT = "pip install 'bitgauge[tensorrt]' on a machine with an NVIDIA GPU"


def library() -> Any:
    """The module."""
    import tensorrt

    return tensorrt


_RUNTIME = EngineRuntime(TENSORRT, library)
probe, prepare, load = _RUNTIME.probe, _RUNTIME.prepare, _RUNTIME.load
TRAITS = _RUNTIME.traits()
