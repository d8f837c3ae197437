"""Time that nobody saw pass: the clock was set, the machine slept, or this process stood still.

Leases end by the wall clock, which may be set at any moment, while the agents count on a clock that
never is. Whoever ends leases compares both from look to look; what does not agree is no silence of
any agent's, and consumes no lease.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_BLINK_NS = 2_000_000_000
"""Smaller differences between two looks are those of a busy machine."""


@dataclass(frozen=True, slots=True)
class Look:
    """What two clocks said at one moment, in nanoseconds.

    Attributes:
        wall_ns: UTC, which may be set.
        steady_ns: one that cannot be set, and stands still while the machine sleeps.
    """

    wall_ns: int
    steady_ns: int


def jump_ns(before: Look, now: Look) -> int:
    """What the wall clock gained or lost between two looks: it was set, or the machine slept."""
    jump = (now.wall_ns - before.wall_ns) - (now.steady_ns - before.steady_ns)
    return jump if abs(jump) > LONGEST_BLINK_NS else 0


def stood_ns(passed_ns: int, pause_ns: int) -> int:
    """How long a process stood still that meant to pause, say because somebody had stopped it."""
    stood = passed_ns - pause_ns
    return stood if stood > LONGEST_BLINK_NS else 0
