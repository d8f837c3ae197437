"""Which of several recipes is best, how surely, and what a wrong choice costs (measurement.md F-3).

Pure, on draws. Everything is minimised. Recipes are compared draw by draw, so what makes all of
them slow at once does not make one of them look better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..samples import Floats

SURE = 0.8
"""A recipe that is best in fewer draws than this is tied with others."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One recipe among those that may be chosen.

    Attributes:
        p_best: share of draws in which it is the best, those of a tie within epsilon divided.
        p_front: share of draws in which no other dominates it.
        regret: what it loses against the best one of each draw, on average, relative (0.02 is
            2 % more than the best).
    """

    p_best: float
    p_front: float
    regret: float


def standings(
    logs: Floats, others: tuple[tuple[Floats, float], ...], epsilon: float
) -> list[Standing]:
    """Where each recipe stands.

    Args:
        logs: (recipes, draws), logarithms of the objective, smaller is better.
        others: further quantities to be minimised, (recipes, draws), each with the absolute
            difference that decides nothing; the objective itself should be among them.
        epsilon: relative difference of the objective that decides nothing.
    """
    front = _front(others)
    found = against_best(logs, epsilon)
    return [
        Standing(p_best, float(front[place].mean()), regret)
        for place, (p_best, regret) in enumerate(found)
    ]


def against_best(logs: Floats, epsilon: float) -> list[tuple[float, float]]:
    """P(best) and expected regret of each recipe; those within epsilon of the best share a draw.

    Args:
        logs: (recipes, draws), logarithms of the objective, smaller is better.
        epsilon: relative difference that decides nothing.
    """
    least = logs.min(axis=0)
    best = logs <= least + np.log1p(epsilon)
    shares = (best / best.sum(axis=0)).mean(axis=1)
    loss = np.expm1(logs - least).mean(axis=1)
    return [(float(share), float(regret)) for share, regret in zip(shares, loss, strict=True)]


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
    """(recipes, draws): whether no other recipe dominates it by more than the epsilons.

    One dominates another when it is worse in nothing by more than epsilon and better in
    something by more than epsilon.
    """
    recipes, draws = quantities[0][0].shape
    on_front = np.ones((recipes, draws), dtype=np.bool_)
    for one in range(recipes):
        for other in range(recipes):
            if one == other:
                continue
            nowhere_worse = np.ones(draws, dtype=np.bool_)
            somewhere_better = np.zeros(draws, dtype=np.bool_)
            for values, epsilon in quantities:
                ahead = values[one] - values[other]
                nowhere_worse &= ahead >= -epsilon
                somewhere_better |= ahead > epsilon
            on_front[one] &= ~(nowhere_worse & somewhere_better)
    return on_front
