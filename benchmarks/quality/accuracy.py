"""Accuracy, paired by sample, decided by non-inferiority (measurement.md E-1 and E-2).

`score` runs on the device and keeps what each sample did; the rest runs in the analysis. The
bounds are Tango's score interval for the difference of paired proportions (Tango 1998,
Statistics in Medicine 17:891-908), because with few discordant pairs the Wald interval has
almost no width: at n = 50 it let a true loss of 2 points pass a margin of 1 in 36 % of trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ..samples import Floats, Ints, QualitySamples
from ..vocabulary.errors import BadInput, Code
from .heads import (
    Head,
    as_numbers,
    confidences,
    divergences,
    head_of_values,
    log_probabilities,
    losses,
    matrix_of,
    predictions,
    ranks,
)

ONE_SIDED = 0.95
"""Confidence of each of the two bounds that decide."""

_POWER = 0.8
_UNBOUNDED = 1e9


@dataclass(frozen=True, slots=True)
class Paired:
    """Counts of a paired comparison of correctness.

    Attributes:
        n: samples.
        b: right with the baseline, wrong with the candidate.
        c: wrong with the baseline, right with the candidate.
    """

    n: int
    b: int
    c: int

    @property
    def delta(self) -> float:
        """Candidate's accuracy less the baseline's, as a fraction."""
        return (self.c - self.b) / self.n


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """The decision on one candidate.

    Attributes:
        verdict: `PASS` when the lower bound is no worse than the margin, `FAIL` when the upper
            bound is worse, else `UNDECIDED`.
        low: one-sided 95 % lower bound of the difference, a fraction.
        high: one-sided 95 % upper bound.
        samples_needed: how many more samples would decide it with power 0.8 if the candidate is
            as it looks now; None when decided, or when it is so near the margin that no number
            of samples would do.
    """

    verdict: str
    low: float
    high: float
    samples_needed: int | None


def score(
    outputs_ref: npt.NDArray[np.generic],
    outputs_cand: npt.NDArray[np.generic] | None,
    labels: npt.NDArray[np.generic] | None,
    ids: Sequence[str] | npt.NDArray[np.generic] | None,
    head: Head | None = None,
) -> QualitySamples:
    """What each evaluation sample did in the baseline and in the candidate.

    Args:
        outputs_ref: rows of the judged output of the baseline, first axis is samples.
        outputs_cand: the same of the candidate, same shape; None for the baseline alone.
        labels: true classes, (samples,), or which hold, (samples, classes) of 0 and 1, or None.
        ids: unique names, or None for `0`, `1`, ...
        head: how the output tells classes. None takes a (samples, classes) matrix as logits, or as
            probabilities when every finite row is one, and anything else as values.

    Raises:
        BadInput: code `bad_evaluation_set` when the lengths do not agree, or `bad_model` when
            the two outputs have different shapes.
    """
    raw = np.asarray(outputs_ref)
    if head is None:
        plain = raw.ndim == 2 and raw.shape[1] > 1
        head = Head.LOGITS if plain else Head.VALUES
        head = head_of_values(head, matrix_of(head, raw), "")
    ref = matrix_of(head, raw)
    samples = ref.shape[0]
    cand = None if outputs_cand is None else matrix_of(head, np.asarray(outputs_cand))
    if cand is not None and cand.shape != ref.shape:
        raise BadInput(
            Code.BAD_MODEL,
            f"The candidate's output has shape {cand.shape}, the baseline's {ref.shape}.",
        )
    names = np.array([str(i) for i in (range(samples) if ids is None else ids)], dtype=np.str_)
    truth = None if labels is None else np.asarray(labels).astype(np.int64)
    if names.size != samples or (truth is not None and len(truth) != samples):
        raise BadInput(
            Code.BAD_EVALUATION_SET, f"There are {samples} outputs, but not as many labels or ids."
        )
    ref_log = log_probabilities(head, ref)
    cand_log = None if cand is None else log_probabilities(head, cand)
    ref_told = predictions(head, ref)
    cand_told = None if cand is None else predictions(head, cand)
    truth_number, ref_number, cand_number = as_numbers(truth, ref_told, cand_told)
    assert ref_number is not None
    return QualitySamples(
        ids=names,
        labels=truth_number,
        ref_top1=ref_number,
        cand_top1=cand_number,
        ref_loss=None if truth is None else losses(ref_log, truth),
        cand_loss=None if truth is None or cand is None else losses(cand_log, truth),
        kl=None if cand is None else divergences(ref_log, cand_log, samples),
        max_abs_diff=None if cand is None else _max_abs_diff(ref, cand),
        ref_nonfinite=_nonfinite(ref),
        cand_nonfinite=None if cand is None else _nonfinite(cand),
        classes=_classes(head, ref, ref_told, truth),
        ref_rank=None if truth is None else ranks(head, ref, truth),
        cand_rank=None if truth is None or cand is None else ranks(head, cand, truth),
        ref_confidence=confidences(ref_log, ref_told),
        cand_confidence=None if cand_told is None else confidences(cand_log, cand_told),
    )


def paired_counts(samples: QualitySamples) -> Paired | None:
    """Right-to-wrong and wrong-to-right counts; None without labels, candidate or classes."""
    if samples.labels is None or samples.cand_top1 is None or not samples.classes:
        return None
    ref_right = samples.ref_top1 == samples.labels
    cand_right = samples.cand_top1 == samples.labels
    return Paired(
        n=int(samples.ids.size),
        b=int(np.count_nonzero(ref_right & ~cand_right)),
        c=int(np.count_nonzero(~ref_right & cand_right)),
    )


def flips(samples: QualitySamples) -> int | None:
    """Samples whose predicted class changed, wrong to other wrong included."""
    if samples.cand_top1 is None or not samples.classes:
        return None
    return int(np.count_nonzero(samples.ref_top1 != samples.cand_top1))


def tango_bounds(paired: Paired, confidence: float) -> tuple[float, float]:
    """Two-sided Tango score interval of the paired difference c/n - b/n, as fractions.

    Args:
        paired: the counts, n at least 1.
        confidence: of the interval, such as 0.95; both bounds of a one-sided 0.95 are the
            interval of 0.90.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    low = _crossing(paired, z, paired.delta, -1.0)
    high = _crossing(paired, -z, paired.delta, 1.0)
    return low, high


def _crossing(paired: Paired, z: float, inside: float, outside: float) -> float:
    """Where the score statistic equals `z`, between `inside` (the estimate) and `outside`."""
    for _ in range(80):
        middle = (inside + outside) / 2
        if abs(_score_statistic(paired, middle)) <= abs(z):
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2


def _score_statistic(paired: Paired, delta: float) -> float:
    """Tango's statistic for the hypothesis that the true difference is `delta`."""
    n, gains, losses = paired.n, paired.c, paired.b
    linear = -gains - losses + (2 * n - gains + losses) * delta
    constant = -losses * delta * (1 - delta)
    # The larger root in a form that does not cancel when `linear` is positive.
    root = math.sqrt(max(linear * linear - 8 * n * constant, 0.0))
    q21 = (root - linear) / (4 * n) if linear <= 0 else -2 * constant / (root + linear)
    variance = n * (2 * q21 + delta * (1 - delta))
    distance = gains - losses - n * delta
    if variance <= 0:
        return 0.0 if distance == 0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def non_inferiority(paired: Paired, margin: float) -> NonInferiority:
    """Decide whether the candidate is at most `margin` (a fraction, not negative) worse."""
    low, high = tango_bounds(paired, 2 * ONE_SIDED - 1)
    if low >= -margin:
        return NonInferiority("PASS", low, high, None)
    if high < -margin:
        return NonInferiority("FAIL", low, high, None)
    return NonInferiority("UNDECIDED", low, high, _samples_needed(paired, margin))


def mid_p(paired: Paired) -> float:
    """Two-sided mid-p value of McNemar's exact test; shown as information, decides nothing."""
    discordant, fewer = paired.b + paired.c, min(paired.b, paired.c)
    if discordant == 0:
        return 1.0
    logs = [
        math.lgamma(discordant + 1)
        - math.lgamma(k + 1)
        - math.lgamma(discordant - k + 1)
        - discordant * math.log(2)
        for k in range(fewer + 1)
    ]
    tail = math.fsum(math.exp(log) for log in logs)
    return min(2 * tail - math.exp(logs[-1]), 1.0)


def _samples_needed(paired: Paired, margin: float) -> int | None:
    """Further samples for power 0.8 (E-3), never fewer than the bounds themselves require."""
    normal = NormalDist()
    z_alpha, z_beta = normal.inv_cdf(ONE_SIDED), normal.inv_cdf(_POWER)
    gap = abs(paired.delta + margin)
    if gap < 1e-9:
        return None
    discordant = max((paired.b + paired.c) / paired.n, 1 / paired.n)
    total = (z_alpha + z_beta) ** 2 * (discordant - paired.delta**2) / gap**2
    if margin > 0:
        total = max(total, z_alpha**2 * (1 - margin) / margin)
    return max(math.ceil(total) - paired.n, 1) if total < _UNBOUNDED else None


def _classes(head: Head, ref: Floats, told: Ints, truth: Ints | None) -> int:
    if head is Head.VALUES:
        return 0
    if head is Head.CLASS_NUMBERS:
        found = [told] if truth is None else [told, truth]
        return max((int(one.max()) + 1 for one in found if one.size), default=1) or 1
    return ref.shape[1] if ref.ndim == 2 else 2


def _max_abs_diff(ref: Floats, cand: Floats) -> Floats:
    with np.errstate(invalid="ignore", over="ignore"):
        difference: Floats = np.abs(ref - cand).reshape(ref.shape[0], -1).max(axis=1, initial=0.0)
    return difference


def _nonfinite(outputs: Floats) -> Ints:
    flat = ~np.isfinite(outputs).reshape(outputs.shape[0], -1)
    counts: Ints = flat.sum(axis=1, dtype=np.int64)
    return counts
