"""Did the device drift while a job was measured: the sentinel and the FP32 anchor, judged.

A tiny fixed model is timed before and after each job; the FP32 baseline's own median is one more
fixed point (measurement.md A-14). Each is held against its own history on the same device and
stack. Pure functions: what is remembered and what is done about it is the coordinator's.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MIN_HISTORY = 10
"""Values without which nothing is said (DESIGN 10.13)."""

MAX_HISTORY = 50
"""Newest values that count; a device may age."""

MIN_DRIFT = 0.02
"""Relative drift that never matters: the margin below which two latencies count as the same."""

SUSPECTS_IN_A_ROW = 3
"""Suspect jobs of one device, one after the other, after which a human has to look at it."""

_MAD_TO_SIGMA = 1.4826
"""Scales the median absolute deviation to the standard deviation of normal data."""


class Outcome(str, enum.Enum):
    """What the fixed points of a job say about it."""

    SOUND = "sound"
    SUSPECT = "suspect"
    NO_HISTORY = "no_history"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """One value of a job that should not change, and what it was before.

    Attributes:
        name: what it is, for sentences.
        value_ns: of this job.
        history_ns: of earlier jobs on the same device and stack, newest first.
    """

    name: str
    value_ns: float
    history_ns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the fixed points of a job say, with a sentence without full stop for people."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from a judgement.

    Attributes:
        repeat: the job is measured once more.
        cordon: why its device gets no further job; None: it does.
    """

    repeat: bool = False
    cordon: str | None = None


def reach(count: int) -> float:
    """How many deviations from the median are still no drift, for a history of `count` values.

    Three (measurement.md A-14) for a long history. A deviation that was estimated from ten values
    is itself uncertain, and three of them would call 5 of 100 sound values a drift; with this
    allowance fewer than 1 in 100 normal values are, at any length (simulated, see the tests).
    """
    return 3 * (1 + 7 / count)


def bounds(history_ns: Sequence[float]) -> tuple[float, float] | None:
    """Between which values nothing has drifted; None with too short a history.

    The median plus or minus `reach` median absolute deviations, each scaled to a standard
    deviation (Leys et al. 2013, J. Exp. Soc. Psychol. 49:764), and never less than `MIN_DRIFT`.
    """
    if len(history_ns) < MIN_HISTORY:
        return None
    kept = list(history_ns[:MAX_HISTORY])
    centre = median(kept)
    deviation = _MAD_TO_SIGMA * median(abs(value - centre) for value in kept)
    width = max(reach(len(kept)) * deviation, MIN_DRIFT * centre)
    return centre - width, centre + width


def judge(points: Sequence[FixedPoint]) -> Judgement:
    """Whether any fixed point of a job lies outside of its own history."""
    if not points:
        return Judgement(Outcome.UNMEASURED, "nothing was timed that could have drifted")
    drifts = [words for point in points if (words := _drift(point))]
    if drifts:
        return Judgement(Outcome.SUSPECT, "; ".join(drifts))
    shortest = min(len(point.history_ns) for point in points)
    if shortest < MIN_HISTORY:
        return Judgement(
            Outcome.NO_HISTORY,
            f"drift is judged from {MIN_HISTORY} earlier jobs on; there are {shortest}",
        )
    return Judgement(Outcome.SOUND, "no drift")


def _drift(point: FixedPoint) -> str | None:
    allowed = bounds(point.history_ns)
    if allowed is None or allowed[0] <= point.value_ns <= allowed[1]:
        return None
    usual = median(point.history_ns[:MAX_HISTORY])
    much = 100 * (point.value_ns / usual - 1)
    return (
        f"{point.name} took {point.value_ns / 1000:.1f} us where {allowed[0] / 1000:.1f} to"
        f" {allowed[1] / 1000:.1f} us are usual ({much:+.1f} %)"
    )


def consequences(
    judgement: Judgement, earlier: Sequence[Outcome], *, is_repeat: bool, repeatable: bool = True
) -> Consequences:
    """What follows when a job has been judged.

    Args:
        judgement: of the job.
        earlier: outcomes of the jobs before it on its device, newest first.
        is_repeat: whether the job itself repeats a suspect one; it is then not repeated again.
        repeatable: false for jobs that nobody's results depend on.
    """
    if judgement.outcome is not Outcome.SUSPECT:
        return Consequences()
    told = [one for one in earlier if one is not Outcome.UNMEASURED][: SUSPECTS_IN_A_ROW - 1]
    row = len(told) == SUSPECTS_IN_A_ROW - 1 and set(told) == {Outcome.SUSPECT}
    why = f"{SUSPECTS_IN_A_ROW} suspect jobs in a row, the last because {judgement.reason}"
    return Consequences(repeat=repeatable and not is_repeat, cordon=why if row else None)
