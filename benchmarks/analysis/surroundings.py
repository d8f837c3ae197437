"""What the conditions of a launch say about its surroundings: who else used the device (A-4).

Pressure is felt by the child's own threads, too, when there are more of them than processors; it
counts as others' only where others were seen to compute, or where that is unknown.
"""

from __future__ import annotations

import numpy as np

from ..samples import BlockConditions, Floats
from ..stats.discards import MAX_STEAL_SHARE, TICK_NS
from ..vocabulary.reasons import FOREIGN_LOAD, SHARED

MAX_PSI_AVG10 = 1.0
MAX_FOREIGN_SHARE = 0.1
"""Of one processor, used by other processes than the child, before a launch is flagged."""

_NOBODY_SHARE = 0.01
_MIN_TICKS = 5


def foreign_share(conditions: BlockConditions, duration_ns: Floats) -> float:
    """How much of one processor other processes used in the blocks; NaN when unknown.

    Ticks are sampled every hundredth of a second and a block may be shorter, so that only the
    sum over a launch means something.
    """
    ticks = conditions.foreign_ticks
    known = np.isfinite(ticks)
    elapsed = float(duration_ns[known].sum())
    if elapsed <= 0:
        return float("nan")
    return max(float(ticks[known].sum()), 0.0) * TICK_NS / elapsed


def surrounding_flags(conditions: BlockConditions, duration_ns: Floats) -> tuple[str, ...]:
    """Flags `shared` and `foreign_load` of one launch; unknown conditions say nothing.

    Stolen time of all cores is held against the time of one, which errs towards the flag.

    Args:
        conditions: of every block, discarded ones included.
        duration_ns: of every block.
    """
    flags = []
    share = foreign_share(conditions, duration_ns)
    pressure = conditions.psi_some_avg10
    pressed = bool(np.any(pressure[np.isfinite(pressure)] > MAX_PSI_AVG10))
    if (pressed and not share < _NOBODY_SHARE) or _is_stolen_from(conditions, duration_ns):
        flags.append(SHARED)
    ticks = share * float(duration_ns.sum()) / TICK_NS
    accompanied = bool(np.any(conditions.foreign_processes > 0))  # NaN is not
    if accompanied or (share > MAX_FOREIGN_SHARE and ticks >= _MIN_TICKS):
        flags.append(FOREIGN_LOAD)
    return tuple(flags)


def _is_stolen_from(conditions: BlockConditions, duration_ns: Floats) -> bool:
    stolen = conditions.steal_ticks
    total = float(stolen[np.isfinite(stolen)].sum()) * TICK_NS
    elapsed = float(duration_ns.sum())
    return elapsed > 0 and total > MAX_STEAL_SHARE * elapsed
