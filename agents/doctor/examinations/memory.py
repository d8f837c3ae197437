"""Memory and disk: what a model may be pushed out to, and what is left for artifacts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from ...host.files import kilobytes
from ..base import Observation, Patient, State

NAME = "memory"
RANK = 40

LEAST_DISK_BYTES = 2 << 30
"""Below it few artifacts and results can be kept."""

_MIB = 1 << 20


def examine(patient: Patient) -> Iterator[Observation]:
    """Swap that is used, and the disk of the state folder."""
    asked = ("SwapTotal", "SwapFree")
    found = kilobytes(patient.root / "proc/meminfo", asked)
    total, free = (found.get(name, 0) for name in asked)
    if not total:
        yield Observation("swap", State.GOOD, "none")
    else:
        used = (total - free) // _MIB
        yield Observation(
            *("swap", State.MEND if used else State.NOTE, f"{used} MiB in use"),
            "Memory that is swapped out is missing in peak memory and comes back within a call.",
            "as root: swapoff -a",
        )
    place = next(one for one in (patient.home, *patient.home.parents) if one.exists())
    left = shutil.disk_usage(place).free
    words = f"{left / (1 << 30):.1f} GiB free under {place}"
    if left >= LEAST_DISK_BYTES:
        yield Observation("disk", State.GOOD, words)
    else:
        yield Observation(
            *("disk", State.MEND, words),
            "Artifacts and results are kept there until they are delivered.",
            "make room, or name another place with --home",
        )
