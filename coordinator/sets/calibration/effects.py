"""How far apart two samples of one feature are: sizes that decide, a p-value that is shown. Pure.

An effect size does not grow with the number of samples; a p-value does, so that a large sample
rejects what does no harm and a small one misses what does (measurement.md, E-6). What a size
reaches by chance alone, at these numbers of samples, is found by dividing them anew at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from .features import Feature

DIVIDED = 500
"""Samples of each side that are divided anew at most; for more, chance follows from these."""
DIVISIONS = 200
BY_CHANCE = 0.99
"""Share of the random divisions that a size must exceed to be no accident."""
_PSI_BINS = 10
_ADDED = 0.5
"""Counts added to each bin, so that an empty one is unlikely and not impossible."""
_LEAST_SIGMA = 1e-12


class Alike(str, Enum):
    """What is found of one feature."""

    ALIKE = "alike"
    UNCLEAR = "unclear"
    SHIFTED = "shifted"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Effect sizes of one feature.

    Attributes:
        ks: largest distance of the distribution functions, 0 to 1 (Kolmogorov and Smirnov).
        wasserstein: how far values move on average, in standard deviations of the reference.
        psi: population stability index over the tenths of the reference.
    """

    ks: float
    wasserstein: float
    psi: float


LIMITS = Sizes(ks=0.10, wasserstein=0.10, psi=0.10)
"""Above these a size matters (measurement.md, E-6)."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One feature of a calibration set beside the same of a reference.

    Attributes:
        feature: its name.
        sizes: as they are.
        by_chance: what 99 of 100 random divisions of the same samples stay below.
        found: shifted above both its limit and chance, unclear above its limit alone.
        p_value: of Kolmogorov and Smirnov's test, corrected for the number of features by
            Benjamini and Hochberg; shown, never decided by.
    """

    feature: str
    sizes: Sizes
    by_chance: Sizes
    found: Alike
    p_value: float


def effects(
    calibration: dict[str, Feature], reference: dict[str, Feature], *, seed: int = 0
) -> tuple[Effect, ...]:
    """Each feature that both have, those that are farthest apart first.

    Args:
        calibration: features of the calibration set.
        reference: of what it shall stand for.
        seed: of the random divisions.
    """
    from scipy.stats import false_discovery_control, ks_2samp

    rng = np.random.default_rng(seed)
    names = [name for name in calibration if name in reference]
    pairs = [(calibration[name], reference[name]) for name in names]
    raw = [float(ks_2samp(mine, theirs).pvalue) for mine, theirs in pairs]
    corrected = false_discovery_control(raw) if raw else []
    found = []
    for name, (mine, theirs), p_value in zip(names, pairs, corrected, strict=True):
        sizes, chance = _sizes(mine, theirs), _by_chance(mine, theirs, rng)
        found.append(Effect(name, sizes, chance, _found(sizes, chance), float(p_value)))
    return tuple(sorted(found, key=lambda one: -_worst(one.sizes)))


def _found(sizes: Sizes, chance: Sizes) -> Alike:
    above = [
        size > by_chance
        for size, limit, by_chance in (
            (sizes.ks, LIMITS.ks, chance.ks),
            (sizes.wasserstein, LIMITS.wasserstein, chance.wasserstein),
            (sizes.psi, LIMITS.psi, chance.psi),
        )
        if size > limit
    ]
    if not above:
        return Alike.ALIKE
    return Alike.SHIFTED if any(above) else Alike.UNCLEAR


def _worst(sizes: Sizes) -> float:
    return max(sizes.ks / LIMITS.ks, sizes.wasserstein / LIMITS.wasserstein, sizes.psi / LIMITS.psi)


def _sizes(mine: Feature, theirs: Feature) -> Sizes:
    from scipy.stats import wasserstein_distance

    return Sizes(
        ks=_ks(np.sort(mine), np.sort(theirs)),
        wasserstein=float(wasserstein_distance(mine, theirs)) / _sigma(mine, theirs),
        psi=_psi(mine, theirs),
    )


def _sigma(mine: Feature, theirs: Feature) -> float:
    """The reference's spread; where it has none, that of both."""
    sigma = float(theirs.std()) or float(np.concatenate((mine, theirs)).std())
    return max(sigma, _LEAST_SIGMA)


def _ks(mine: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> float:
    """Of sorted values; as in `scipy.stats.ks_2samp`, without its p-value, which takes long."""
    both = np.concatenate((mine, theirs))
    mine_below = np.searchsorted(mine, both, side="right") / mine.size
    theirs_below = np.searchsorted(theirs, both, side="right") / theirs.size
    return float(np.abs(mine_below - theirs_below).max())


def _psi(mine: Feature, theirs: Feature) -> float:
    edges = np.unique(np.quantile(theirs, np.arange(1, _PSI_BINS) / _PSI_BINS))
    shares = []
    for values in (mine, theirs):
        counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=edges.size + 1)
        shares.append((counts + _ADDED) / (values.size + _ADDED * counts.size))
    return float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())


def _by_chance(mine: Feature, theirs: Feature, rng: np.random.Generator) -> Sizes:
    """What random divisions stay below: distances shrink with the root of n, PSI with n."""
    some = [rng.choice(one, min(one.size, DIVIDED), replace=False) for one in (mine, theirs)]
    both = np.concatenate(some)
    sizes = []
    for _ in range(DIVISIONS):
        shuffled = rng.permutation(both)
        sizes.append(_sizes(shuffled[: some[0].size], shuffled[some[0].size :]))
    shrinks = (1 / mine.size + 1 / theirs.size) / sum(1 / one.size for one in some)
    each = (
        [one.ks for one in sizes],
        [one.wasserstein for one in sizes],
        [one.psi for one in sizes],
    )
    ks, wasserstein, psi = (float(np.quantile(one, BY_CHANCE)) for one in each)
    return Sizes(ks * shrinks**0.5, wasserstein * shrinks**0.5, psi * shrinks)
