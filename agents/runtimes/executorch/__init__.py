"""ExecuTorch on the CPU: .pte files, XNNPACK and the library's own kernels.

The parent only asks for versions; the library, which needs torch, is imported by `load`, in the
child.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.common.pte import program
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem

from ..base import RuntimeMissing, SessionOptions, Traits
from . import tiny
from .session import ExecuTorchSession, library

if TYPE_CHECKING:
    from bitgauge.benchmarks.raw.operators import OperatorProfile

NAME = "executorch"
RANK = 1
HINT = "pip install 'bitgauge[executorch]'"

DELEGATE = "XnnpackBackend"
_FAMILIES = (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.INT8, FormatFamily.INT4)
_DISTRIBUTIONS = ("executorch", "numpy", "torch")
_FILE = "The file"


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    if importlib.util.find_spec("executorch") is None:
        raise RuntimeMissing("ExecuTorch is not installed in the agent's environment.")
    try:
        versions = {name: importlib.metadata.version(name) for name in _DISTRIBUTIONS}
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeMissing(
            f"ExecuTorch needs the package {error.name}, which is not there."
        ) from error
    return RuntimeDescription(
        name=NAME,
        version=versions["executorch"],
        providers=(DELEGATE,),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in versions.items()),
    )


def prepare() -> None:
    """Imports the library."""
    library().Runtime.get()


def load(path: Path, options: SessionOptions) -> ExecuTorchSession:
    """A session on method `forward` of a .pte file; see `base.RuntimeModule.load`."""
    if options.further:
        named = ", ".join(one.name for one in options.further)
        raise Refused(Code.UNSUPPORTED_ARTIFACT, f"ExecuTorch has no option {named[:80]}.")
    return ExecuTorchSession(path, program.read(path, _FILE), options)


def list_operators(path: Path, options: SessionOptions) -> OperatorProfile:
    """What is executed of a file, and by what; see `base.Traits`."""
    from .listing import listed

    return listed(program.read(path, _FILE))


def empty_artifact() -> bytes:
    """A program that takes the absolute value of one float."""
    return tiny.EMPTY


def sentinel_artifact() -> bytes:
    """A program of four matrix products; see `tiny`."""
    return tiny.SENTINEL


TRAITS = Traits(artifact_kinds=("pte",), lists=list_operators, sentinel=sentinel_artifact)
