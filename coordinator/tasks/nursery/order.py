"""What a nursery is asked to do, and what it says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.sandbox.base import AUTO

from ...decisions.steps import Ending, StepLimit

ANSWER = "answer"
"""The file in a step's folder that holds what it says."""
RESULTS = "results"
"""The folder in a step's folder for the files that it makes."""
LOG = "log"
"""The file in a step's folder that holds what it prints."""


@dataclass(frozen=True, slots=True)
class Order:
    """One step.

    Attributes:
        work: a function of a module, so that it travels by name. It finds itself in the step's
            folder, in which there is one for `RESULTS`.
        arguments: what it is called with.
        limit: what it may take.
        inputs: files that it may read, and folders of them; nothing else but programs.
    """

    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    limit: StepLimit
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Raised:
    """What came of a step, which is gone with all that it started.

    Attributes:
        folder: the step's own, of which nothing is believed; it stays until the next order.
        limit: what it had, as it was on the machine.
        ending: how it was ended; None when it ended by itself and in order.
    """

    folder: Path
    limit: StepLimit
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Site:
    """Where a nursery works.

    Attributes:
        folder: for the folders of its steps.
        sandbox: the level that confines each, or `AUTO`.
        hidden: folders that no step may see, whatever lies in them.
    """

    folder: Path
    sandbox: str = AUTO
    hidden: tuple[Path, ...] = ()
