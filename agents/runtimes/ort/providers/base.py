"""What a file of this folder holds: a provider, a library that is registered with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption


class Provider(Protocol):
    """The shape of a provider.

    Attributes:
        NAME: as people name it.
        EXECUTES: its name in onnxruntime's own list of what executes each node.
        DISTRIBUTION: the package that brings it.
        MISSING: a sentence for a device that could have it, without the package.
        HINT: what brings it.
    """

    NAME: str
    EXECUTES: str
    DISTRIBUTION: str
    MISSING: str
    HINT: str

    def concerns(self, stack: Mapping[str, str]) -> bool:
        """Whether a device of this stack is one of its own."""
        ...

    def options(self) -> tuple[RuntimeOption, ...]:
        """Its own options, each of which is called ``provider.NAME``."""
        ...

    def add_to(self, wanted: Any, options: Mapping[str, str], stack: Mapping[str, str]) -> None:
        """Has sessions of these options of onnxruntime placed with it; runs in the child.

        Args:
            wanted: of the binding.
            options: of the session, by name.
            stack: of the device.

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

    def why_not(self, stack: Mapping[str, str]) -> str:
        """What this device lacks that may be why operators fell back, as part of a sentence."""
        ...
