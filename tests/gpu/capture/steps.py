"""The steps of a capture, in their order, and how long each may take. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One process of its own.

    Attributes:
        name: of its folder.
        module: whose `main(folder, asked)` it is.
        limit_s: how long it may take on a card.
        rehearsal_s: and where it is rehearsed on a processor.
        given: a word for the module, where it makes several steps.
    """

    name: str
    module: str
    limit_s: float
    rehearsal_s: float
    given: str = ""


_HERE = __package__

STEPS = (
    Step("machine", f"{_HERE}.machine", 45, 30),
    Step("nvml", f"{_HERE}.management", 40, 15),
    Step("load", f"{_HERE}.load", 85, 30),
    Step("accumulators", f"{_HERE}.sums", 45, 30),
    *(Step(f"formats-{net}", f"{_HERE}.formats", 90, 60, net) for net in ("resnet", "bert")),
    Step("energy", f"{_HERE}.energy", 140, 60),
    *(Step(f"memory-{one}", f"{_HERE}.memory", 30, 30, one) for one in ("fp32", "fp16")),
    Step("formats-zoo", f"{_HERE}.formats", 70, 60, "zoo"),
    Step("twice", f"{_HERE}.twice", 40, 30),
)
"""What only a card can tell comes first; of the networks the large ones."""

_TO_END_S = 5.0
"""Kept of the whole for writing what there is."""


def limit_s(step: Step, left_s: float, *, rehearse: bool) -> float:
    """How long a step may take now; 0 where nothing is left for it.

    Args:
        step: it.
        left_s: of the whole capture.
        rehearse: whether there is no card.
    """
    own = step.rehearsal_s if rehearse else step.limit_s
    return max(min(own, left_s - _TO_END_S), 0.0)


def chosen(steps: Iterable[Step], names: Iterable[str]) -> list[Step]:
    """Those of these names, all without any.

    Raises:
        ValueError: there is no such step.
    """
    known, wanted = list(steps), list(names)
    if unknown := sorted(set(wanted) - {one.name for one in known}):
        raise ValueError(f"there is no step {unknown[0]}; there are {[one.name for one in known]}")
    return [one for one in known if not wanted or one.name in wanted]
