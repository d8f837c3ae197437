"""Which machine the numbers of a bench come from, in one line."""

from __future__ import annotations

import platform

from bitgauge.agents import registry
from bitgauge.agents.registry import describe as describe_device

from .one_launch import RUNTIME


def describe() -> str:
    """Processor, cores, realness, kernel, runtime."""
    device = describe_device("cpu", name="bench", identity="bench")
    runtime = registry.runtime(RUNTIME, ()).probe()
    return (
        f"{device.core_count} cores of {device.processor_model}, {device.realness.value},"
        f" Linux {device.kernel_release}, Python {platform.python_version()},"
        f" {runtime.name} {runtime.version}"
    )
