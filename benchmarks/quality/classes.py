"""Accuracy of single classes and of the first five guesses, each at its own margin. Pure.

Many classes are looked at, so that some seem worse by chance: of those with enough samples the
p-values are corrected by Benjamini and Hochberg (measurement.md E-4). A class that somebody calls
critical has a margin and a verdict of its own, whatever the others do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..samples import QualitySamples
from ..vocabulary.errors import BadInput, Code
from .accuracy import NonInferiority, Paired, mid_p, non_inferiority

FALSE_DISCOVERIES = 0.1
"""Share of the classes called worse that may be so by chance (E-4)."""
ENOUGH = 100
"""Samples of a class from which its change is tested (E-4)."""


@dataclass(frozen=True, slots=True)
class OfClass:
    """One class, paired by sample.

    Attributes:
        label: its number.
        n: samples that are of it.
        b: of them right with the baseline and wrong with the candidate.
        c: the other way round.
        baseline_pct: of them right with the baseline, in percent.
        delta_pp: candidate less baseline, in points.
        is_worse: it lost more than chance explains, corrected for the number of classes.
        margin_pp: its own margin; None where it is not critical.
        verdict: at that margin; empty where it has none.
        samples_needed: further samples of it that would decide; None where it is decided.
    """

    label: int
    n: int
    b: int
    c: int
    baseline_pct: float
    delta_pp: float
    is_worse: bool = False
    margin_pp: float | None = None
    verdict: str = ""
    samples_needed: int | None = None


def per_class(
    samples: QualitySamples, critical: Mapping[int, float] | None = None
) -> tuple[OfClass, ...]:
    """Every class that has a sample, the one that lost most first.

    Args:
        samples: of baseline and candidate, with labels.
        critical: margin in points by class.

    Raises:
        BadInput: BAD_ARGUMENT, a critical class has no sample.
    """
    if samples.labels is None or samples.cand_top1 is None or not samples.classes:
        return ()
    critical = critical or {}
    there = np.unique(samples.labels)
    strange = sorted(set(critical) - set(there.tolist()))
    if strange:
        raise BadInput(
            Code.BAD_ARGUMENT, f"No sample of the evaluation set is of class {strange[0]}."
        )
    counts = {int(one): _counts(samples, int(one)) for one in there}
    worse = _worse({one: paired for one, paired in counts.items() if paired.n >= ENOUGH})
    found = []
    for label, paired in counts.items():
        right = int(np.count_nonzero(samples.ref_top1[samples.labels == label] == label))
        margin = critical.get(label)
        decided = None if margin is None else non_inferiority(paired, margin / 100)
        found.append(
            OfClass(
                label=label,
                n=paired.n,
                b=paired.b,
                c=paired.c,
                baseline_pct=100 * right / paired.n,
                delta_pp=100 * paired.delta,
                is_worse=label in worse,
                margin_pp=margin,
                verdict="" if decided is None else decided.verdict,
                samples_needed=None if decided is None else decided.samples_needed,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.delta_pp, -one.b, one.label)))


def first_guesses(samples: QualitySamples, k: int, margin: float) -> FirstGuesses | None:
    """Whether the label is among the first k guesses; None where not every class has a number.

    Args:
        samples: of baseline and candidate, with labels.
        k: guesses that count.
        margin: loss that is still none, a fraction.
    """
    if samples.ref_rank is None or samples.cand_rank is None or samples.classes <= k:
        return None
    ref, cand = ((rank >= 0) & (rank < k) for rank in (samples.ref_rank, samples.cand_rank))
    paired = Paired(ref.size, int((ref & ~cand).sum()), int((~ref & cand).sum()))
    return FirstGuesses(
        k,
        100 * float(ref.mean()),
        100 * float(cand.mean()),
        paired,
        non_inferiority(paired, margin),
    )


@dataclass(frozen=True, slots=True)
class FirstGuesses:
    """How often the label is among the first guesses, paired by sample.

    Attributes:
        k: guesses that count.
        baseline_pct: of samples, in percent.
        candidate_pct: likewise.
        paired: the counts.
        decision: at the margin of the run.
    """

    k: int
    baseline_pct: float
    candidate_pct: float
    paired: Paired
    decision: NonInferiority


def _counts(samples: QualitySamples, label: int) -> Paired:
    assert samples.labels is not None
    assert samples.cand_top1 is not None
    mine = samples.labels == label
    ref, cand = samples.ref_top1[mine] == label, samples.cand_top1[mine] == label
    return Paired(int(mine.sum()), int((ref & ~cand).sum()), int((~ref & cand).sum()))


def _worse(counts: Mapping[int, Paired]) -> set[int]:
    """Classes that lost more than chance explains, by Benjamini and Hochberg's step-up."""
    p_values = sorted((mid_p(one), label) for label, one in counts.items())
    last = 0
    for at, (p_value, _) in enumerate(p_values, 1):
        if p_value <= FALSE_DISCOVERIES * at / len(p_values):
            last = at
    return {label for _, label in p_values[:last] if counts[label].delta < 0}
