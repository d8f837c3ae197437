"""Whether this is a container: what is to be mended is then mended outside of it."""

from __future__ import annotations

from collections.abc import Iterator

from ...host.container import container
from ..base import Observation, Patient, State

NAME = "container"
RANK = 95


def examine(patient: Patient) -> Iterator[Observation]:
    """Whose container, where it is one."""
    whose = container(patient.root)
    if whose is not None:
        yield Observation(
            *("container", State.NOTE, whose),
            "Governor, clock source and sensors are the host's: what is to be mended of them is"
            " mended there. Its engine may forbid the stronger sandboxes.",
            "the agent under its own unit outside of it has neither limit: deploy/README.md",
        )
