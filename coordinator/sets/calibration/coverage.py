"""Whether the ranges that a calibration set gives hold what the model really sees. Pure.

Measurement.md E-7: ranges are frozen on one half of the set and held against the other, then those
of the whole set against the reference; the set is drawn anew to see how far scales move. A tensor's
values are counted, its evidence are calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .effects import BY_CHANCE

Floats = npt.NDArray[np.float64]
Tensors = Mapping[str, npt.NDArray[Any]]
Calls = Callable[[], Iterator[Tensors]]
"""The tensors of one call after the other, by name; the same ones each time it is called."""

MIN_MAX, PERCENTILE = "minmax", "percentile"
METHODS = (MIN_MAX, PERCENTILE)
KEPT_SHARE = 0.99999
"""Of magnitudes, what a percentile range holds: as onnxruntime's calibrator has it."""
_BINS = 2048
HALVES = 5
"""Random divisions of the set in two; each half is held against the other's ranges."""
RECALIBRATIONS = 20
"""How often the set is drawn anew, with replacement, to see how far scales move."""
LEAST_CALLS = 4
MOST_CLIPPED = 0.01
"""Share of a tensor's values outside frozen ranges from which they do not fit (E-7)."""
MOST_RATIO = 3.0
"""Times as many values as among held-out samples of the set itself (E-7)."""
LEAST_CLIPPED = 0.001
"""Share below which a ratio of two rare things says nothing."""
MOST_SPREAD = 0.10
"""Standard deviation of a scale, of its mean, from which the set does not fix it."""


@dataclass(frozen=True, slots=True)
class TensorCoverage:
    """What the frozen range of one tensor holds.

    Attributes:
        tensor: its name in the model.
        low: lower end that the whole set gives.
        high: upper end.
        clipped: share of the reference's values outside of it, 0 to 1.
        held_out: share of a half's values outside the range that the other half gives, 0 to 1.
        scale_spread: standard deviation of its scale over sets drawn anew, of the mean.
        clipped_limit: share of the reference from which its range does not fit: `MOST_CLIPPED`, or
            what samples of one world stay below in 99 of 100 cases where they are so few.
        held_out_limit: the same of a half.
    """

    tensor: str
    low: float
    high: float
    clipped: float
    held_out: float
    scale_spread: float
    clipped_limit: float = MOST_CLIPPED
    held_out_limit: float = MOST_CLIPPED

    @property
    def is_clipped(self) -> bool:
        """Whether the reference goes beyond what calibration saw (E-7)."""
        if self.clipped < LEAST_CLIPPED:
            return False
        return self.clipped > self.clipped_limit or self.clipped > MOST_RATIO * self.held_out

    @property
    def is_loose(self) -> bool:
        """Whether the set does not fix its range: a half, or a draw anew, gives another."""
        loose = self.held_out > self.held_out_limit or self.scale_spread > MOST_SPREAD
        return loose or self.clipped > MOST_CLIPPED

    @property
    def badness(self) -> float:
        """How far it is from what is asked, to put the worst first."""
        return max(
            self.clipped / MOST_CLIPPED,
            self.held_out / MOST_CLIPPED,
            self.scale_spread / MOST_SPREAD,
        )


@dataclass(frozen=True, slots=True)
class ActivationCheck:
    """The tensors of a model, held against ranges that a calibration set gives.

    Attributes:
        method: `minmax` or `percentile`, how ranges are taken.
        samples: of the calibration set and of the reference that were run.
        tensors: the worst first.
    """

    method: str
    samples: tuple[int, int]
    tensors: tuple[TensorCoverage, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Why the set does not stand for what this model sees, one sentence each."""
        clipped = [one for one in self.tensors if one.is_clipped]
        if not clipped:
            return ()
        worst = max(clipped, key=lambda one: one.clipped)
        return (
            f"{len(clipped)} of {len(self.tensors)} tensors of the model leave the ranges that"
            f" calibration gives: {worst.tensor} with {worst.clipped:.2%} of the reference's"
            f" values, {worst.held_out:.2%} of held-out calibration samples.",
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why its ranges are uncertain, one sentence each."""
        loose = [one for one in self.tensors if one.is_loose]
        if not loose:
            return ()
        worst = max(loose, key=lambda one: one.badness)
        return (
            f"{len(loose)} of {len(self.tensors)} tensors have ranges that the set does not fix:"
            f" the scale of {worst.tensor} moves by {worst.scale_spread:.1%} when the set is drawn"
            f" anew, and half of it leaves {worst.held_out:.2%} of the other half outside. More"
            " samples would fix them.",
        )


def coverage(
    calibration: Calls, reference: Calls, method: str = MIN_MAX, *, seed: int = 0
) -> tuple[TensorCoverage, ...]:
    """Each tensor of the calls, the worst first.

    Args:
        calibration: what the model computes on the calibration set.
        reference: on samples of what it will see.
        method: `MIN_MAX` or `PERCENTILE`.
        seed: of divisions and draws.

    Raises:
        BadInput: BAD_CALIBRATION_SET, there are too few calls to divide.
    """
    ends = _ends(calibration)
    calls = max((len(one) for one in ends.values()), default=0)
    if calls < LEAST_CALLS:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The model was run {calls} times on the calibration set; to hold one half against the"
            f" other takes {LEAST_CALLS} at least.",
        )
    drawn = _drawn(calls, np.random.default_rng(seed))
    ranges = {name: _ranges(one, drawn) for name, one in ends.items()}
    if method == PERCENTILE:
        ranges = _narrowed(calibration, ranges, drawn)
    held_out = _held_out(calibration, ranges, drawn)
    clipped = _clipped(reference, ranges)
    limits = {"clipped_limit": _limit(calls), "held_out_limit": _limit(calls // 2)}
    found = [
        TensorCoverage(
            tensor=name,
            low=float(one[0, 0]),
            high=float(one[0, 1]),
            clipped=clipped.get(name, 0.0),
            held_out=held_out[name],
            scale_spread=_spread(one[1 + 2 * HALVES :]),
            **limits,
        )
        for name, one in ranges.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.badness, one.tensor)))


def _limit(calls: int) -> float:
    """What lies beyond the ends of n calls of one number each is Beta(2, n - 1) distributed."""
    from scipy.stats import beta

    return max(MOST_CLIPPED, float(beta.ppf(BY_CHANCE, 2, max(calls - 1, 1))))


def _values(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    kept: npt.NDArray[Any] = tensor[np.isfinite(tensor)]
    return kept


def _floats(tensors: Tensors) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name, tensor in tensors.items():
        if tensor.dtype.kind == "f" and (values := _values(tensor)).size:
            yield name, values


def _ends(calls: Calls) -> dict[str, Floats]:
    """Lowest and highest value of each tensor in each call, (calls, 2); NaN where it has none."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    count = 0
    for count, tensors in enumerate(calls(), 1):
        for name, values in _floats(tensors):
            found.setdefault(name, []).append((count - 1, values.min(), values.max()))
    made = {}
    for name, each in found.items():
        made[name] = np.full((count, 2), np.nan)
        for at, low, high in each:
            made[name][at] = low, high
    return made


def _drawn(calls: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each call counts: all of them, then pairs of halves, then draws anew."""
    rows = [np.ones(calls, np.int64)]
    for _ in range(HALVES):
        first = np.zeros(calls, np.int64)
        first[rng.permutation(calls)[: calls // 2]] = 1
        rows += [first, 1 - first]
    for _ in range(RECALIBRATIONS):
        rows.append(np.bincount(rng.integers(0, calls, calls), minlength=calls))
    return np.array(rows)


def _ranges(ends: Floats, drawn: npt.NDArray[np.int64]) -> Floats:
    """The lowest and highest value of each choice of calls, (choices, 2)."""
    low = np.where(np.isnan(ends[:, 0]), np.inf, ends[:, 0])
    high = np.where(np.isnan(ends[:, 1]), -np.inf, ends[:, 1])
    taken = drawn > 0
    return np.stack(
        (np.where(taken, low, np.inf).min(axis=1), np.where(taken, high, -np.inf).max(axis=1)), 1
    )


def _narrowed(
    calls: Calls, ranges: dict[str, Floats], drawn: npt.NDArray[np.int64]
) -> dict[str, Floats]:
    """Ranges without the largest magnitudes, found in histograms of each choice of calls."""
    counts = {name: np.zeros((len(drawn), _BINS)) for name in ranges}
    peaks = {name: float(np.abs(one[0]).max()) or 1.0 for name, one in ranges.items()}
    for at, tensors in enumerate(calls()):
        for name, values in _floats(tensors):
            found, _ = np.histogram(np.abs(values), bins=_BINS, range=(0.0, peaks[name]))
            counts[name] += drawn[:, at, None] * found
    narrowed = {}
    for name, one in ranges.items():
        below = counts[name].cumsum(axis=1)
        enough = below >= KEPT_SHARE * below[:, -1:]
        limit = (enough.argmax(axis=1) + 1) * peaks[name] / _BINS
        narrowed[name] = np.stack((np.maximum(one[:, 0], -limit), np.minimum(one[:, 1], limit)), 1)
    return narrowed


def _held_out(
    calls: Calls, ranges: dict[str, Floats], drawn: npt.NDArray[np.int64]
) -> dict[str, float]:
    """Share of values outside the ranges of the half that they are not in, over all divisions."""
    outside, total = dict.fromkeys(ranges, 0), dict.fromkeys(ranges, 0)
    for at, tensors in enumerate(calls()):
        for name, values in _floats(tensors):
            for row in range(1, 1 + 2 * HALVES):
                if not drawn[row, at]:
                    outside[name] += _beyond(values, ranges[name][row])
                    total[name] += values.size
    return {name: outside[name] / max(total[name], 1) for name in ranges}


def _clipped(calls: Calls, ranges: dict[str, Floats]) -> dict[str, float]:
    outside, total = dict.fromkeys(ranges, 0), dict.fromkeys(ranges, 0)
    for tensors in calls():
        for name, values in _floats(tensors):
            if name in ranges:
                outside[name] += _beyond(values, ranges[name][0])
                total[name] += values.size
    return {name: outside[name] / max(total[name], 1) for name in ranges}


def _beyond(values: npt.NDArray[Any], ends: Floats) -> int:
    return int(np.count_nonzero((values < ends[0]) | (values > ends[1])))


def _spread(ranges: Floats) -> float:
    """Of the scales of ranges that hold 0, as quantizers make them; 0 where all are empty."""
    low, high = np.minimum(ranges[:, 0], 0.0), np.maximum(ranges[:, 1], 0.0)
    scales = (high - low)[np.isfinite(high - low)]
    mean = float(scales.mean()) if scales.size else 0.0
    return float(scales.std()) / mean if mean > 0 else 0.0
