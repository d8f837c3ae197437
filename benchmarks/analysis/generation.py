"""Requests to decoders: time to first token, time per token, rates, and their ratios (A-2, A-8).

Ratios come of quads of requests in one process, as those of latency; absolute times of several
launches, of which the median request stands for each, so that processes are what repeats: the
interval is Student's over the logarithms of their medians, and of one launch that of its requests'
median. A percentile of single tokens is told, as a detail, only where it is backed by enough
independent ones (A-7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..raw.container import RawFile
from ..raw.generation import generation_samples
from ..samples import Floats, GenerationSamples, Ints
from ..stats.discards import Discarded, kept_requests, together
from ..stats.paired import (
    LEVEL,
    Interval,
    request_log_ratios,
    student_interval,
)
from ..stats.percentiles import binomial_quantile, needed_size, percentile
from ..stats.resample import effective_size
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import (
    FEW_LAUNCHES,
    INSUFFICIENT_SAMPLES,
    NO_CONTEXT_MEMORY,
    NO_FURTHER_TOKENS,
    NO_RAW_DATA,
    NOT_TOGETHER,
)
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.runs import MetricValue
from .apart import is_apart
from .facts import Groups, RunFacts, invalid, items, null
from .paired import paired_ratio
from .timed import launch_detail, launch_flags, nominal_mhz

NS_PER_S = 1e9
_TOKEN_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


@dataclass(frozen=True, slots=True, eq=False)
class Launches:
    """The launches of one kind without the requests that do not count.

    Attributes:
        samples: those of which something is left.
        discarded: what does not count, over all launches.
        flags: what qualifies every number from them, that of the profile first.
        detail: what was discarded, and how much others computed meanwhile.
    """

    samples: tuple[GenerationSamples, ...]
    discarded: Discarded
    flags: tuple[str, ...]
    detail: tuple[StackItem, ...]

    def lack(self, key: str) -> MetricValue | None:
        """The metric as it is where there is nothing to make it of; None where there is."""
        if not self.discarded.of:
            return null(key, NO_RAW_DATA)
        return invalid(key, self.detail) if self.discarded.invalid else None


_APART = (null("ttft_ratio", NOT_TOGETHER), null("tpot_ratio", NOT_TOGETHER))
"""Where launches take turns, whole requests alone are held together."""


def generation(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """Every metric of requests."""
    raws = groups.get((PassName.GENERATION, RawRole.CANDIDATE), ())
    alone = _launches(raws, facts, facts.plan.absolute_launches)
    pairs = groups.get((PassName.GENERATION, RawRole.BOTH), ())
    both = _launches(pairs, facts, facts.plan.pair_launches)
    return (
        _first_token(alone, facts),
        _per_token(alone, facts),
        *(_ratios(both, facts) if pairs or not is_apart(groups) else _APART),
        _prefill(alone, facts),
        _decode(alone, facts),
        _generated(alone),
        _context_memory([generation_samples(raw) for raw in raws], facts),
    )


def _launches(raws: Sequence[RawFile], facts: RunFacts, wanted: int) -> Launches:
    read = [generation_samples(raw) for raw in raws]
    kept = [kept_requests(one, nominal_mhz(raw)) for raw, one in zip(raws, read, strict=True)]
    discarded = together([one for _, one in kept])
    left = tuple(one for one, _ in kept if one.which.size)
    around = [(one.conditions, _spent(one)) for one in read]
    few = len(left) < wanted
    flags = launch_flags(facts, few, [one.warm for one in read], around, discarded)
    return Launches(left, discarded, flags, launch_detail(around, discarded))


def _spent(samples: GenerationSamples) -> Floats:
    return (samples.ttft_ns + samples.decode_ns).astype(np.float64)


# -- one decoder alone --------------------------------------------------------------------
def _own(samples: GenerationSamples, facts: RunFacts) -> Ints:
    """Which requests are the workload's own; the others are of the sweep."""
    own: Ints = np.flatnonzero(samples.prompt_tokens == facts.workload.prompt_tokens)
    return own


def _first_token(launches: Launches, facts: RunFacts) -> MetricValue:
    key = "ttft_ns"
    values = [one.ttft_ns[_own(one, facts)].astype(np.float64) for one in launches.samples]
    return _over_requests(key, launches, values, prompt_tokens=facts.workload.prompt_tokens)


def _per_token(launches: Launches, facts: RunFacts) -> MetricValue:
    key = "tpot_ns"
    if (lack := launches.lack(key)) is not None:
        return lack
    values = _each_token(launches, facts)
    if values is None:
        return null(key, NO_FURTHER_TOKENS)
    return _over_requests(key, launches, values, **_token_percentiles(launches))


def _each_token(launches: Launches, facts: RunFacts) -> list[Floats] | None:
    """Time per further token of each request; None where no request has any."""
    found = []
    for one in launches.samples:
        own = _own(one, facts)
        own = own[one.decoded[own] > 0]
        found.append(one.decode_ns[own] / one.decoded[own])
    return found if any(values.size for values in found) else None


def _prefill(launches: Launches, facts: RunFacts) -> MetricValue:
    """Prompt tokens per second until the first token is chosen; the sweep is in the detail."""
    key, length = "prefill_tokens_per_s", facts.workload.prompt_tokens
    if (lack := launches.lack(key)) is not None:
        return lack
    values = [
        length * NS_PER_S / one.ttft_ns[_own(one, facts)].astype(np.float64)
        for one in launches.samples
    ]
    return _over_requests(key, launches, values, curve=_curve(launches.samples))


def _decode(launches: Launches, facts: RunFacts) -> MetricValue:
    key = "decode_tokens_per_s"
    if (lack := launches.lack(key)) is not None:
        return lack
    values = _each_token(launches, facts)
    if values is None:
        return null(key, NO_FURTHER_TOKENS)
    return _over_requests(key, launches, [NS_PER_S / one for one in values])


def _curve(samples: Sequence[GenerationSamples]) -> str:
    """Prompt tokens per second by length of the prompt, `1:250 4:900`, medians of requests."""
    lengths = np.concatenate([one.prompt_tokens for one in samples])
    first = np.concatenate([one.ttft_ns for one in samples])
    return " ".join(
        f"{length}:{length * NS_PER_S / float(np.median(first[lengths == length])):.6g}"
        for length in np.unique(lengths)
    )


def _over_requests(
    key: str, launches: Launches, values: Sequence[Floats], **detail: object
) -> MetricValue:
    """The median over launches of the median request of each.

    Args:
        key: of the metric.
        launches: what they come of.
        values: of the requests of each launch.
        detail: how it came about, besides what is told of every one.
    """
    if (lack := launches.lack(key)) is not None:
        return lack
    known = [one for one in values if one.size]
    requests = sum(one.size for one in known)
    interval = median_interval(known)
    if interval is None:
        return null(key, INSUFFICIENT_SAMPLES, n=requests, launches=len(known))
    medians = [float(np.median(one)) for one in known]
    told = {
        "launches": len(known),
        "lowest_launch": min(medians),
        "highest_launch": max(medians),
        "stopped": ",".join(sorted({one.stopped for one in launches.samples})),
    }
    few = (FEW_LAUNCHES,) if len(known) == 1 and FEW_LAUNCHES not in launches.flags else ()
    return MetricValue(
        key=key,
        value=interval.point,
        low=interval.low,
        high=interval.high,
        n=requests,
        flags=(*launches.flags, *few),
        detail=(*items(**told, **detail), *launches.detail),
    )


def median_interval(launches: Sequence[Floats]) -> Interval | None:
    """The median of a value of requests over launches with its 95 % interval; None: too few.

    Of two launches and more Student's interval over the logarithms of their medians, as processes
    differ by a factor (measurement.md X4), about their mean; of one launch that of the order
    statistics, binomial with the effective number of requests (A-7), which knows nothing of other
    processes.
    """
    if len(launches) > 1:
        logs = student_interval(np.log([float(np.median(one)) for one in launches]))
        return Interval(*(math.exp(one) for one in (logs.point, logs.low, logs.high)))
    if not launches:
        return None
    (values,) = launches
    n = math.floor(effective_size(np.maximum(np.round(values), 1).astype(np.int64)))
    # Below 6 no two order statistics enclose the median with 95 %: 2 * 0.5**5 is 0.06.
    if n < _FEWEST_FOR_MEDIAN:
        return None
    tail = (1 - LEVEL) / 2
    shares = binomial_quantile(tail, n, 0.5) / n, (binomial_quantile(1 - tail, n, 0.5) + 1) / n
    ordered = np.sort(values)
    low, high = (ordered[_place(share, values.size)] for share in shares)
    return Interval(float(np.median(values)), float(low), float(high))


_FEWEST_FOR_MEDIAN = 6


def _place(share: float, size: int) -> int:
    return min(max(math.ceil(share * size) - 1, 0), size - 1)


def _token_percentiles(launches: Launches) -> dict[str, object]:
    """Percentiles of single further tokens, each only where there are enough independent ones."""
    tokens = [one.token_ns for one in launches.samples if one.token_ns.size]
    if not tokens:
        return {}
    sizes = [effective_size(one) for one in tokens]
    found: dict[str, object] = {"tokens": sum(one.size for one in tokens)}
    found["tokens_n_eff"] = sum(sizes)
    for name, p in _TOKEN_QUANTILES.items():
        one = percentile(tokens, sizes, p)
        if one is None:
            found[f"token_{name}_needs"] = needed_size(p)
        else:
            found[f"token_{name}_ns"] = one.value
    return found


def _generated(launches: Launches) -> MetricValue:
    """Output tokens of the requests that have any but the first one, else 1."""
    key = "generated_tokens"
    if not launches.samples:
        return null(key, NO_RAW_DATA)
    most = max(int(one.decoded.max()) for one in launches.samples)
    return MetricValue(key=key, value=float(most + 1), n=len(launches.samples))


def _context_memory(samples: Sequence[GenerationSamples], facts: RunFacts) -> MetricValue:
    """The largest over launches, bounded by the extremes, as every peak of memory is (B-1)."""
    key = "context_memory_bytes"
    if not samples:
        return null(key, NO_RAW_DATA)
    known = [one.context_bytes for one in samples if one.context_bytes >= 0]
    if not known:
        return null(key, NO_CONTEXT_MEMORY)
    return MetricValue(
        key=key,
        value=float(max(known)),
        low=float(min(known)),
        high=float(max(known)),
        n=len(known),
        flags=facts.profile_flags,
        detail=items(
            launches=len(known),
            bounds="lowest and highest launch",
            context_tokens=max(one.context_tokens for one in samples),
        ),
    )


# -- two in turn --------------------------------------------------------------------------
def _ratios(launches: Launches, facts: RunFacts) -> tuple[MetricValue, MetricValue]:
    both = [request_log_ratios(one) for one in launches.samples]
    further = [each for _, each in both if each is not None]
    return (
        _ratio("ttft_ratio", launches, [first for first, _ in both], facts),
        null("tpot_ratio", NO_FURTHER_TOKENS)
        if both and not further
        else _ratio("tpot_ratio", launches, further, facts),
    )


def _ratio(key: str, launches: Launches, ratios: Sequence[Floats], facts: RunFacts) -> MetricValue:
    """Candidate / baseline from the quads of every launch, as the ratio of latencies is."""
    if (lack := launches.lack(key)) is not None:
        return lack
    found = paired_ratio(
        *(key, ratios, facts),
        flags=launches.flags,
        detail=launches.detail,
        stopped=(one.stopped for one in launches.samples),
    )
    if found is not None:
        return found
    quads = sum(one.size for one in ratios)
    return null(key, INSUFFICIENT_SAMPLES, quads=quads, launches=len(ratios))
