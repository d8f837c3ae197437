"""How far a ladder is climbed, and what is left in the hand at the end. Pure.

It never ends empty: where nothing passes, the best so far is that which needs a person, else that
which is nearest to its limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..vocabulary.values.gates import FAILED, PASSED, REVIEW, GateVerdict
from .distances import Distance, distances
from .rungs import Rung

NOT_MEASURED = "not_measured"
"""Outcome of a rung of which there is no run: it could not be built, or not be measured."""

_RANK = {PASSED: 0, REVIEW: 1, FAILED: 2, NOT_MEASURED: 3}


@dataclass(frozen=True, slots=True)
class Tried:
    """One rung after it was tried.

    Attributes:
        rung: which.
        outcome: `passed`, `failed`, `manual_review` or `not_measured`.
        why: of one that was not measured, or not judged.
        job_id: the job that measured it.
        run_id: its run; empty: there is none.
        verdict: what the gate said; None: it said nothing.
        ratio: its objective against the baseline's, below 1 is better; None: not known.
        gains: whether it is better than the baseline in the objective beyond doubt, or the device
            is an emulated one: a format that gains nothing is no answer (DESIGN.md 11.9).
        flags: of that ratio, such as `preliminary`.
        seconds: of the device, that it took.
        saturating: whether its integer kernels saturate on this device.
    """

    rung: Rung
    outcome: str
    why: str = ""
    job_id: str = ""
    run_id: str = ""
    verdict: GateVerdict | None = None
    ratio: float | None = None
    gains: bool = True
    flags: tuple[str, ...] = ()
    seconds: float = 0.0
    saturating: bool = False

    @property
    def answers(self) -> bool:
        """Whether it is what was looked for: it passes, and something is gained by it."""
        return self.outcome == PASSED and self.gains

    @property
    def distances(self) -> tuple[Distance, ...]:
        """How far it is from each limit that it does not keep, the farthest first."""
        return distances(self.verdict) if self.verdict is not None else ()

    @property
    def farthest(self) -> float:
        """The largest of them; infinite where nothing is known of it."""
        if self.outcome == PASSED:
            return 0.0
        return max((one.excess for one in self.distances), default=math.inf)


@dataclass(frozen=True, slots=True)
class Climbed:
    """A ladder that was climbed.

    Attributes:
        tried: in the order in which they were tried.
        left: rungs that were not tried.
        best: what is left in the hand; None only where nothing was tried.
        stopped: why no further rung was tried, in words.
    """

    tried: tuple[Tried, ...]
    left: tuple[Rung, ...]
    best: Tried | None
    stopped: str

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `manual_review`, of the best."""
        if self.best is None or self.best.outcome == NOT_MEASURED:
            return FAILED
        gained_nothing = self.best.outcome == PASSED and not self.best.gains
        return FAILED if gained_nothing else self.best.outcome


def next_rung(
    rungs: Sequence[Rung], tried: Sequence[Tried], *, budget_s: float | None
) -> Rung | str:
    """What is tried next, or the words that say why nothing is.

    Args:
        rungs: all that there are, the worthiest first.
        tried: what was tried.
        budget_s: seconds of the device that may be spent to find the best that passes; None: the
            first one that passes is enough.
    """
    if budget_s is None and any(one.answers for one in tried):
        return "the first that passes was asked for"
    done = {one.rung.recipe for one in tried}
    left = [rung for rung in rungs if rung.recipe not in done]
    if not left:
        return "every format was tried"
    spent = sum(one.seconds for one in tried)
    following_s = spent / len(tried) if tried else left[0].seconds  # what was measured says more
    if budget_s is not None and tried and spent + following_s > budget_s:
        return f"{spent:.0f} of {budget_s:.0f} seconds of the device were spent"
    return left[0]


def best_of(tried: Sequence[Tried]) -> Tried | None:
    """The one that passes and has the smallest objective; else what comes nearest to it.

    What passes without a gain comes behind what needs a person and may gain.
    """

    def place(one: Tried) -> tuple[float, ...]:
        ratio = math.inf if one.ratio is None else one.ratio
        if one.outcome == PASSED:
            return (0 if one.gains else _RANK[REVIEW] + 0.5, 0, ratio)
        return (_RANK[one.outcome], one.farthest, ratio)

    return min(tried, key=place, default=None)


def climbed(rungs: Sequence[Rung], tried: Sequence[Tried], stopped: str) -> Climbed:
    """The end of a ladder."""
    done = {one.rung.recipe for one in tried}
    left = tuple(rung for rung in rungs if rung.recipe not in done)
    return Climbed(tuple(tried), left, best_of(tried), stopped)
