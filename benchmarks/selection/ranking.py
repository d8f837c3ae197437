"""The recipes that may be chosen, ranked by draws: P(best), Pareto front, expected regret."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..samples import Floats
from ..stats.draws import DRAWS, drawn
from ..stats.pareto import Standing, against_best, standings, tied
from ..vocabulary.enums import Objective
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed
from .checks import OBJECTIVE_METRIC
from .limits import draw_key, metric_of
from .objections import is_baseline

EPSILON = {
    Objective.LATENCY: 0.02,
    Objective.SIZE: 0.0,
    Objective.MEMORY: 0.01,
    Objective.ENERGY: 0.05,
    Objective.THROUGHPUT: 0.02,
}
"""Relative differences that decide nothing (measurement.md F-3); sizes are exact."""

_FRONT = (
    *(
        (OBJECTIVE_METRIC[one], math.log1p(EPSILON[one]))
        for one in Objective
        if one is not Objective.THROUGHPUT
    ),
    ("accuracy_delta_pp", 0.1),
    ("perplexity_ratio", math.log1p(0.001)),
)
"""What the Pareto front looks at, with the difference in its scale that decides nothing."""


class Ranking:
    """Recipes that may be chosen, and where each stands among them."""

    def __init__(self, query: SelectQuery, those: Sequence[Assessed]) -> None:
        """Draw for `those`, at least one, each with a value of the objective on every unit."""
        self._those = tuple(those)
        self._epsilon = EPSILON[query.objective]
        objective = self._worst(OBJECTIVE_METRIC[query.objective])
        if objective is None:  # `_rankable` lets nobody be eligible without it.
            raise ValueError("a recipe that may be chosen has no value of the objective")
        self._logs = objective
        quantities = [(objective, math.log1p(self._epsilon))]
        for key, epsilon in _FRONT:
            if key == OBJECTIVE_METRIC[query.objective]:
                continue
            found = self._worst(key)
            if found is not None:
                quantities.append((found, epsilon))
        self.standings: dict[str, Standing] = {
            one.recipe: each
            for one, each in zip(
                self._those, standings(objective, tuple(quantities), self._epsilon), strict=True
            )
        }

    def tied(
        self, winners: Sequence[Assessed]
    ) -> tuple[tuple[Assessed, ...], tuple[Assessed, ...]]:
        """Of some of these: those near the best, the least regret first, and others as likely."""
        names = {one.recipe for one in winners}
        places = [place for place, one in enumerate(self._those) if one.recipe in names]
        found = [
            Standing(p_best, 0.0, regret)
            for p_best, regret in against_best(self._logs[places], self._epsilon)
        ]
        near, likely = tied(found, self._epsilon)
        return (
            tuple(self._those[places[place]] for place in near),
            tuple(self._those[places[place]] for place in likely),
        )

    def front(self) -> tuple[str, ...]:
        """Recipes on the Pareto front in most draws."""
        return tuple(name for name, one in self.standings.items() if one.p_front >= 0.5)

    def _worst(self, key: str) -> Floats | None:
        """(recipes, draws): the worst unit of each recipe; None when one has no value."""
        found = np.empty((len(self._those), DRAWS))
        for place, one in enumerate(self._those):
            worst = worst_draws(key, one.rows)
            if worst is None:
                return None
            found[place] = worst
        return found


def worst_draws(key: str, rows: Sequence[TableRow]) -> Floats | None:
    """(DRAWS,) or (1,): the worst of some rows in each draw, more is worse.

    Logarithms; of the accuracy delta the loss in points. None when a row has no value, or when
    there is none.
    """
    worst: Floats | None = None
    for row in rows:
        own = drawn(_metric(key, row), *draw_key(row))
        if own is None:
            return None
        if key == "accuracy_delta_pp":
            own = -own
        worst = own if worst is None else np.maximum(worst, own)
    return worst


def _metric(key: str, row: TableRow) -> MetricValue:
    if key == "accuracy_delta_pp" and is_baseline(row):
        return MetricValue(key=key, value=0.0, low=0.0, high=0.0)
    return metric_of(key, row)
