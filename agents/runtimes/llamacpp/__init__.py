"""llama.cpp on the CPU: language models in GGUF, fed token by token.

The parent only asks for versions; the library is loaded in the child, through its C interface.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from .._tokens import token_by_token
from ..base import Session, SessionOptions, Traits
from . import tiny
from .library import found, loaded_library
from .options import OPTIONS

if TYPE_CHECKING:
    from .decoder import LlamaDecoder

NAME = "llamacpp"
RANK = 4
HINT = "pip install 'bitgauge[llamacpp]'"

_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16, FormatFamily.INT8),
    *(FormatFamily.INT6, FormatFamily.INT5, FormatFamily.INT4, FormatFamily.INT3),
    *(FormatFamily.INT2, FormatFamily.MIXED),
)


def probe() -> RuntimeDescription:
    """Version of the installed library; see `base.RuntimeModule.probe`."""
    _, items = found()
    named = items | {"numpy": importlib.metadata.version("numpy")}
    return RuntimeDescription(
        name=NAME,
        version=" ".join(items.values()),
        providers=("CPU",),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(named.items())),
    )


def prepare() -> None:
    """Loads the library and makes sure of it, and imports what reads a file before it."""
    from . import decoder  # noqa: F401 (the import is the point)

    loaded_library()


def load(path: Path, options: SessionOptions) -> Session:
    """Refuses: a language model is fed token by token; see `open_decoder`.

    Raises:
        Refused: `unsupported_artifact`.
    """
    raise token_by_token("llama.cpp")


def open_decoder(path: Path, options: SessionOptions) -> LlamaDecoder:
    """A decoder on a ``.gguf`` file; see `base.Traits`."""
    from . import decoder

    return decoder.open_decoder(path, options)


def probe_kernels() -> dict[str, str]:
    """What the integer dot products do here; see `kernels`."""
    from . import kernels

    return kernels.modes()


def empty_artifact() -> bytes:
    """One layer of 64 numbers."""
    return tiny.empty()


def sentinel_artifact() -> bytes:
    """Two layers of 256 numbers; see `tiny`."""
    return tiny.sentinel()


TRAITS = Traits(
    artifact_kinds=("gguf",),
    options=OPTIONS,
    kernels=probe_kernels,
    sentinel=sentinel_artifact,
    decoder=open_decoder,
)
