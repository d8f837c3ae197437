"""Cores of unlike kinds: which of them runs a model decides how fast it is.

Source: the kernel's ABI for /sys/devices/system/cpu/cpuN/cpu_capacity (arm64, RISC-V): the
largest core of a machine has 1024.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...host.cores import groups
from ..base import Observation, Patient, State

NAME = "cores"
RANK = 60


def examine(patient: Patient) -> Iterator[Observation]:
    """The groups of like cores, where there are several."""
    found = groups(patient.root)
    if len(found) > 1:
        yield Observation(
            *("cores", State.NOTE, "; ".join(one.words for one in found)),
            "A launch may run on either kind, and its latency says which.",
            f"measure one kind: bitgauge-agent run --cores {found[0].cpus}",
        )
