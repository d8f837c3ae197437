"""Who else uses the machine now."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ...host.files import parsed
from ...host.load import load_average, pressure_avg10
from ..base import Observation, Patient, State

NAME = "others"
RANK = 45

_BUSY_LOAD = 0.5
_BUSY_PSI = 1.0  # measurement.md A-4: `shared` above 1 %


def examine(patient: Patient) -> Iterator[Observation]:
    """Load and pressure at this moment."""
    load = parsed(patient.root / "proc/loadavg", load_average)
    pressure = parsed(patient.root / "proc/pressure/cpu", pressure_avg10)
    if load is None:
        return
    words = f"load {load:.1f} on {os.cpu_count() or 1} processors"
    if load < _BUSY_LOAD and (pressure or 0.0) < _BUSY_PSI:
        yield Observation("other work", State.GOOD, words)
    else:
        yield Observation(
            *("other work", State.MEND, words),
            "What is measured beside it is flagged, and needs more launches.",
            "end what need not run: ps -eo pcpu,args --sort -pcpu | head",
        )
