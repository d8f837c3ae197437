"""What one launch of a decoder observed: requests, and windows of texts."""

from __future__ import annotations

from dataclasses import dataclass

from .blocks import BlockConditions, Floats, Floats32, Ints, Texts, WarmUp


@dataclass(frozen=True, slots=True, eq=False)
class GenerationSamples:
    """The requests of one launch to a decoder, or to two in turn, in the order in which they ran.

    One request empties the context, feeds the prompt, and takes and feeds the most probable token
    again and again.

    Attributes:
        which: (r,) `BASELINE` or `CANDIDATE`; all `CANDIDATE` where one artifact was held.
        quad: (r,) index of the quad, ABBA or BAAB; -1 outside quads, of the sweep over prompts.
        prompt_tokens: (r,) tokens of the prompt.
        ttft_ns: (r,) from before the context is emptied until the first token is chosen.
        decode_ns: (r,) from there until the last token is chosen; 0 where there is one alone.
        decoded: (r,) tokens after the first, which `decode_ns` took.
        start_ns: (r,) clock at the start.
        conditions: of each request.
        warm: the warm-up; its blocks are requests.
        token_ns: (t,) each further token of the workload's own requests, in order; empty where
            two artifacts took turns.
        stopped: why no more requests were added: `quads`, `budget`, `tokens` (as many as are kept)
            or `too_slow`.
        context_bytes: resident memory that a full context added; -1: unknown.
        context_tokens: how many tokens that context holds; 0: unknown.
    """

    which: Ints
    quad: Ints
    prompt_tokens: Ints
    ttft_ns: Ints
    decode_ns: Ints
    decoded: Ints
    start_ns: Ints
    conditions: BlockConditions
    warm: WarmUp
    token_ns: Ints
    stopped: str = ""
    context_bytes: int = -1
    context_tokens: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PerplexitySamples:
    """How well two decoders predict the same texts, one element per window, by document.

    A window is consecutive tokens of one document, after the token that begins a text where the
    model has one. Fields of the candidate are None for the baseline alone.

    Attributes:
        document: (w,) index into `ids`, ascending.
        ids: (d,) name of each document, unique.
        tokens: (w,) tokens that were predicted.
        ref_nll: (w,) negative log-likelihood of these by the baseline, nats, summed in float64; NaN
            where a score is not finite.
        cand_nll: (w,) the same of the candidate.
        same_top1: (w,) tokens for which both find the same one most probable.
        kl_nats: (w,) KL divergence of the candidate's prediction from the baseline's, summed.
        kl: (k,) the same of single tokens in order, at most `MAX_DIVERGENCES`; beyond, a uniform
            sample of them.
        nonfinite_ref: scores of the baseline that are NaN or infinite.
        nonfinite_cand: the same of the candidate.
        vocabulary: tokens that the models tell apart.
    """

    document: Ints
    ids: Texts
    tokens: Ints
    ref_nll: Floats
    cand_nll: Floats | None
    same_top1: Ints | None
    kl_nats: Floats | None
    kl: Floats32 | None
    nonfinite_ref: int = 0
    nonfinite_cand: int = 0
    vocabulary: int = 0
