"""What measures energy here, or why nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bitgauge.benchmarks.vocabulary.meters import best_meter, meters_of, why_no_meter
from bitgauge.benchmarks.vocabulary.reasons import REASONS

from ... import registry
from ...devices import cpu
from ..base import Observation, Patient, State

NAME = "energy"
RANK = 50

_FORBIDDEN = "no_permission"
_COUNTERS = "sys/class/powercap/*/energy_uj"


def examine(patient: Patient) -> Iterator[Observation]:
    """The meter that would be taken."""
    metered, failed = registry.describe_meters(registry.find("meters", patient.plugins))
    for line in failed:
        yield Observation("meter", State.MEND, line)
    meters = meters_of(metered, cpu.describe(root=patient.root).hardware_class)
    best = best_meter(meters)
    if best is not None:
        found = f"{best.name}: {best.kind} of the {best.scope}"
        yield Observation("energy", State.GOOD, found)
        return
    reason = why_no_meter(meters)
    yield Observation(
        *("energy", State.MEND if reason == _FORBIDDEN else State.NOTE, REASONS[reason]),
        f"Joules are null here, with the reason {reason}.",
        _readable(patient.root) if reason == _FORBIDDEN else "",
    )


def _readable(root: Path) -> str:
    """Lets the agent read the counters; at each start of the machine anew."""
    files = sorted(root.glob(_COUNTERS))
    where = " ".join(map(str, files)) or "/sys/class/powercap/*/energy_uj"
    return f"as root, after each start of the machine: chmod a+r {where}"
