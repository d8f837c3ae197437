"""What can execute an artifact here."""

from __future__ import annotations

from collections.abc import Iterator

from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME

from ... import registry
from ..base import Observation, Patient, State

NAME = "runtimes"
RANK = 90


def examine(patient: Patient) -> Iterator[Observation]:
    """Each runtime that is there, and what brings each of the others."""
    found = registry.find("runtimes", patient.plugins)
    there, missing = registry.probe_runtimes(found)
    real = [one for one in there if one.name != "fake"]
    if real:
        words = ", ".join(f"{one.name} {one.version}" for one in real)
        yield Observation("runtimes", State.GOOD, words)
    else:
        yield Observation(
            *("runtimes", State.STOP, "none"),
            *("Nothing can execute an artifact.", f"pip install 'bitgauge[{DEFAULT_RUNTIME}]'"),
        )
    for line in (*found.problems, *missing):
        yield Observation("runtime", State.NOTE, line)
