"""How real the machine is: what may be measured on it at all."""

from __future__ import annotations

from collections.abc import Iterator

from bitgauge.benchmarks.vocabulary.enums import Realness

from ...devices import cpu
from ..base import Observation, Patient, State

NAME = "realness"
RANK = 100


def examine(patient: Patient) -> Iterator[Observation]:
    """The device, and what its realness means."""
    facts = cpu.describe(root=patient.root)
    words = f"{facts.processor_model or facts.architecture}, {facts.core_count} cores"
    if facts.realness.keeps_time:
        under = f", a virtual machine under {facts.virtualisation}"
        extra = under if facts.realness is Realness.VIRTUAL_MACHINE else ""
        yield Observation("device", State.GOOD, words + extra)
    else:
        yield Observation(
            *("device", State.NOTE, f"{words}, {facts.realness.value} by {facts.virtualisation}"),
            "Only numerics and quality are measured; time, memory and energy are null.",
        )
