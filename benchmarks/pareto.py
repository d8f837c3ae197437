"""Which of several recipes is best, how surely, and what a wrong choice costs (measurement.md F-3).

Pure, on draws. Everything is minimised. Recipes are compared draw by draw, so what makes all of
them slow at once does not make one of them look better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .samples import Floats

SURE = 0.8
"""A recipe that is best in fewer draws than this is tied with others."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One recipe among those that may be chosen.

    Attributes:
        p_best: share of draws in which it is the best.
        p_front: share of draws in which no other dominates it.
        regret: what it loses against the best one of each draw, on average, relative (0.02 is
            2 % more than the best).
    """

    p_best: float
    p_front: float
    regret: float


def standings(objective: Floats, others: tuple[tuple[Floats, float], ...]) -> list[Standing]:
    """Where each recipe stands.

    Args:
        objective: (draws, recipes), positive, smaller is better.
        others: further quantities to be minimised, (draws, recipes), each with the absolute
            difference that decides nothing; the objective's own logarithm should be among them.
    """
    logs = np.log(objective)
    best = logs.min(axis=1, keepdims=True)
    winner = logs.argmin(axis=1)
    front = _front(others)
    loss = np.expm1(logs - best).mean(axis=0)
    return [
        Standing(float((winner == place).mean()), float(front[:, place].mean()), float(loss[place]))
        for place in range(objective.shape[1])
    ]


def tied(found: list[Standing], epsilon: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The recipes that the data does not tell from the best.

    Args:
        found: standings; at least one.
        epsilon: a regret that is larger than the least by no more than this is none.

    Returns:
        Those with the least regret, the very least first; and, while these are the best in fewer
        draws than `SURE` together, the likeliest of the others.
    """
    order = sorted(range(len(found)), key=lambda place: (found[place].regret, place))
    least = found[order[0]].regret
    near = [place for place in order if found[place].regret - least <= epsilon]
    likely: list[int] = []
    for place in sorted(set(order) - set(near), key=lambda place: (-found[place].p_best, place)):
        if sum(found[one].p_best for one in (*near, *likely)) >= SURE:
            break
        likely.append(place)
    return tuple(near), tuple(likely)


def _front(quantities: tuple[tuple[Floats, float], ...]) -> npt.NDArray[np.bool_]:
    """(draws, recipes): whether no other recipe dominates it by more than the epsilons.

    One dominates another when it is worse in nothing by more than epsilon and better in
    something by more than epsilon.
    """
    first = quantities[0][0]
    draws, recipes = first.shape
    on_front = np.ones((draws, recipes), dtype=np.bool_)
    for one in range(recipes):
        for other in range(recipes):
            if one == other:
                continue
            nowhere_worse = np.ones(draws, dtype=np.bool_)
            somewhere_better = np.zeros(draws, dtype=np.bool_)
            for values, epsilon in quantities:
                ahead = values[:, one] - values[:, other]
                nowhere_worse &= ahead >= -epsilon
                somewhere_better |= ahead > epsilon
            on_front[:, one] &= ~(nowhere_worse & somewhere_better)
    return on_front
