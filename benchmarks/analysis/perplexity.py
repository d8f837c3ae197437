"""How well an artifact predicts texts, and how far it agrees with the baseline (E).

Windows are paired and documents are what repeats (`stats.clusters`). Whether the perplexity is at
most a margin above the baseline's is decided on the logarithm of the ratio, which is the difference
of the mean negative log-likelihoods, by one-sided bounds: `PASS FAIL UNDECIDED (+n documents)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from ..raw.perplexity import perplexity_samples
from ..samples import Floats, Ints, PerplexitySamples
from ..stats.clusters import Clustered, Inferiority, at_most, ratio_of_sums
from ..stats.paired import LEVEL, difference_of
from ..stats.percentiles import binomial_quantile, needed_size
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.metric import Group
from ..vocabulary.metrics import keys
from ..vocabulary.reasons import (
    BASELINE_NONFINITE,
    IMPROBABLE_TEXTS,
    INSUFFICIENT_SAMPLES,
    NO_RAW_DATA,
    NONFINITE_OUTPUT,
)
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, items, null

_KEYS = keys(
    lambda metric: metric.group is Group.QUALITY and (metric.decoder or metric.of_requests)
)
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
_TAIL = 0.99
_MOST_NATS = 700.0  # exp of more is no float


def perplexity(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """What the texts tell of a decoder."""
    raws = groups.get((PassName.PERPLEXITY, RawRole.BOTH), ())
    if not raws:
        return tuple(null(key, NO_RAW_DATA) for key in _KEYS)
    samples = perplexity_samples(raws[0])
    own = samples.ref_nll if samples.cand_nll is None else samples.cand_nll
    return (
        _compared("kl_mean", samples, _kl_mean),
        _nonfinite(samples),
        _perplexity(own, samples),
        _compared("perplexity_ratio", samples, lambda one: _ratio(one, facts)),
        _compared("same_top1_pct", samples, _same),
        _compared("kl_p99", samples, _kl_tail),
    )


def _compared(
    key: str, samples: PerplexitySamples, of: Callable[[PerplexitySamples], MetricValue]
) -> MetricValue:
    """A metric that needs both; null where one of them did not give numbers."""
    if samples.cand_nll is None:
        return null(key, NO_RAW_DATA)
    for reason, values in (
        (BASELINE_NONFINITE, samples.ref_nll),
        (NONFINITE_OUTPUT, samples.cand_nll),
    ):
        if bad := int(np.count_nonzero(np.isnan(values))):
            return null(key, reason, windows=bad)
    return of(samples)


def _extent(samples: PerplexitySamples, found: Clustered) -> tuple[StackItem, ...]:
    """How much text it rests on."""
    return items(
        tokens=found.units,
        documents=found.clusters,
        windows=samples.document.size,
        vocabulary=samples.vocabulary,
    )


def _perplexity(nll: Floats, samples: PerplexitySamples) -> MetricValue:
    key = "perplexity"
    if bad := int(np.count_nonzero(np.isnan(nll))):
        return null(key, NONFINITE_OUTPUT, windows=bad)
    found = ratio_of_sums(nll, samples.tokens, samples.document)
    interval = found.interval(LEVEL)
    if interval is None:
        return null(key, INSUFFICIENT_SAMPLES, nats_per_token=found.value, documents=1)
    if interval.high > _MOST_NATS:
        return null(key, IMPROBABLE_TEXTS, nats_per_token=found.value)
    return MetricValue(
        key=key,
        value=math.exp(found.value),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        n=found.units,
        detail=_extent(samples, found),
    )


def _ratio(samples: PerplexitySamples, facts: RunFacts) -> MetricValue:
    key = "perplexity_ratio"
    assert samples.cand_nll is not None
    lost: Floats = samples.cand_nll - samples.ref_nll
    found = ratio_of_sums(lost, samples.tokens, samples.document)
    interval = found.interval(LEVEL)
    decision = at_most(found, math.log1p(facts.perplexity_margin_pct / 100))
    if interval is None or decision is None:
        return null(key, INSUFFICIENT_SAMPLES, nats_lost_per_token=found.value, documents=1)
    if max(interval.high, decision.high) > _MOST_NATS:
        return null(key, IMPROBABLE_TEXTS, nats_lost_per_token=found.value)
    return MetricValue(
        key=key,
        value=math.exp(found.value),
        low=math.exp(interval.low),
        high=math.exp(interval.high),
        n=found.units,
        verdict=decision.verdict,
        difference=difference_of(interval),
        detail=(*_extent(samples, found), *_decision(decision, facts)),
    )


def _decision(decision: Inferiority, facts: RunFacts) -> tuple[StackItem, ...]:
    needed: dict[str, object] = {}
    if decision.verdict == "UNDECIDED":
        more = decision.clusters_needed
        needed["documents_needed"] = "unbounded" if more is None else more
    return items(
        margin_pct=facts.perplexity_margin_pct,
        one_sided_low=math.exp(decision.low),
        one_sided_high=math.exp(decision.high),
        **needed,
    )


def _same(samples: PerplexitySamples) -> MetricValue:
    """The share of tokens with Wilson's interval, of as many tokens as are independent."""
    key = "same_top1_pct"
    assert samples.same_top1 is not None
    found = ratio_of_sums(samples.same_top1.astype(np.float64), samples.tokens, samples.document)
    if found.clusters < 2:
        return null(key, INSUFFICIENT_SAMPLES, observed=100 * found.value, documents=1)
    share = found.value
    effect = found.design_effect(share * (1 - share))
    size, square = found.units / effect, _Z * _Z
    centre = (share + square / (2 * size)) / (1 + square / size)
    spread = share * (1 - share) / size + square / (4 * size * size)
    reach = _Z / (1 + square / size) * math.sqrt(spread)
    return MetricValue(
        key=key,
        value=100 * share,
        low=100 * max(min(centre - reach, share), 0.0),
        high=100 * min(max(centre + reach, share), 1.0),
        n=found.units,
        detail=(*_extent(samples, found), *items(design_effect=effect)),
    )


def _kl_mean(samples: PerplexitySamples) -> MetricValue:
    key = "kl_mean"
    assert samples.kl_nats is not None
    assert samples.kl is not None
    found = ratio_of_sums(samples.kl_nats, samples.tokens, samples.document)
    interval = found.interval(LEVEL)
    if interval is None:
        return null(key, INSUFFICIENT_SAMPLES, observed=found.value, documents=1)
    shares = {"p50": 0.5, "p90": 0.9, "p99": _TAIL}
    told = {name: float(np.quantile(samples.kl, share)) for name, share in shares.items()}
    return MetricValue(
        key=key,
        value=max(found.value, 0.0),
        low=max(interval.low, 0.0),
        high=max(interval.high, 0.0),
        n=found.units,
        detail=(*items(**told, max=float(samples.kl.max())), *_extent(samples, found)),
    )


def _kl_tail(samples: PerplexitySamples) -> MetricValue:
    """The 99th percentile with an interval of order statistics (Woodruff 1952).

    Of as many tokens as are independent where it is: the design effect is that of the share of
    tokens beyond it, over documents.
    """
    key = "kl_p99"
    assert samples.kl is not None
    ordered = np.sort(samples.kl.astype(np.float64))
    value = float(ordered[_place(_TAIL, ordered.size)])
    effect = _effect_beyond(samples, value)
    size = math.floor(ordered.size / effect)
    if size < needed_size(_TAIL):
        return null(key, INSUFFICIENT_SAMPLES, n_eff=size, needed=needed_size(_TAIL))
    tail = (1 - LEVEL) / 2
    lowest = binomial_quantile(tail, size, _TAIL) / size
    highest = (binomial_quantile(1 - tail, size, _TAIL) + 1) / size
    return MetricValue(
        key=key,
        value=value,
        low=float(ordered[_place(lowest, ordered.size)]),
        high=float(ordered[_place(min(highest, 1.0), ordered.size)]),
        n=int(samples.tokens.sum()),
        detail=items(n_eff=size, kept=ordered.size, needed=needed_size(_TAIL)),
    )


def _effect_beyond(samples: PerplexitySamples, value: float) -> float:
    """How many tokens are worth one independent one, for the share beyond `value`.

    Of a sample of tokens it is not known which document each is of; a sample is drawn of more than
    can be kept, and what it thins out is less alike.
    """
    assert samples.kl is not None
    if samples.kl.size != int(samples.tokens.sum()):
        return 1.0
    document: Ints = np.repeat(samples.document, samples.tokens)
    beyond = (samples.kl > value).astype(np.float64)
    found = ratio_of_sums(beyond, np.ones(beyond.size, np.int64), document)
    return found.design_effect(found.value * (1 - found.value))


def _place(share: float, size: int) -> int:
    return min(max(math.ceil(share * size) - 1, 0), size - 1)


def _nonfinite(samples: PerplexitySamples) -> MetricValue:
    alone = samples.cand_nll is None
    total = samples.nonfinite_ref if alone else samples.nonfinite_cand
    own = samples.ref_nll if samples.cand_nll is None else samples.cand_nll
    return MetricValue(
        key="nonfinite_count",
        value=float(total),
        n=int(samples.tokens.sum()),
        verdict="FAIL" if total else "PASS",
        flags=(NONFINITE_OUTPUT,) if total else (),
        detail=items(
            windows=int(np.count_nonzero(np.isnan(own))),
            baseline_nonfinite=samples.nonfinite_ref,
        ),
    )
