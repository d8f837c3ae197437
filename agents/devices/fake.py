"""A device that is not there: for tests, demonstrations of failure and trying out a lab.

It is `simulated`, so nothing measured on it can enter a cell.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import HardwareClass, Realness
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from .base import DeviceFacts

NAME = "fake"
RANK = 0
HINT = "the fake device is always there"


def probe() -> bool:
    """Always there, never preferred."""
    return True


def describe(root: Path = Path("/")) -> DeviceFacts:
    """The same two-core device on every machine; `root` is not looked at."""
    return DeviceFacts(
        hardware_class=HardwareClass.CPU_ONLY,
        realness=Realness.SIMULATED,
        architecture="fake",
        processor_model="Bitgauge fake device",
        isa_flags=("fake",),
        core_count=2,
        memory_bytes=4 * 1024**3,
        kernel_release="0",
        virtualisation=None,
        governor=None,
        stack=(StackItem("architecture", "fake"), StackItem("kernel_release", "0")),
        evidence=(),
    )
