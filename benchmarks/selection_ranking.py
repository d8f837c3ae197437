"""The recipes that may be chosen, ranked by draws: P(best), Pareto front, expected regret."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .answers import SelectQuery, TableRow
from .draws import draw
from .findings import is_baseline
from .model import MetricValue
from .pareto import Standing, standings, tied
from .samples import Floats
from .selection_checks import OBJECTIVE_METRIC
from .selection_evidence import Assessed
from .selection_limits import metric_of, seed
from .vocabulary import Objective

EPSILON = {
    Objective.LATENCY: 0.02,
    Objective.SIZE: 0.0,
    Objective.MEMORY: 0.01,
    Objective.ENERGY: 0.05,
    Objective.THROUGHPUT: 0.02,
}
"""Relative differences that decide nothing (measurement.md F-3); sizes are exact."""

_FRONT: tuple[tuple[str, float], ...] = (
    ("latency_ratio", math.log1p(EPSILON[Objective.LATENCY])),
    ("size_ratio", 0.0),
    ("peak_memory_ratio", math.log1p(EPSILON[Objective.MEMORY])),
    ("energy_ratio", math.log1p(EPSILON[Objective.ENERGY])),
    ("accuracy_delta_pp", 0.1),
)
"""What the Pareto front looks at, with the difference in its scale that decides nothing."""


class Ranking:
    """Recipes that may be chosen, and where each stands among them."""

    def __init__(self, query: SelectQuery, those: Sequence[Assessed]) -> None:
        """Draw for `those`, at least one, each with a value of the objective on every unit."""
        self._those = tuple(those)
        self._query = query
        objective = self._worst(OBJECTIVE_METRIC[query.objective])
        if objective is None:  # `_rankable` lets nobody be eligible without it.
            raise ValueError("a recipe that may be chosen has no value of the objective")
        quantities = [(np.log(objective), math.log1p(EPSILON[query.objective]))]
        for key, epsilon in _FRONT:
            drawn = self._worst(key)
            if drawn is None or key == OBJECTIVE_METRIC[query.objective]:
                continue
            quantities.append((-drawn if key == "accuracy_delta_pp" else np.log(drawn), epsilon))
        found = standings(objective, tuple(quantities))
        self._found = found
        self.standings: dict[str, Standing] = {
            one.recipe: each for one, each in zip(those, found, strict=True)
        }

    def tied(self) -> tuple[tuple[Assessed, ...], tuple[Assessed, ...]]:
        """Those near the best, the one with least regret first, and others as likely the best."""
        near, likely = tied(self._found, EPSILON[self._query.objective])
        return (
            tuple(self._those[place] for place in near),
            tuple(self._those[place] for place in likely),
        )

    def front(self) -> tuple[str, ...]:
        """Recipes on the Pareto front in most draws."""
        return tuple(name for name, one in self.standings.items() if one.p_front >= 0.5)

    def _worst(self, key: str) -> Floats | None:
        """(draws, recipes): the worst unit of each recipe; None when one has no value.

        All rows of all recipes are drawn at once, so that a recipe's draws are its own.
        """
        rows = [row for one in self._those for row in one.rows]
        drawn = draw([_metric(key, row) for row in rows], seed(self._query, key))
        if not rows or bool(np.isnan(drawn[0]).any()):
            return None
        worst, at = [], 0
        for one in self._those:
            own = drawn[:, at : at + len(one.rows)]
            worst.append(own.min(axis=1) if key == "accuracy_delta_pp" else own.max(axis=1))
            at += len(one.rows)
        stacked: Floats = np.stack(worst, axis=1)
        if key != "accuracy_delta_pp" and not bool((stacked > 0).all()):
            return None
        return stacked


def _metric(key: str, row: TableRow) -> MetricValue:
    if key == "accuracy_delta_pp" and is_baseline(row):
        return MetricValue(key=key, value=0.0, low=0.0, high=0.0)
    return metric_of(key, row)
