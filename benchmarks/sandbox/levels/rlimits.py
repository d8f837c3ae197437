"""Level `rlimits`: a process group of its own and limits, but the rights of the agent's user.

Faults are contained, an attacker is not: the child reads and writes what the agent could.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ...common.prctl import forbid_new_rights
from ..base import Box
from ..forked import Confined, Told

NAME = "rlimits"
RANK = 0
OWN_PROCESS_IDS = False


def missing(box: Box) -> str | None:
    """Nothing is needed."""
    return None


def wrap(box: Box, command: Sequence[str]) -> tuple[str, ...]:
    """The command itself; the worker sets its limits."""
    return tuple(command)


def enter(box: Box, told: Told) -> None:
    """The caller itself goes on; it keeps the rights of its user and gains none."""
    told(Confined(os.getpid()))
    forbid_new_rights()
