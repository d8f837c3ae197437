"""The score of two artifacts on the same samples, and whether one is no worse: by bootstrap. Pure.

Samples are drawn with replacement, the same for both artifacts; those of one source together. The
verdict is by non-inferiority as for classes (measurement.md E-2 and E-4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ..samples import Bools, Floats, Ints
from ..stats.paired import LEVEL
from .accuracy import ONE_SIDED, NonInferiority

DRAWS = 1000
_POWER = 0.8
_Z = NormalDist().inv_cdf(ONE_SIDED)
_UNBOUNDED = 1e9

Score = Callable[[Floats, Floats], float]


@dataclass(frozen=True, slots=True)
class ScorePair:
    """Two scores on the same samples, fractions.

    Attributes:
        n: samples.
        ref: of the baseline.
        cand: of the candidate.
        ref_ends: interval of 95 % of the baseline's.
        cand_ends: of the candidate's.
        ends: of the difference.
        decision: with one-sided bounds of 95 %.
        changed: samples whose figures are not the same.
    """

    n: int
    ref: float
    cand: float
    ref_ends: tuple[float, float]
    cand_ends: tuple[float, float]
    ends: tuple[float, float]
    decision: NonInferiority
    changed: int

    @property
    def delta(self) -> float:
        """Candidate's score less the baseline's."""
        return self.cand - self.ref


def compare(
    score: Score,
    ref: Floats,
    cand: Floats,
    margin: float,
    *,
    cluster: Ints | None = None,
    seed: int = 0,
) -> ScorePair:
    """Hold a candidate against the baseline.

    Args:
        score: of figures (samples, any) that count so often each.
        ref: figures of the baseline.
        cand: of the candidate, the same shape.
        margin: loss that is still none, a fraction.
        cluster: number of the source of each sample; None: each is its own.
        seed: of the draws.
    """
    n = len(ref)
    sources = np.arange(n) if cluster is None else np.unique(cluster, return_inverse=True)[1]
    units = int(sources.max()) + 1
    ones = np.ones(n)
    whole = score(ref, ones), score(cand, ones)
    rng = np.random.default_rng(seed)
    draws = np.empty((DRAWS, 2))
    for at in range(DRAWS):
        counts = np.bincount(rng.integers(0, units, units), minlength=units)
        weights = counts[sources].astype(np.float64)
        draws[at] = score(ref, weights), score(cand, weights)
    draws = draws[np.isfinite(draws).all(axis=1)]
    if not len(draws):
        draws = np.array([whole])
    differences = draws[:, 1] - draws[:, 0]
    low, high = _bounds(differences, whole[1] - whole[0], 2 * ONE_SIDED - 1, units)
    spread = float(differences.std())
    return ScorePair(
        n=n,
        ref=whole[0],
        cand=whole[1],
        ref_ends=_quantiles(draws[:, 0], LEVEL),
        cand_ends=_quantiles(draws[:, 1], LEVEL),
        ends=_bounds(differences, whole[1] - whole[0], LEVEL, units),
        decision=_decided(whole[1] - whole[0], (low, high), margin, (units, spread)),
        changed=int((~_same(ref, cand)).sum()),
    )


def beats(score: Score, ref: Floats, other: Floats, *, seed: int = 0) -> tuple[float, float]:
    """One-sided bounds of 95 % of the baseline's score beyond that of answers to other samples."""
    found = compare(score, other, ref, 0.0, seed=seed).decision
    return found.low, found.high


def _same(ref: Floats, cand: Floats) -> Bools:
    same: Bools = ((ref == cand) | (np.isnan(ref) & np.isnan(cand))).all(axis=1)
    return same


def _quantiles(values: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def _bounds(differences: Floats, delta: float, level: float, units: int) -> tuple[float, float]:
    """Never nearer than what Tango's interval has for so many samples none of which changed.

    A bootstrap knows nothing of what it did not see: where no sample changed its interval would
    have no width, however few there are.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    floor = z * z / (units + z * z)
    low, high = _quantiles(differences, level)
    return max(min(low, delta - floor), -1.0), min(max(high, delta + floor), 1.0)


def _decided(
    delta: float, ends: tuple[float, float], margin: float, known: tuple[int, float]
) -> NonInferiority:
    low, high = ends
    if low >= -margin:
        return NonInferiority("PASS", low, high, None)
    if high < -margin:
        return NonInferiority("FAIL", low, high, None)
    return NonInferiority("UNDECIDED", low, high, _needed(delta, margin, *known))


def _needed(delta: float, margin: float, units: int, spread: float) -> int | None:
    """Further samples for power 0.8 if things are as they look; as `accuracy` has it."""
    gap = abs(delta + margin)
    if gap < 1e-9:
        return None
    z = _Z + NormalDist().inv_cdf(_POWER)
    total = units * (z * spread / gap) ** 2
    if margin > 0:
        total = max(total, _Z**2 * (1 - margin) / margin)
    return max(math.ceil(total) - units, 1) if total < _UNBOUNDED else None
