"""The samples on which an artifact parts from its baseline, the worst first (E-5). Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..samples import QualitySamples

MOST = 50


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One sample that both answer differently.

    Attributes:
        id: its name in the evaluation set.
        stratum: its group; empty where none is told.
        label: what it is; None without labels.
        baseline: what the baseline says, -1 for nothing that is a number.
        candidate: what the artifact says.
        baseline_confidence: probability that the baseline gives it, 0 to 1; None where unknown.
        candidate_confidence: that the artifact gives its own.
        kl: divergence of both distributions in nats; None where unknown.
        change: `lost` right to wrong, `won` wrong to right, `other` wrong to another wrong or,
            without labels, any change, `same` where only the distributions part.
    """

    id: str
    stratum: str
    label: int | None
    baseline: int
    candidate: int
    baseline_confidence: float | None
    candidate_confidence: float | None
    kl: float | None
    change: str


_ORDER = {"lost": 0, "other": 1, "won": 2, "same": 3}


def discrepancies(samples: QualitySamples, most: int = MOST) -> tuple[Discrepancy, ...]:
    """The worst samples: what was lost first, and of equal kind those whose answers are farthest.

    Args:
        samples: of baseline and candidate.
        most: how many.
    """
    if samples.cand_top1 is None or not samples.classes:
        return ()
    changes = _changes(samples)
    kl = np.full(len(changes), np.nan) if samples.kl is None else samples.kl
    far = np.where(np.isfinite(kl), kl, 0.0)
    order = sorted(range(len(changes)), key=lambda at: (_ORDER[changes[at]], -far[at], at))
    kept = [at for at in order if changes[at] != "same" or far[at] > 0][:most]
    return tuple(_of(samples, at, changes[at]) for at in kept)


def by_stratum(samples: QualitySamples) -> tuple[tuple[str, int, int, int], ...]:
    """Name, samples, lost and won of each stratum, the one that lost the largest share first."""
    if samples.strata is None or samples.labels is None or samples.cand_top1 is None:
        return ()
    changes = np.array(_changes(samples))
    found = []
    for name in np.unique(samples.strata).tolist():
        mine = changes[samples.strata == name]
        counts = (int((mine == "lost").sum()), int((mine == "won").sum()))
        found.append((str(name), int(mine.size), *counts))
    return tuple(sorted(found, key=lambda one: (-(one[2] - one[3]) / one[1], one[0])))


def _changes(samples: QualitySamples) -> list[str]:
    assert samples.cand_top1 is not None
    same = samples.ref_top1 == samples.cand_top1
    if samples.labels is None:
        return ["same" if one else "other" for one in same]
    ref, cand = samples.ref_top1 == samples.labels, samples.cand_top1 == samples.labels
    kinds = np.select([same, ref, cand], ["same", "lost", "won"], "other")
    return [str(one) for one in kinds]


def _of(samples: QualitySamples, at: int, change: str) -> Discrepancy:
    assert samples.cand_top1 is not None

    def number(values: np.ndarray | None) -> float | None:
        return None if values is None or not np.isfinite(values[at]) else float(values[at])

    return Discrepancy(
        id=str(samples.ids[at]),
        stratum="" if samples.strata is None else str(samples.strata[at]),
        label=None if samples.labels is None else int(samples.labels[at]),
        baseline=int(samples.ref_top1[at]),
        candidate=int(samples.cand_top1[at]),
        baseline_confidence=number(samples.ref_confidence),
        candidate_confidence=number(samples.cand_confidence),
        kl=number(samples.kl),
        change=change,
    )
