"""What a meter is to the agent.

A meter module holds `NAME`, `RANK`, `HINT` and `describe()`; the registry finds it by its file
name. A module whose sensor is not there answers None: a quantity without a meter is null with a
reason, never an estimate.
"""

from __future__ import annotations

from typing import Protocol

from bitgauge.benchmarks.model import MeterDescription


class MeterModule(Protocol):
    """The shape of a meter module."""

    NAME: str
    RANK: int
    HINT: str

    def describe(self) -> MeterDescription | None:
        """The meter of this machine, or None when its source is not there.

        Cheap: it is called in the agent at start and opens nothing for longer.
        """
        ...
