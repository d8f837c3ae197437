"""Accuracy of a task that is not about labels of classes, from raw data (E-4)."""

from __future__ import annotations

import numpy as np

from ...quality.accuracy import NonInferiority
from ...quality.baseline import USEFUL, Fault, Soundness, soundness
from ...quality.scores import ScorePair, beats, compare
from ...quality.tasks.registry import kind_named, measure_of
from ...raw.container import RawFile
from ...raw.quality import TaskFacts, baseline_samples, task_samples_of
from ...samples import Floats, QualitySamples, TaskSamples
from ...vocabulary.reasons import BASELINE_AT_CHANCE, NO_CLASSES, NO_RAW_DATA, OLDER_DEFINITION
from ...vocabulary.values.runs import MetricValue
from ..facts import RunFacts, items, null, seed_of

_DELTA = "accuracy_delta_pp"


def why_not(asked: TaskFacts) -> str:
    """Why the figures of a raw file have no score here; empty when they have."""
    return "" if asked.version == kind_named(asked.name).VERSION else OLDER_DEFINITION


def of_task(
    raw: RawFile, asked: TaskFacts, samples: QualitySamples, facts: RunFacts
) -> tuple[tuple[MetricValue, ...], Soundness]:
    """Accuracy, its difference, and why nothing is said of classes; and what the baseline is.

    The seed of the draws is that of the run, so that an analysis is repeated to the last bit.
    """
    kind = kind_named(asked.name)
    found = task_samples_of(raw, asked)
    shape = (samples.ids.size, asked.width)
    ref = found.task_ref.reshape(shape)
    cand = None if found.task_cand is None else found.task_cand.reshape(shape)
    pair = compare(
        kind.score,
        ref,
        ref if cand is None else cand,
        facts.accuracy_margin_pp / 100,
        cluster=found.task_cluster,
        seed=seed_of(facts.run_id, _DELTA),
    )
    own = ref if cand is None else cand
    more = kind.details(own, np.ones(len(own)))
    metrics = (
        _accuracy(pair, asked, more),
        _delta(pair, asked, found, facts),
        null("flips_pct", NO_CLASSES),
        null("kl_mean", NO_CLASSES),
    )
    sound = soundness(samples, baseline_samples(raw))
    chance, untold = _chance(found.task_chance.reshape(shape), ref, asked, facts)
    faults = (*sound.faults, *((chance,) if chance else ()))
    return metrics, Soundness(faults, sound.untold or untold)


def _accuracy(pair: ScorePair, asked: TaskFacts, more: dict[str, float]) -> MetricValue:
    low, high = pair.cand_ends
    return MetricValue(
        key="accuracy_pct",
        value=100 * pair.cand,
        low=100 * min(low, pair.cand),
        high=100 * max(high, pair.cand),
        n=pair.n,
        detail=items(task=asked.name, measure=measure_of(asked.name, asked.k), **more),
    )


def _delta(pair: ScorePair, asked: TaskFacts, found: TaskSamples, facts: RunFacts) -> MetricValue:
    if found.task_cand is None or facts.is_baseline:
        return null(_DELTA, NO_RAW_DATA)
    low, high = pair.ends
    decision = pair.decision
    cosine = found.task_cosine
    alike: dict[str, object] = {}
    if cosine is not None and np.isfinite(cosine).any():
        alike = {"cosine_mean": float(np.nanmean(cosine)), "cosine_min": float(np.nanmin(cosine))}
    return MetricValue(
        key=_DELTA,
        value=100 * pair.delta,
        low=100 * low,
        high=100 * high,
        n=pair.n,
        verdict=decision.verdict,
        difference="detected" if low > 0 or high < 0 else "none",
        detail=items(
            task=asked.name,
            measure=measure_of(asked.name, asked.k),
            changed=pair.changed,
            margin_pp=facts.accuracy_margin_pp,
            one_sided_low_pp=100 * decision.low,
            one_sided_high_pp=100 * decision.high,
            **needed(decision),
            **alike,
        ),
    )


def needed(decision: NonInferiority) -> dict[str, object]:
    """How many more samples would decide, where that is open."""
    if decision.verdict != "UNDECIDED":
        return {}
    more = decision.samples_needed
    return {"samples_needed": "unbounded" if more is None else more}


def _chance(
    other: Floats, ref: Floats, asked: TaskFacts, facts: RunFacts
) -> tuple[Fault | None, bool]:
    """Whether the baseline beats its own answers to other samples, and whether that is open."""
    kind = kind_named(asked.name)
    ones = np.ones(len(ref))
    guessed = kind.score(other, ones)
    low, high = beats(kind.score, ref, other, seed=seed_of(facts.run_id, _DELTA))
    if low > 0:
        return None, False
    if high >= USEFUL * (1 - guessed):
        return None, True
    details = (
        ("score_pct", 100 * kind.score(ref, ones)),
        ("guessed_pct", 100 * guessed),
        ("samples", len(ref)),
        ("gain_low_pp", 100 * low),
        ("gain_high_pp", 100 * high),
    )
    return Fault(BASELINE_AT_CHANCE, details), False
