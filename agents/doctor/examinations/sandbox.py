"""How artifacts are confined."""

from __future__ import annotations

from collections.abc import Iterator

from bitgauge.benchmarks.sandbox.base import RLIMITS

from ..base import Observation, Patient, State

NAME = "sandbox"
RANK = 80

_BEST = "bwrap"


def examine(patient: Patient) -> Iterator[Observation]:
    """The strongest level that works, and why no stronger one."""
    why = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in patient.sandbox_refused)
    if patient.sandbox == _BEST:
        yield Observation("sandbox", State.GOOD, patient.sandbox)
    elif patient.sandbox == RLIMITS:
        yield Observation(
            *("sandbox", State.MEND, f"{RLIMITS} ({why})"),
            "A coordinator on another machine may then send no artifacts.",
            "as root: apt install bubblewrap",
        )
    else:
        yield Observation("sandbox", State.GOOD, f"{patient.sandbox} ({why})")
