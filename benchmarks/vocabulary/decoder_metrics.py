"""The metrics of decoders, language models that are fed token by token: scenario `llm`.

Those of requests are certified by comparisons of requests; what a decoder knows of texts is
quality. `metrics` holds them behind all others.
"""

from __future__ import annotations

from functools import partial

from .enums import Scenario
from .metric import Decides, Direction, Group, Metric, Scale

_LOWER, _HIGHER, _NEITHER = Direction.LOWER, Direction.HIGHER, Direction.NEITHER

PERPLEXITY_MARGIN = 0.01
"""Relative loss of perplexity that is still none, unless told otherwise."""

_request = partial(
    Metric,
    unit="ns",
    direction=_LOWER,
    group=Group.LATENCY,
    timed=True,
    certified=True,
    decoder=True,
)
_text = partial(Metric, group=Group.QUALITY, on_data=True, decoder=True)

DECODER_METRICS = (
    _request(
        "ttft_ns",
        meaning="time to first token: the context emptied, the prompt fed, one token chosen",
        decides=Decides.VALUE,
        shown=True,
        column="first token",
        card="time to first token",
        card_place=8,
    ),
    _request(
        "tpot_ns",
        meaning="time per output token after the first, of one request",
        decides=Decides.VALUE,
        shown=True,
        column="per token",
        card="time per output token",
        card_place=9,
    ),
    _request(
        "ttft_ratio",
        unit="1",
        group=Group.COMPARISON,
        meaning="paired Hodges-Lehmann ratio of times to first token",
        relative=True,
        decides=Decides.DETAIL,
        pooled=7,
        compared=8,
        shown=True,
        column="first token ratio",
    ),
    _request(
        "tpot_ratio",
        unit="1",
        group=Group.COMPARISON,
        meaning="paired Hodges-Lehmann ratio of times per output token",
        relative=True,
        decides=Decides.DETAIL,
        pooled=8,
        compared=9,
        shown=True,
        column="per token ratio",
        card="time per token / baseline",
        card_place=10,
    ),
    _request(
        "prefill_tokens_per_s",
        unit="1/s",
        direction=_HIGHER,
        meaning="prompt tokens per second until the first token",
        decides=Decides.VALUE,
        shown=True,
    ),
    _request(
        "decode_tokens_per_s",
        unit="1/s",
        direction=_HIGHER,
        meaning="output tokens per second after the first, of one request",
        decides=Decides.VALUE,
        shown=True,
        column="tokens / s",
    ),
    Metric(
        "generated_tokens",
        group=Group.LATENCY,
        unit="1",
        direction=_NEITHER,
        meaning="output tokens of one request, the first included",
        counted=True,
        decoder=True,
        scale=Scale.LINEAR,
        margin=0.0,
    ),
    Metric(
        "context_memory_bytes",
        unit="B",
        direction=_LOWER,
        group=Group.MEMORY,
        meaning="resident memory that a full context added",
        decoder=True,
        decides=Decides.VALUE,
        shown=True,
    ),
    _text(
        "perplexity",
        unit="1",
        direction=_LOWER,
        meaning="exp of the mean negative log-likelihood of a token of the evaluation texts",
        margin=PERPLEXITY_MARGIN,
        decides=Decides.VALUE,
        shown=True,
        card="perplexity",
        card_place=11,
    ),
    _text(
        "perplexity_ratio",
        unit="1",
        direction=_LOWER,
        meaning="perplexity / baseline perplexity, paired by window, clustered by document",
        margin=PERPLEXITY_MARGIN,
        relative=True,
        decides=Decides.DETAIL,
        pooled=9,
        compared=10,
        shown=True,
        column="perplexity ratio",
        card="perplexity / baseline",
        card_place=12,
    ),
    _text(
        "same_top1_pct",
        unit="%",
        direction=_HIGHER,
        meaning="tokens for which baseline and artifact find the same one most probable",
        scale=Scale.LINEAR,
        margin=0.1,
        relative=True,
        decides=Decides.VALUE,
        shown=True,
    ),
    _text(
        "kl_p99",
        unit="nat",
        direction=_LOWER,
        meaning="99th percentile over tokens of the KL divergence from the baseline's prediction",
        scale=Scale.LINEAR,
        margin=PERPLEXITY_MARGIN,
        relative=True,
    ),
)
"""In the order in which they are published, behind all others."""


def said_of(metric: Metric, scenario: Scenario) -> bool:
    """Whether a metric can have a value in a scenario.

    A call of a decoder is a whole request, so percentiles of calls and sums over samples of a set
    say nothing there that the metrics of decoders do not say; its inner tensors are not looked at.
    """
    if scenario is not Scenario.LLM:
        return not metric.decoder
    return metric.decoder or metric.of_requests
