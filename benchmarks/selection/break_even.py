"""When another format pays: the saving per inference against the cost of shipping it.

An inference is one sample; a call of a batch counts as that many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..samples import Floats
from ..stats.draws import DRAWS, drawn
from ..vocabulary.values.choices import BreakEven, SelectQuery
from ..vocabulary.values.rows import TableRow
from .limits import draw_key

NS_PER_HOUR = 3.6e12
MJ_PER_KWH = 3.6e9

_TIME = ("latency_p50_ns", "latency_ratio")
_ENERGY = ("energy_mj", "energy_ratio")
"""What costs money, and the paired ratio to the baseline's."""


def break_even(
    query: SelectQuery, recipe: str, pairs: Sequence[tuple[TableRow, TableRow]]
) -> BreakEven | None:
    """From how many inferences on a recipe pays, at the unit where it saves least.

    `pairs` are (baseline, candidate) rows of the same unit. Without prices the answer is None.

    Returns:
        None too where latency (or, with a price of energy, energy) is not known.
    """
    savings = _savings(query, pairs)
    if savings is None:
        return None
    worst = savings.min(axis=0)
    saving = float(np.median(worst))
    cost = query.switch_cost or 0.0
    if saving <= 0:
        return BreakEven(recipe, 1e6 * saving)
    low, high = (float(end) for end in np.quantile(worst, (0.025, 0.975)))
    inferences = cost / saving
    return BreakEven(
        recipe,
        saving_per_million=1e6 * saving,
        inferences=inferences,
        low=cost / high,
        high=cost / low if low > 0 else None,
        days=inferences / query.inferences_per_day if query.inferences_per_day else None,
    )


def pays_in_time(query: SelectQuery, pays: BreakEven) -> bool:
    """Whether it pays within the days that the query allows; yes where nobody asked."""
    if query.switch_cost is None:
        return True
    if query.inferences_per_day is None:
        return pays.inferences is not None
    return pays.days is not None and pays.days <= query.payback_days


def is_priced(query: SelectQuery) -> bool:
    """Whether prices ask for a break-even."""
    return query.price_per_hour is not None or query.energy_price_per_kwh is not None


def _savings(query: SelectQuery, pairs: Sequence[tuple[TableRow, TableRow]]) -> Floats | None:
    """(pairs, DRAWS): money saved per inference; None when it cannot be known."""
    if not is_priced(query) or not pairs:
        return None
    total: Floats = np.zeros((1, 1))
    for price, scale, (base_key, ratio_key) in (
        (query.price_per_hour, NS_PER_HOUR, _TIME),
        (query.energy_price_per_kwh, MJ_PER_KWH, _ENERGY),
    ):
        if price is None:
            continue
        # The paired ratio keeps what two separate absolute numbers would lose.
        each = [_saved(*pair, base_key, ratio_key) for pair in pairs]
        known = [one for one in each if one is not None]
        if len(known) < len(each):
            return None
        total = total + np.stack(known) * price / scale / query.workload.batch
    return total


def _saved(base: TableRow, other: TableRow, base_key: str, ratio_key: str) -> Floats | None:
    """(DRAWS,): the baseline's own draw times what the paired ratio saves of it."""
    logs = drawn(base.metric(base_key), *draw_key(base))
    ratio = drawn(other.metric(ratio_key), *draw_key(other))
    if logs is None or ratio is None:
        return None
    found: Floats = np.broadcast_to(np.exp(logs) * -np.expm1(ratio), DRAWS)
    return found
