"""The two libraries of NVIDIA that make engines: what each is called, and which versions serve.

Their bindings are one interface in two packages. What they do not share is said here, and nowhere
else: TensorRT times candidates on the card that it builds for, so that it needs one; TensorRT for
RTX compiles ahead of time for the compute capabilities that it is told, and the rest when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import Code

from ..base import RuntimeMissing


@dataclass(frozen=True, slots=True)
class Flavour:
    """One of the libraries.

    Attributes:
        runtime: name of the runtime, and of the module that people import.
        words: its name in sentences.
        majors: versions whose interface is known here.
        distributions: packages that may bring it; the first that is there tells the version.
        names_capabilities: whether it is told for which compute capabilities it builds.
    """

    runtime: str
    words: str
    majors: tuple[int, ...]
    distributions: tuple[str, ...]
    names_capabilities: bool = False


@dataclass(frozen=True, slots=True)
class EngineLibrary:
    """One of them, imported.

    Attributes:
        trt: its module.
    """

    trt: Any
    flavour: Flavour

    @property
    def words(self) -> str:
        """Its name in sentences."""
        return self.flavour.words

    @property
    def version(self) -> str:
        """Name and version."""
        return f"{self.words} {self.trt.__version__}"


TENSORRT = Flavour(
    "tensorrt",
    "TensorRT",
    (10, 11),
    ("tensorrt", "tensorrt-cu13-bindings", "tensorrt-cu12-bindings"),
)
RTX = Flavour(
    "tensorrt_rtx",
    "TensorRT for RTX",
    (1,),
    ("tensorrt-rtx-cu13-bindings", "tensorrt-rtx-cu12-bindings", "tensorrt-rtx"),
    names_capabilities=True,
)


def served(flavour: Flavour, installed: Mapping[str, str]) -> str:
    """The version that is installed, where it is one that is served.

    Args:
        flavour: which library.
        installed: version by package.

    Raises:
        RuntimeMissing: it is not there, or its major version is not known here.
    """
    found = [installed[name] for name in flavour.distributions if name in installed]
    if not found:
        raise RuntimeMissing(f"{flavour.words} is not installed in the agent's environment.")
    require_major(flavour, found[0])
    return found[0]


def require_major(flavour: Flavour, version: str) -> int:
    """The major version.

    Raises:
        RuntimeMissing: it is not one of those that are served.
    """
    major = version.partition(".")[0]
    known = " and ".join(map(str, flavour.majors))
    if not major.isdecimal() or int(major) not in flavour.majors:
        raise RuntimeMissing(
            f"TensorRT major not supported: {flavour.words} {version[:40]} is installed, and"
            f" {known} {'is' if len(flavour.majors) == 1 else 'are'} known here.",
            Code.RUNTIME_UNSUPPORTED,
        )
    return int(major)
