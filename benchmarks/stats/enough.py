"""When a profile that measures until it is precise has measured enough (A-6, A-12).

Pure and without numpy: the agent decides with it between two launches, the analysis checks with
it whether the launches that came were enough.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from ..vocabulary.profiles import ProfilePlan
from .student import student_quantile

_LEVEL = 0.95


def half_width(medians_ns: Sequence[float]) -> float:
    """Relative half-width of Student's 95 % interval over the medians of launches.

    Computed on logarithms, so that it is a ratio; infinite for fewer than two launches or a
    median of 0.
    """
    count = len(medians_ns)
    if count < 2 or min(medians_ns) <= 0:
        return math.inf
    spread = statistics.stdev(math.log(value) for value in medians_ns)
    return math.expm1(student_quantile(0.5 + _LEVEL / 2, count - 1) * spread / math.sqrt(count))


def enough_launches(medians_ns: Sequence[float], plan: ProfilePlan) -> bool:
    """Whether no further launch is needed.

    Args:
        medians_ns: median latency of each launch so far.
        plan: how many launches at most, how many at least, and how precise they are to be.
    """
    count = len(medians_ns)
    if count >= plan.absolute_launches:
        return True
    if plan.absolute_half_width is None or count < plan.absolute_min_launches:
        return False
    return half_width(medians_ns) <= plan.absolute_half_width
