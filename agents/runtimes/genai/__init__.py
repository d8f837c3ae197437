"""onnxruntime-genai on the CPU: language models in ONNX, fed token by token.

The parent only asks for versions; the library is imported in the child. An artifact is a folder:
`genai_config.json`, the ONNX file that it names with its weights, and the tokenizer.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from .._installed import versions
from .._tokens import token_by_token
from ..base import RuntimeMissing, Session, SessionOptions, Traits
from . import tiny
from .options import OPTIONS

if TYPE_CHECKING:
    from .decoder import GenaiDecoder

NAME = "genai"
RANK = 2
HINT = "pip install 'bitgauge[genai]'"

_LIBRARY, _UNDER_IT = "onnxruntime-genai", "onnxruntime"
_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    names = (_LIBRARY, _UNDER_IT, "numpy")
    installed = versions(names)
    if _LIBRARY not in installed or importlib.util.find_spec("onnxruntime_genai") is None:
        raise RuntimeMissing("ONNX Runtime GenAI is not installed in the agent's environment.")
    if _UNDER_IT not in installed:
        raise RuntimeMissing("ONNX Runtime GenAI is there without onnxruntime, which it runs on.")
    return RuntimeDescription(
        name=NAME,
        version=installed[_LIBRARY],
        providers=("cpu",),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(installed.items())),
    )


def prepare() -> None:
    """Imports the library, and silences what it would tell its makers."""
    from . import decoder

    decoder.library()


def load(path: Path, options: SessionOptions) -> Session:
    """Refuses: a language model is fed token by token; see `open_decoder`.

    Raises:
        Refused: `unsupported_artifact`.
    """
    raise token_by_token("ONNX Runtime GenAI")


def open_decoder(path: Path, options: SessionOptions) -> GenaiDecoder:
    """A decoder on a folder, by the path of its `genai_config.json`; see `base.Traits`."""
    from . import decoder

    return decoder.open_decoder(path, options)


def empty_artifact() -> bytes:
    """One layer of 32 numbers; see `tiny`."""
    return tiny.FLOOR


def sentinel_artifact() -> bytes:
    """Two layers of 256 numbers; see `tiny`."""
    return tiny.SENTINEL


TRAITS = Traits(
    artifact_kinds=("genai",),
    options=OPTIONS,
    sentinel=sentinel_artifact,
    decoder=open_decoder,
)
