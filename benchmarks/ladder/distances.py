"""How far a run is from the limits that it does not keep. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..gates.limits import LIMITS, MARGINS, PERPLEXITY_PCT
from ..vocabulary.values.gates import FAILED, REVIEW, GateVerdict, RuleVerdict

_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Distance:
    """One limit that is not kept, or not known to be.

    Attributes:
        rule: its key.
        excess: how far beyond the limit the value lies, in parts of the limit; 0: on its right
            side, and only not sure; infinite where the value is not known, or no number decides.
        why: what the gate says of it.
    """

    rule: str
    excess: float
    why: str


def distances(verdict: GateVerdict) -> tuple[Distance, ...]:
    """Of each rule that stops a run, the farthest first."""
    found = [
        Distance(one.rule, _excess(one), one.why)
        for one in verdict.rules
        if one.verdict in (FAILED, REVIEW)
    ]
    return tuple(sorted(found, key=lambda one: (-one.excess, one.rule)))


def _excess(rule: RuleVerdict) -> float:
    if rule.rule not in LIMITS or rule.limit is None or rule.value is None:
        return math.inf
    value = rule.value
    if rule.rule == PERPLEXITY_PCT:
        value = 100 * (value - 1)
    elif rule.rule in MARGINS:
        value = -value  # a delta in points: a loss is negative
    beyond = rule.limit - value if LIMITS[rule.rule].at_least else value - rule.limit
    return max(0.0, beyond) / max(abs(rule.limit), _LEAST)
