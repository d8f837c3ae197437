"""transformers on the CPU: Hugging Face folders, for what they predict and not for how fast.

It loads what other libraries quantized and unpacks every weight to a float (`compute:
dequantized`), so that nothing of a format's speed or memory can be seen here. The parent only asks
for versions; the library is imported in the child.
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

if TYPE_CHECKING:
    from .decoder import TransformersDecoder

NAME = "transformers"
RANK = 0
HINT = "pip install 'bitgauge[transformers]'"

FLOOR = b"bitgauge: the floor of transformers, 1\n"
"""Stands for a model of 32 numbers, which is made where it is loaded."""
_DISTRIBUTIONS = ("transformers", "torch", "compressed-tensors", "numpy")
_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16),
    *(FormatFamily.FP8, FormatFamily.INT8, FormatFamily.INT4),
)


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    installed = versions(_DISTRIBUTIONS)
    for name, module in (("transformers", "transformers"), ("torch", "torch")):
        if name not in installed or importlib.util.find_spec(module) is None:
            raise RuntimeMissing(f"The package {name} is not installed in the agent's environment.")
    return RuntimeDescription(
        name=NAME,
        version=installed["transformers"],
        providers=("cpu",),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(installed.items())),
    )


def prepare() -> None:
    """Imports the library."""
    from . import decoder

    decoder.library()


def load(path: Path, options: SessionOptions) -> Session:
    """Refuses: a language model is fed token by token; see `open_decoder`.

    Raises:
        Refused: `unsupported_artifact`.
    """
    raise token_by_token("The package transformers")


def open_decoder(path: Path, options: SessionOptions) -> TransformersDecoder:
    """A decoder on a folder, by the path of its `config.json`; see `base.Traits`."""
    from . import decoder

    return decoder.open_decoder(path, options)


def empty_artifact() -> bytes:
    """One layer of 32 numbers."""
    return FLOOR


TRAITS = Traits(artifact_kinds=("safetensors",), decoder=open_decoder, dequantizes=True)
