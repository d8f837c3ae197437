"""Where a step computes, and which device of ours stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def device_of(asked: Mapping[str, Any]) -> str:
    """As torch names it."""
    return "cpu" if asked["rehearse"] else "cuda"


def kind_and_unit(asked: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of device and its unit: the first card, or the processor where NVML is not there.

    Without NVML the conditions of a card are unknown, and those of its host are told.
    """
    from bitgauge.agents import registry
    from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

    if not asked["rehearse"]:
        try:
            units = registry.device("nvidia", ()).probe()
        except BitgaugeError:
            units = ()
        if units:
            return "nvidia", units[0].key
    return "cpu", ""
