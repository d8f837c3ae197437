"""What a nursery is asked to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...decisions.steps import StepLimit


@dataclass(frozen=True, slots=True)
class Order:
    """One step.

    Attributes:
        work: a function of a module, so that it travels by name.
        arguments: what it is called with.
        limit: what it may take.
    """

    work: Callable[..., Any]
    arguments: tuple[Any, ...]
    limit: StepLimit
