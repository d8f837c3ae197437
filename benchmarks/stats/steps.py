"""Lasting changes of level in a series of results, and the range that is usual in it.

Pure, numpy only. Steps are found by binary segmentation (Scott and Knott 1974, Biometrics
30:507; Vostrikova 1981) of winsorised values, so that a spike counts no more than `_CLIP`
deviations (Fearnhead and Rigaill 2019, J. Am. Stat. Assoc. 114:169, on why that is needed). Series
of results are neither normal nor independent: the critical value is not a quantile of theory but
was set by simulation, such that fewer than 1 in 100 series without any change show a step while
they drift slowly, remember themselves from run to run, and carry spikes (its
tests do so). Whether a step matters is another question, answered by the margin of `change`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..samples import Floats
from ..vocabulary.metrics import is_linear
from .sentinel import MAX_HISTORY, MIN_HISTORY, reach

MIN_SEGMENT = 3
"""Values that a level needs: fewer may be spikes."""

CRITICAL = 7.3
"""Of the largest standardised difference between two sides of a split; set by simulation."""

_CLIP = 5.0
_MAD_TO_SIGMA = 1.4826
_LEAST_NOISE = 0.25
"""Deviation that is assumed at least, of the margin: counted values may not scatter at all."""


def scaled(key: str, values: Sequence[float]) -> Floats:
    """Values on the scale on which they are compared: logarithms where ratios matter."""
    found = np.asarray(values, dtype=np.float64)
    return found if is_absolute(key, values) else np.log(found)


def unscaled(key: str, value: float, *, absolute: bool) -> float:
    """A value of that scale in its own unit."""
    return value if absolute or is_linear(key) else math.exp(value)


def is_absolute(key: str, values: Sequence[float]) -> bool:
    """Whether differences of this metric matter, and not ratios; also where there are none."""
    return is_linear(key) or any(value <= 0 for value in values)


def find_steps(values: Floats, margin: float) -> tuple[int, ...]:
    """Where a new level begins, ascending.

    Args:
        values: in the order of time, on an additive scale, (n,).
        margin: difference of medians up to which nothing changed.

    Returns:
        Indices of first values of new levels; none for fewer than `MIN_HISTORY` values.
    """
    if values.size < MIN_HISTORY:
        return ()
    return tuple(sorted(_split(values, 0, margin)))


def _split(values: Floats, offset: int, margin: float) -> list[int]:
    at = _best_split(values, margin)
    if at is None:
        return []
    return [
        *_split(values[:at], offset, margin),
        offset + at,
        *_split(values[at:], offset + at, margin),
    ]


def _best_split(values: Floats, margin: float) -> int | None:
    """The split that separates two levels best, if it separates any.

    A level may drift: the jump is measured once more with the slope that both sides share taken
    out, and the smaller of the two counts.
    """
    n = values.size
    if n < 2 * MIN_SEGMENT:
        return None
    at = int(np.argmax(_statistic(values, _noise(values, margin)))) + 1
    sides = (values[:at], values[at:])
    # One side may hold further steps; the calmer one tells how far values scatter about a level.
    calm = min(float(np.median(np.abs(side - np.median(side)))) for side in sides)
    noise = max(_noise(values, margin), _MAD_TO_SIGMA * calm)
    slope = float(np.median(np.concatenate([_slopes(side) for side in sides])))
    level = values - slope * np.arange(n)
    jump = abs(float(np.median(level[at:]) - np.median(level[:at])))
    standardised = jump * math.sqrt(at * (n - at) / n) / noise
    moved = abs(float(np.median(sides[1]) - np.median(sides[0])))
    found = min(standardised, float(np.max(_statistic(values, noise))))
    return at if found > CRITICAL and min(moved, jump) > margin else None


def _statistic(values: Floats, noise: float) -> Floats:
    """Standardised difference of winsorised means for each split, (n - 1,); -1 where too near."""
    n = values.size
    centred = np.clip((values - np.median(values)) / noise, -_CLIP, _CLIP)
    sums, left = np.cumsum(centred), np.arange(1, n)
    difference = sums[:-1] / left - (sums[-1] - sums[:-1]) / (n - left)
    statistic = np.abs(difference) * np.sqrt(left * (n - left) / n)
    legal = (left >= MIN_SEGMENT) & (n - left >= MIN_SEGMENT)
    found: Floats = np.where(legal, statistic, -1.0)
    return found


def _slopes(values: Floats) -> Floats:
    """The slopes between all pairs of values, per step (Theil 1950, Sen 1968)."""
    first, second = np.triu_indices(values.size, 1)
    found: Floats = (values[second] - values[first]) / (second - first)
    return found


def _noise(values: Floats, margin: float) -> float:
    """Deviation of one value about its level, which steps and spikes hardly raise.

    Of the differences of neighbours, whose deviation is the square root of two times larger.
    """
    differences = np.abs(np.diff(values))
    deviation = _MAD_TO_SIGMA * float(np.median(differences)) / math.sqrt(2)
    return max(deviation, _LEAST_NOISE * margin, 1e-12)


def usual_range(values: Floats, margin: float) -> tuple[float, float, float] | None:
    """Between which values nothing is unusual: low, median, high; None with too short a history.

    As the sentinel's range: `reach` scaled median absolute deviations, never less than the margin.

    Args:
        values: earlier ones in the order of time, on an additive scale, (n,).
        margin: difference up to which nothing changed.
    """
    if values.size < MIN_HISTORY:
        return None
    kept = values[-MAX_HISTORY:]
    centre = float(np.median(kept))
    deviation = _MAD_TO_SIGMA * float(np.median(np.abs(kept - centre)))
    width = max(reach(kept.size) * deviation, margin)
    return centre - width, centre, centre + width
