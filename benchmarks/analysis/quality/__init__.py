"""Accuracy and closeness of outputs from raw data, paired by sample (E)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from ...quality.accuracy import (
    NonInferiority,
    Paired,
    flips,
    mid_p,
    non_inferiority,
    paired_counts,
    tango_bounds,
)
from ...quality.baseline import Fault, Soundness, soundness
from ...quality.heads import Head
from ...quality.outputs import Judged
from ...raw.quality import baseline_samples, judged_of, quality_samples, task_facts
from ...samples import QualitySamples
from ...stats.paired import LEVEL
from ...vocabulary.enums import PassName, RawRole
from ...vocabulary.metric import Group
from ...vocabulary.metrics import keys
from ...vocabulary.reasons import (
    AMBIGUOUS_OUTPUT,
    BASELINE_NONFINITE,
    BASELINE_UNTOLD,
    EMPTY_OUTPUT,
    NO_CLASSES,
    NO_DISTRIBUTION,
    NO_LABELS,
    NO_RAW_DATA,
    NONFINITE_OUTPUT,
    OTHER_OUTPUT,
    OUTPUT_DIFFERS,
    OUTPUT_MISSING,
    UNSOUND,
    WHICH,
)
from ...vocabulary.values.devices import StackItem
from ...vocabulary.values.runs import MetricValue
from ..facts import Groups, RunFacts, items, null
from .tasks import of_task, why_not

KEYS = keys(lambda metric: metric.group is Group.QUALITY and not metric.decoder)
COMPARED = keys(lambda metric: metric.group is Group.QUALITY and metric.relative)
"""What holds the artifact's outputs against those of the baseline."""
_OF_OUTPUT = ("output", "head")
_OF_LABELS = ("accuracy_pct", "accuracy_delta_pp")
_SEVERAL_LABELS = {head.value for head in Head if head.several_labels}
_TELLING = (AMBIGUOUS_OUTPUT, OUTPUT_MISSING, OUTPUT_DIFFERS)
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


def quality(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """The metrics of `KEYS`, in their order."""
    raws = groups.get((PassName.QUALITY, RawRole.BOTH), ())
    if not raws:
        return tuple(null(key, NO_RAW_DATA) for key in KEYS)
    if raws[0].meta.get("output_values") == 0:
        return tuple(null(key, EMPTY_OUTPUT) for key in KEYS)
    samples, judged = quality_samples(raws[0]), judged_of(raws[0])
    if (asked := task_facts(raws[0])) is not None and judged is not None:
        reason = judged.reason or (OTHER_OUTPUT if _is_other(judged, facts) else why_not(asked))
        if reason:
            which = {WHICH: judged.why} if judged.why else {}
            of_it: tuple[MetricValue, ...] = tuple(
                null(key, reason, **which) for key in KEYS if key != "nonfinite_count"
            )
        else:
            of_it, sound = of_task(raws[0], asked, samples, facts)
            of_it = _judged(of_it, sound)
        return (*(_with_output(one, judged) for one in of_it), _nonfinite(samples))
    found: tuple[MetricValue, ...] = (
        _accuracy(samples),
        _accuracy_delta(samples, facts),
        _flips(samples, facts),
        _kl(samples, facts, judged.head if judged else ""),
    )
    if why := _not_judged(judged, facts):
        told = judged.why if judged is not None and why in _TELLING else ""
        found = tuple(null(one.key, why, **({WHICH: told} if told else {})) for one in found)
        if samples.labels is None and why == AMBIGUOUS_OUTPUT:  # a name would not give it any
            found = (*(null(one.key, NO_LABELS) for one in found[:2]), *found[2:])
    else:
        several = judged is not None and judged.head in _SEVERAL_LABELS
        observed = baseline_samples(raws[0])
        found = _judged(found, soundness(samples, observed, several_labels=several))
    return (*(_with_output(one, judged) for one in found), _nonfinite(samples))


def _not_judged(judged: Judged | None, facts: RunFacts) -> str:
    """Why no output stands for what the model predicts; empty when one does, or nobody said.

    Without labels or classes each metric has a reason of its own.
    """
    if facts.output and (judged is None or _is_other(judged, facts)):
        return OTHER_OUTPUT
    if judged is None or judged.reason == NO_CLASSES:
        return ""
    return judged.reason


def _is_other(judged: Judged, facts: RunFacts) -> bool:
    """Whether another output was judged than the one that was asked for."""
    return bool(facts.output) and judged.output not in ("", facts.output)


def _with_output(metric: MetricValue, judged: Judged | None) -> MetricValue:
    """With the output that it is about; the accuracy says also why that one."""
    if judged is None or not judged.output:
        return metric
    more = {"output": judged.output, "head": judged.head}
    if metric.key == "accuracy_pct":
        more |= {"output_why": judged.why, "other_outputs": "; ".join(judged.others)}
    told = {name: text for name, text in more.items() if text}
    return replace(metric, detail=(*metric.detail, *items(**told)))


def without_verdicts(
    metrics: Sequence[MetricValue], faults: Sequence[Fault]
) -> tuple[MetricValue, ...]:
    """`metrics` where the baseline has faults: what is compared with it is null.

    The reason is the first fault; the details hold its figures and name the others. What is null
    for such a reason already stays as it is, and so does what the artifact's own outputs rule out.
    """
    if not faults:
        return tuple(metrics)
    own = not any(fault.reason == BASELINE_NONFINITE for fault in faults)
    kept = (*UNSOUND, *((NONFINITE_OUTPUT,) if own else ()))
    detail = dict(faults[0].detail) | {"broken": " ".join(fault.reason for fault in faults)}

    def without(metric: MetricValue) -> MetricValue:
        known = {item.name: item.value for item in metric.detail if item.name in _OF_OUTPUT}
        return null(metric.key, faults[0].reason, **detail, **known)

    return tuple(
        without(metric) if metric.key in COMPARED and metric.reason not in kept else metric
        for metric in metrics
    )


def _judged(metrics: Sequence[MetricValue], found: Soundness) -> tuple[MetricValue, ...]:
    """What the soundness of the baseline leaves of the metrics."""
    if found.untold:
        metrics = [
            metric
            if metric.value is None or metric.key not in _OF_LABELS
            else replace(metric, flags=(*metric.flags, BASELINE_UNTOLD))
            for metric in metrics
        ]
    return without_verdicts(metrics, found.faults)


def _accuracy(samples: QualitySamples) -> MetricValue:
    key = "accuracy_pct"
    if samples.labels is None or not samples.classes:
        return null(key, NO_LABELS if samples.labels is None else NO_CLASSES)
    own = samples.ref_top1 if samples.cand_top1 is None else samples.cand_top1
    right = int(np.count_nonzero(own == samples.labels))
    return _share(key, right, samples.labels.size, right=right)


def _accuracy_delta(samples: QualitySamples, facts: RunFacts) -> MetricValue:
    key = "accuracy_delta_pp"
    counts = paired_counts(samples)
    if counts is None or facts.is_baseline:
        reason = NO_LABELS if samples.labels is None else NO_CLASSES
        if samples.cand_top1 is None:
            reason = NO_RAW_DATA
        return null(key, reason)
    decision = non_inferiority(counts, facts.accuracy_margin_pp / 100)
    low, high = tango_bounds(counts, LEVEL)
    return MetricValue(
        key=key,
        value=100 * counts.delta,
        low=100 * low,
        high=100 * high,
        n=counts.n,
        verdict=decision.verdict,
        difference="detected" if low > 0 or high < 0 else "none",
        detail=_decision_detail(counts, decision, facts),
    )


def _decision_detail(
    counts: Paired, decision: NonInferiority, facts: RunFacts
) -> tuple[StackItem, ...]:
    needed: dict[str, object] = {}
    if decision.verdict == "UNDECIDED":
        more = decision.samples_needed
        needed["samples_needed"] = "unbounded" if more is None else more
    return items(
        b=counts.b,
        c=counts.c,
        margin_pp=facts.accuracy_margin_pp,
        one_sided_low_pp=100 * decision.low,
        one_sided_high_pp=100 * decision.high,
        mcnemar_mid_p=mid_p(counts),
        **needed,
    )


def _flips(samples: QualitySamples, facts: RunFacts) -> MetricValue:
    key = "flips_pct"
    flipped = flips(samples)
    if flipped is None or facts.is_baseline:
        reason = NO_RAW_DATA if samples.cand_top1 is None else NO_CLASSES
        return null(key, reason)
    return _share(key, flipped, samples.ids.size, flips=flipped)


def _kl(samples: QualitySamples, facts: RunFacts, head: str = "") -> MetricValue:
    key = "kl_mean"
    kl = samples.kl
    if kl is not None and head == Head.CLASS_NUMBERS.value:
        return null(key, NO_DISTRIBUTION)
    if kl is None or not samples.classes or facts.is_baseline:
        return null(key, NO_RAW_DATA if kl is None else NO_CLASSES)
    if not np.all(np.isfinite(kl)):
        bad = int(np.count_nonzero(~np.isfinite(kl)))
        return null(key, NONFINITE_OUTPUT, samples=bad)
    mean = float(kl.mean())
    reach = _Z * float(kl.std(ddof=1)) / math.sqrt(kl.size) if kl.size > 1 else 0.0
    return MetricValue(
        key=key,
        value=mean,
        low=max(mean - reach, 0.0),
        high=mean + reach,
        n=int(kl.size),
        detail=items(p99=float(np.quantile(kl, 0.99)), max=float(kl.max())),
    )


def _nonfinite(samples: QualitySamples) -> MetricValue:
    counts = samples.ref_nonfinite if samples.cand_nonfinite is None else samples.cand_nonfinite
    total = int(counts.sum())
    return MetricValue(
        key="nonfinite_count",
        value=float(total),
        n=int(samples.ids.size),
        verdict="FAIL" if total else "PASS",
        flags=(NONFINITE_OUTPUT,) if total else (),
        detail=items(
            samples=int(np.count_nonzero(counts)),
            baseline_nonfinite=int(samples.ref_nonfinite.sum()),
        ),
    )


def _share(key: str, hits: int, n: int, **detail: object) -> MetricValue:
    """A share in percent with its Wilson interval."""
    share, square = hits / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    reach = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return MetricValue(
        key=key,
        value=100 * share,
        low=100 * max(centre - reach, 0.0),
        high=100 * min(centre + reach, 1.0),
        n=n,
        detail=items(**detail),
    )
