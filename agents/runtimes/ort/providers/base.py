"""What a file of this folder holds: a provider, of onnxruntime's own or registered with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

CONFIG_CONTEXT = (("ep.context_enable", "1"), ("ep.context_embed_mode", "1"))
"""Has onnxruntime write the program that it built; the file is named beside these."""
CONTEXT_PATH = "ep.context_file_path"


@dataclass(frozen=True, slots=True)
class Binding:
    """How calls reach a device with memory of its own.

    Attributes:
        device: as onnxruntime names it.
        resident: inputs and outputs stay there, and no call transfers them.
        graph: a call is recorded once and handed over as a whole.
        cold: the device's own time is taken with its last cache emptied.
    """

    device: str
    resident: bool = False
    graph: bool = False
    cold: bool = False


class Provider(Protocol):
    """The shape of a provider.

    Attributes:
        NAME: as people name it.
        EXECUTES: its name in onnxruntime's own list of what executes each node.
        DISTRIBUTION: the package that brings it.
        MISSING: a sentence for a device that could have it, without the package.
        HINT: what brings it.
        USUAL: whether all is placed with it on its devices unless another one is named, the
            reference too; then it is no option that could be named.
        FIXES_BATCH: whether what it executes is made for one batch.
        FALLS_BACK: whether it may be allowed to leave operators to the processor.
        LEAVES_OUT: passes of onnxruntime's optimiser that its sessions go without.
    """

    NAME: str
    EXECUTES: str
    DISTRIBUTION: str
    MISSING: str
    HINT: str
    USUAL: bool
    FIXES_BATCH: bool
    FALLS_BACK: bool
    LEAVES_OUT: tuple[str, ...]

    def concerns(self, stack: Mapping[str, str]) -> bool:
        """Whether a device of this stack is one of its own."""
        ...

    def is_here(self, environment: Mapping[str, str]) -> bool:
        """Whether a process of this environment is a device's of its own."""
        ...

    def lacks(self) -> str:
        """What it needs besides its package and this machine has not, as a sentence; else ""."""
        ...

    def options(self) -> tuple[RuntimeOption, ...]:
        """Its own options; those that the reference is never given are called ``provider.NAME``."""
        ...

    def binding(self, options: Mapping[str, str]) -> Binding | None:
        """How calls reach its device; None where that is the library's own affair."""
        ...

    def add_to(
        self,
        wanted: Any,
        options: Mapping[str, str],
        stack: Mapping[str, str],
        model: Any,
        build_into: Path | None,
    ) -> None:
        """Has sessions of these options of onnxruntime placed with it; runs in the child.

        Args:
            wanted: of the binding.
            options: of the session, by name.
            stack: of the device.
            model: the message of the file, weights elsewhere aside.
            build_into: where what is built of the model goes, if anything is and it shall be kept.

        Raises:
            BitgaugeError: `unknown_soc`, `accelerator_missing`, `provider_failed`,
                `unsupported_artifact`.
        """
        ...

    def require_fitting(
        self, model: Any, options: Mapping[str, str], stack: Mapping[str, str]
    ) -> None:
        """Refuses a model of which something would be computed otherwise than it says.

        Args:
            model: the message of the file, weights elsewhere aside.
            options: of the session, by name.
            stack: of the device.

        Raises:
            BitgaugeError: `unsupported_artifact`, and the sentence names operators.
        """
        ...

    def error_of(self, error: Exception) -> BitgaugeError | None:
        """What its own libraries say by an error of onnxruntime; None where that says it itself."""
        ...

    def why_not(self, stack: Mapping[str, str]) -> str:
        """What this device lacks that may be why operators fell back, as part of a sentence."""
        ...
