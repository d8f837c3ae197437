"""When another format pays: the saving per inference against the cost of shipping it.

An inference is one sample; a call of a batch counts as that many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .answers import BreakEven, SelectQuery, TableRow
from .draws import draw
from .samples import Floats
from .selection_limits import seed

NS_PER_HOUR = 3.6e12
MJ_PER_KWH = 3.6e9


def break_even(
    query: SelectQuery, recipe: str, pairs: Sequence[tuple[TableRow, TableRow]]
) -> BreakEven | None:
    """From how many inferences on a recipe pays, at the unit where it saves least.

    Args:
        query: with prices; None is answered without them.
        recipe: which recipe.
        pairs: (baseline, candidate) rows of the same unit.

    Returns:
        None too where latency (or, with a price of energy, energy) is not known.
    """
    savings = _savings(query, pairs)
    if savings is None:
        return None
    worst = savings.min(axis=1)
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


def _savings(query: SelectQuery, pairs: Sequence[tuple[TableRow, TableRow]]) -> Floats | None:
    """(draws, pairs): money saved per inference; None when it cannot be known."""
    if (query.price_per_hour is None and query.energy_price_per_kwh is None) or not pairs:
        return None
    total = np.zeros(1)
    for price, scale, base_key, ratio_key in (
        (query.price_per_hour, NS_PER_HOUR, "latency_p50_ns", "latency_ratio"),
        (query.energy_price_per_kwh, MJ_PER_KWH, "energy_mj", "energy_ratio"),
    ):
        if price is None:
            continue
        # The paired ratio keeps what two separate absolute numbers would lose.
        base = draw([one.metric(base_key) for one, _ in pairs], seed(query, base_key))
        ratio = draw([other.metric(ratio_key) for _, other in pairs], seed(query, ratio_key))
        saved = base * (1 - ratio) * price / scale / query.workload.batch
        if bool(np.isnan(saved).any()):
            return None
        total = total + saved
    found: Floats = total
    return found
