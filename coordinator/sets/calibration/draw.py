"""Which samples of a pool calibrate: stratified, weighted when asked, repeatable. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from ..split import Places, shares
from .check import groups

OUTWEIGHS = 2.0
"""How many times its share of the pool a stratum may take before it is said."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What was chosen.

    Attributes:
        places: of the samples in the pool, ascending.
        notes: what whoever asked should know, one sentence each.
    """

    places: Places
    notes: tuple[str, ...]


def draw(
    pool: EvaluationSet, count: int, weights: Mapping[str, float] | None = None, *, seed: int = 0
) -> Drawn:
    """Choose samples, of each stratum its share of the pool times its weight.

    Args:
        pool: what is chosen from, a sample of production.
        count: how many.
        weights: by stratum, or class where no strata are told; 1 where none is given.
        seed: another one gives another choice.

    Raises:
        BadInput: BAD_CALIBRATION_SET, there are fewer samples; BAD_ARGUMENT, a weight of a stratum
            that is not there, or no weight above 0.
    """
    if count > len(pool):
        raise BadInput(
            Code.BAD_CALIBRATION_SET, f"{count} samples are asked for, the set holds {len(pool)}."
        )
    weights = weights or {}
    names = groups(pool)
    if names is None and weights:
        raise BadInput(Code.BAD_ARGUMENT, "The set tells no strata and no classes to weigh.")
    by_name: dict[str, list[int]] = {}
    for place, name in enumerate(names if names is not None else [""] * len(pool)):
        by_name.setdefault(name, []).append(place)
    _require_weights(weights, by_name)
    sizes = {name: len(by_name[name]) * weights.get(name, 1.0) for name in sorted(by_name)}
    if not sum(sizes.values()) > 0:
        raise BadInput(Code.BAD_ARGUMENT, "Every stratum has weight 0.")
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    notes = []
    for name, wanted in shares(sizes, count).items():
        there = by_name[name]
        if wanted > len(there):
            notes.append(f"{name} has {len(there)} samples of the {wanted} that its weight asks.")
        taken = min(wanted, len(there))
        chosen += rng.choice(there, taken, replace=False).tolist()
        if taken / count > OUTWEIGHS * len(there) / len(pool) and weights.get(name, 1.0) > 1:
            notes.append(
                f"{name} is {taken / count:.0%} of the choice and {len(there) / len(pool):.0%} of"
                " the pool: ranges will fit it rather than what is common."
            )
    return Drawn(np.array(sorted(chosen), np.int64), tuple(notes))


def _require_weights(weights: Mapping[str, float], there: Mapping[str, object]) -> None:
    for name, weight in weights.items():
        if name not in there:
            listed = ", ".join(sorted(there))[:200]
            raise BadInput(Code.BAD_ARGUMENT, f"There is no stratum {name!r}; there are {listed}.")
        if not 0 <= weight < float("inf"):
            raise BadInput(
                Code.BAD_ARGUMENT, f"The weight of {name} is {weight:g}, not a number from 0 up."
            )
