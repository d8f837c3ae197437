"""Quads of launches: what they say where baseline and candidate do not share a process.

A launch differs from the next of the same artifact by more than its blocks explain (where its
weights lie, which clock the processor found), so a quad of four launches is one observation:
`d = mean ln(candidate) - mean ln(baseline)`. In the order A B B A, or B A A B, whatever changes
evenly over the four is in both means alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..samples import BASELINE, CANDIDATE, Floats
from ..vocabulary.profiles import MIN_APART_QUADS, PLACES
from .paired import LEVEL, Interval, student_interval

ORDERS = (
    (BASELINE, CANDIDATE, CANDIDATE, BASELINE),
    (CANDIDATE, BASELINE, BASELINE, CANDIDATE),
)
"""Letters of the launches of a quad."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch: where it stood, whose it was, and its latency in nanoseconds."""

    quad: int
    place: int
    letter: int
    value_ns: float


def by_quad(launches: Sequence[Launch]) -> Mapping[int, tuple[Launch, ...]]:
    """The launches of each quad in the order of their places."""
    found: dict[int, list[Launch]] = {}
    for one in sorted(launches, key=lambda one: (one.quad, one.place)):
        found.setdefault(one.quad, []).append(one)
    return {quad: tuple(of) for quad, of in found.items()}


def launch_log_ratios(launches: Sequence[Launch]) -> Floats:
    """One log-ratio candidate / baseline per quad that is whole, (quads,)."""
    ratios = []
    for quad in by_quad(launches).values():
        if len(quad) == PLACES:
            signs = [1 if one.letter == CANDIDATE else -1 for one in quad]
            logs = [math.log(one.value_ns) for one in quad]
            ratios.append(2 * float(np.dot(signs, logs)) / PLACES)
    return np.array(ratios, dtype=np.float64)


def apart_interval(log_ratios: Floats, level: float = LEVEL) -> Interval | None:
    """Student's interval over quads of launches; None when there are too few."""
    return student_interval(log_ratios, level) if log_ratios.size >= MIN_APART_QUADS else None
