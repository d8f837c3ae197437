"""Whether a baseline is one that anything can be compared with.

What differs from a baseline that means nothing says nothing either: its outputs have to be numbers,
to differ from sample to sample, to be the same when it runs again, and to be better than chance
where there are labels. `observe` runs on the device and keeps facts, `soundness` decides on them.

Chance is what the best answer without a look at the input gets right: the most frequent label (the
no-information rate of `confusionMatrix`: Kuhn 2008, Journal of Statistical Software 28, issue 5).
Beside a worse baseline an artifact passes that always answers that label. Both are right or wrong
on the same samples, so the baseline is held against that answer as a candidate is against the
baseline: by Tango's score interval of the paired difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..samples import BaselineSamples, Floats, QualitySamples
from ..vocabulary.reasons import (
    BASELINE_AT_CHANCE,
    BASELINE_CONSTANT,
    BASELINE_DIFFERS,
    BASELINE_NOISY,
    BASELINE_NONFINITE,
    BASELINE_ONE_LABEL,
    BASELINE_TIED,
)
from .accuracy import ONE_SIDED, Paired, tango_bounds

AGAIN = 32
"""Samples at most that the baseline runs a second time."""

ROUNDING = 1e-4
"""Of the largest magnitude: what two runs of one float model may differ by (order of sums)."""

ALIKE = 1e-6
"""Of the largest magnitude: what is taken for the same output, some units in its last place."""

MOSTLY = 0.5
"""Share of samples whose best classes tie, from which on the predictions are arbitrary."""

USEFUL = 0.25
"""Share of what there is to gain over chance; at it is what maybe gains nothing and surely less."""

FEW_OF_ONE_LABEL = 5
"""Samples up to which two classes, equally frequent, show only one in more than 5 % of sets."""

Details = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that a baseline breaks.

    Attributes:
        reason: why nothing is compared with it, a key of `reasons.REASONS`.
        detail: the figures, by name.
    """

    reason: str
    detail: Details = ()


@dataclass(frozen=True, slots=True)
class Soundness:
    """What is known of a baseline.

    Attributes:
        faults: the rules that it breaks, the most fundamental first; empty when it is sound as
            far as is known.
        untold: whether there are too few samples to tell that it is better than chance.
    """

    faults: tuple[Fault, ...] = ()
    untold: bool = False


def observe(
    outputs: npt.NDArray[np.generic], again: npt.NDArray[np.generic], *, ranked: bool
) -> BaselineSamples:
    """What tells whether a baseline is sound, besides what it predicts.

    Args:
        outputs: of the baseline, first axis is samples.
        again: the same of a second run of the first samples.
        ranked: whether the greatest value of a row is the prediction, so that ties matter.
    """
    exact = not np.issubdtype(outputs.dtype, np.inexact)
    first, second = _rows(outputs), _rows(again)
    finite = np.isfinite(first)
    magnitude = np.abs(np.where(finite, first, 0.0)).max(axis=1, initial=0.0)
    return BaselineSamples(
        ref_magnitude=np.zeros_like(magnitude) if exact else magnitude,
        ref_lead=_lead(first) if ranked else np.full(len(first), np.nan),
        ref_apart=_difference(first, first[:1]),
        ref_again=_difference(first[: len(second)], second),
    )


def soundness(
    samples: QualitySamples, observed: BaselineSamples | None, *, several_labels: bool = False
) -> Soundness:
    """Judge a baseline by what it did.

    Args:
        samples: of the baseline, with a candidate or without.
        observed: None where nothing of that was kept.
        several_labels: whether each class may hold. One that is fair at every label can have few
            sets of them all right, so the most frequent set proves what beats it, and no more.
    """
    chance, untold = _chance(samples, several_labels)
    found = (
        _finite(samples),
        None if observed is None else _varies(observed),
        None if observed is None else _repeats(observed),
        chance,
    )
    return Soundness(tuple(fault for fault in found if fault is not None), untold)


def agreement_fault(agreeing: int, samples: int, least: float) -> Fault | None:
    """Whether a device's baseline surely agrees with the reference on fewer than `least` samples.

    Near-ties may flip: one of eleven samples tells nothing. It does when so many would flip in no
    more than 5 % of sets if the true share were `least` (exact binomial).
    """
    differing = samples - agreeing
    if not samples or _at_least(differing, samples, 1 - least) > 1 - ONE_SIDED:
        return None
    return Fault(BASELINE_DIFFERS, (("differing", differing), ("samples", samples)))


def _finite(samples: QualitySamples) -> Fault | None:
    bad = int(np.count_nonzero(samples.ref_nonfinite))
    if not bad:
        return None
    return Fault(BASELINE_NONFINITE, (("nonfinite", bad), ("samples", samples.ids.size)))


def _varies(observed: BaselineSamples) -> Fault | None:
    size = observed.ref_magnitude.size
    count = ("samples", size)
    if size > 1 and observed.ref_apart.max() <= ALIKE * observed.ref_magnitude.max():
        return Fault(BASELINE_CONSTANT, (count,))
    tied = int(np.count_nonzero(observed.ref_lead <= ALIKE * observed.ref_magnitude))
    if size and tied >= MOSTLY * size:
        return Fault(BASELINE_TIED, (("tied", tied), count))
    return None


def _repeats(observed: BaselineSamples) -> Fault | None:
    size = observed.ref_again.size
    worst = float(observed.ref_again.max(initial=0.0))
    magnitude = float(observed.ref_magnitude.max(initial=0.0))
    if worst <= ROUNDING * magnitude:
        return None
    return Fault(
        BASELINE_NOISY, (("largest_change", worst), ("magnitude", magnitude), ("repeated", size))
    )


def _chance(samples: QualitySamples, several_labels: bool) -> tuple[Fault | None, bool]:
    """Whether it is at chance, and whether the samples are too few to tell."""
    labels, n = samples.labels, samples.ids.size
    if labels is None or not samples.classes or not n:
        return None, False
    known, counts = np.unique(labels, return_counts=True)
    if known.size == 1:
        if n <= FEW_OF_ONE_LABEL:
            return None, True
        return Fault(BASELINE_ONE_LABEL, (("label", int(known[0])), ("samples", n))), False
    guessed = labels == known[counts.argmax()]
    low, high = against_guess(samples.ref_top1 == labels, guessed)
    if low > 0:
        return None, False
    if several_labels or high >= USEFUL * (1 - np.mean(guessed)):
        return None, True
    details = (
        ("right", int(np.count_nonzero(samples.ref_top1 == labels))),
        ("guessed", int(counts.max())),
        ("samples", n),
        ("gain_low_pp", 100 * low),
        ("gain_high_pp", 100 * high),
    )
    return Fault(BASELINE_AT_CHANCE, details), False


def against_guess(
    right: npt.NDArray[np.bool_], guessed: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """One-sided 95 % bounds of the accuracy beyond that of one answer for all, as fractions.

    Args:
        right: whether the baseline is, (samples,), at least one.
        guessed: whether that answer is.
    """
    gained = int(np.count_nonzero(right & ~guessed))
    lost = int(np.count_nonzero(guessed & ~right))
    return tango_bounds(Paired(right.size, lost, gained), 2 * ONE_SIDED - 1)


def _rows(outputs: npt.NDArray[np.generic]) -> Floats:
    return np.asarray(outputs).astype(np.float64).reshape(len(outputs), -1)


def _lead(rows: Floats) -> Floats:
    """How far the greatest value of each row is ahead; NaN where not all are numbers, or one is."""
    lead = np.full(len(rows), np.nan)
    finite = np.all(np.isfinite(rows), axis=1)
    if rows.shape[1] > 1 and finite.any():
        best = np.partition(rows[finite], -2, axis=1)
        lead[finite] = best[:, -1] - best[:, -2]
    return lead


def _difference(rows: Floats, others: Floats) -> Floats:
    """The largest difference of each row; infinite where only one of two values is a number."""
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(rows - others)
    same = (rows == others) | (np.isnan(rows) & np.isnan(others))
    apart = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    found: Floats = apart.max(axis=1, initial=0.0)
    return found


def _at_least(hits: int, n: int, share: float) -> float:
    """The probability of `hits` or more of `n`, each with probability `share`."""
    whole, yes, no = math.lgamma(n + 1), math.log(share), math.log1p(-share)
    below = (
        whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * yes + (n - k) * no
        for k in range(hits)
    )
    return max(1 - math.fsum(map(math.exp, below)), 0.0)
