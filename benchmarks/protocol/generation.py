"""How requests to decoders are timed, on a given clock: alone, in quads of two, by prompt length.

A request empties the context, feeds a prompt, chooses the most probable token and, as long as more
are wanted, feeds it and chooses the next (scenario `llm`, measurement.md A-2). It is the unit that
is timed and, of two decoders, what takes turns in quads A B B A or B A A B (A-8): all four requests
of a quad have one prompt.
Between two clock readings there are the decoder's own calls and nothing else.

The prompts are tokens drawn at random, as `llama-bench` has them, unless texts are given; a model's
pace does not depend on which tokens they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from ..samples import CANDIDATE, GenerationSamples, Ints, WarmUp
from ..stats.discards import kept_requests
from ..stats.paired import is_precise, request_log_ratios
from ..vocabulary.profiles import (
    MAX_LATENCIES_PER_LAUNCH,
    MAX_OVERRUN,
    ProfilePlan,
)
from .latency import Call, Clock, ConditionLog, Gap, ReadConditions, why_stop

PROMPTS = 8
"""Different prompts that requests take in turn, so that none of them is special."""

MIN_REQUESTS = 3
"""Requests of a launch of one decoder, however long one takes, once its budget allows one."""

SWEEP_REPEATS = 3
"""Requests for each length of a prompt in the sweep."""

SWEEP_STEP = 4
"""From one length of a prompt in the sweep to the next: the factor."""

SWEEP_SHARE = 0.5
"""Of the launch's budget that the sweep may take on top of it."""

OUTSIDE = -1
"""Quad of a request that is of none."""

_ROW = ("which", "quad", "prompt_tokens", "ttft_ns", "decode_ns", "decoded", "start_ns")


class Decodes(Protocol):
    """What of a decoder the protocol needs; see `agents.runtimes.base.Decoder`."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that fit."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        ...

    @property
    def bos(self) -> int | None:
        """The token that begins a text; None where the model has none."""
        ...

    def reset(self) -> None:
        """Forgets what was fed."""
        ...

    def feed(self, tokens: Ints) -> None:
        """Appends tokens (n,) to what was fed."""
        ...

    def greedy(self) -> int:
        """The most probable token at the next position."""
        ...


def prompts(
    decoder: Decodes, length: int, rng: np.random.Generator, texts: Iterable[Ints] = ()
) -> list[Ints]:
    """Prompts (length,) for a decoder, begun as it begins texts.

    Args:
        decoder: whose tokens they are.
        length: tokens of each, at least 1.
        rng: draws them.
        texts: documents whose beginnings are taken where they are long enough.
    """
    begin = [] if decoder.bos is None else [decoder.bos]
    wanted = length - len(begin)
    long = [text[:wanted] for text in texts if text.size >= wanted]
    bodies = long[:PROMPTS] or [
        rng.integers(decoder.vocabulary, size=max(wanted, 0)) for _ in range(PROMPTS)
    ]
    return [
        np.concatenate([np.array(begin, np.int64), body.astype(np.int64)])[:length]
        for body in bodies
    ]


def request(decoder: Decodes, prompt: Ints, generated: int) -> list[int]:
    """One request that is timed as a whole: what a session's call is in scenario `llm`.

    The same work as a request whose tokens are timed one by one: the last token that is chosen
    ends it, and is not fed.

    Returns:
        The tokens that were chosen, `generated` of them.
    """
    decoder.reset()
    decoder.feed(prompt)
    chosen = [decoder.greedy()]
    while len(chosen) < generated:
        decoder.feed(np.array(chosen[-1:], np.int64))
        chosen.append(decoder.greedy())
    return chosen


def warm_calls(decoders: Sequence[Decodes], own: Sequence[Ints], generated: int) -> list[Call]:
    """What the warm-up runs in turn: a request to each decoder."""

    def call(which: int) -> Call:
        def one() -> None:
            request(decoders[which], own[0], generated)

        return one

    return [call(which) for which in range(len(decoders))]


def sweep_lengths(own: int, context: int) -> tuple[int, ...]:
    """Lengths of prompts from 1 token to a full context, the workload's own left out.

    The last one fills the context: one token can be chosen behind it, and none fed.
    """
    found = {context}
    length = 1
    while length < context:
        found.add(length)
        length *= SWEEP_STEP
    return tuple(sorted(found - {own}))


@dataclass(slots=True)
class _Requests:
    """Requests so far."""

    decoders: Sequence[Decodes]
    clock: Clock
    log: ConditionLog
    rows: list[tuple[int, ...]] = field(default_factory=list)
    tokens: array[int] = field(default_factory=lambda: array("q"))

    def time(
        self, which: int, prompt: Ints, generated: int, *, quad: int = OUTSIDE, keep: bool = False
    ) -> int:
        """Time one request; how long it took in nanoseconds, at least 1.

        Args:
            which: `BASELINE` or `CANDIDATE`.
            prompt: its tokens.
            generated: tokens that are chosen, the first one included.
            quad: which it belongs to.
            keep: whether its single tokens are kept.
        """
        decoder, clock = self.decoders[which if len(self.decoders) > 1 else 0], self.clock
        stamps = array("q", bytes(8 * generated))
        before = self.log.read()
        start = clock()
        decoder.reset()
        decoder.feed(prompt)
        token = decoder.greedy()
        stamps[0] = clock()
        for place in range(1, generated):
            decoder.feed(np.array([token], np.int64))
            token = decoder.greedy()
            stamps[place] = clock()
        steps = np.diff(np.asarray(stamps))
        first, decoded = stamps[0] - start, generated - 1
        backwards = first < 0 or bool(np.any(steps < 0))
        self.log.close(before, self.log.read(), backwards=backwards)
        # A clock too coarse to see it still leaves a positive time to take logs of.
        after = max(stamps[-1] - stamps[0], decoded)
        self.rows.append((which, quad, prompt.size, max(first, 1), after, decoded, start))
        if keep:
            self.tokens.extend(np.maximum(steps, 0).tolist())
        return max(first, 1) + after

    def samples(self, warm: WarmUp, stopped: str) -> GenerationSamples:
        table = np.array(self.rows, dtype=np.int64).reshape(len(self.rows), len(_ROW)).T
        columns: dict[str, Any] = {
            name: np.ascontiguousarray(column) for name, column in zip(_ROW, table, strict=True)
        }
        return GenerationSamples(
            **columns,
            conditions=self.log.columns(),
            warm=warm,
            token_ns=np.array(self.tokens, dtype=np.int64),
            stopped=stopped,
        )


def measure_requests(
    decoder: Decodes,
    own: Sequence[Ints],
    generated: int,
    *,
    warm: WarmUp,
    clock: Clock,
    plan: ProfilePlan,
    rng: np.random.Generator,
    gap: Gap,
    conditions: ReadConditions,
    sweep: bool = True,
) -> GenerationSamples:
    """Time requests to one decoder for `plan.absolute_timed_ns`, then by length of prompt.

    Args:
        decoder: warm.
        own: the workload's prompts, taken in turn.
        generated: tokens that are chosen in each request, the first one included.
        warm: its warm-up.
        clock: monotonic nanoseconds.
        plan: timed nanoseconds.
        rng: draws the prompts of the sweep.
        gap: called between requests.
        conditions: reads the conditions of a request.
        sweep: whether prompts of other lengths are timed too.
    """
    done = _Requests([decoder], clock, ConditionLog(conditions))
    budget, spent, stopped = plan.absolute_timed_ns, 0, ""
    while not stopped:
        prompt = own[len(done.rows) % len(own)]
        spent += done.time(CANDIDATE, prompt, generated, keep=True)
        stopped = _why_end(spent, budget, len(done.rows), len(done.tokens) + generated)
        gap()
    if sweep:
        _sweep(done, own[0].size, round(SWEEP_SHARE * budget), rng, gap)
    return done.samples(warm, stopped)


def _why_end(spent: int, budget: int, requests: int, tokens: int) -> str:
    if tokens > MAX_LATENCIES_PER_LAUNCH:
        return "tokens"
    if spent >= budget and requests >= MIN_REQUESTS:
        return "budget"
    return "too_slow" if spent >= MAX_OVERRUN * budget else ""


def _sweep(done: _Requests, own: int, budget: int, rng: np.random.Generator, gap: Gap) -> None:
    """Time the first token behind prompts of other lengths, short ones first.

    A length is left out, and all beyond, once the budget is spent.
    """
    decoder, spent = done.decoders[0], 0
    for length in sweep_lengths(own, decoder.context_tokens):
        for prompt in prompts(decoder, length, rng)[:SWEEP_REPEATS]:
            if spent >= budget:
                return
            spent += done.time(CANDIDATE, prompt, 1)
            gap()


def measure_request_pairs(
    decoders: Sequence[Decodes],
    own: Sequence[Ints],
    generated: int,
    *,
    warm: WarmUp,
    clock: Clock,
    plan: ProfilePlan,
    rng: np.random.Generator,
    gap: Gap,
    conditions: ReadConditions,
) -> GenerationSamples:
    """Time requests to baseline and candidate in quads of random order ABBA or BAAB (A-8).

    Quads are added until the intervals of both ratios, of the time to the first token and of that
    for each further one, are short enough, `max_quads` exist, or the budget is spent; see
    `latency.measure_pair`.

    Args:
        decoders: baseline and candidate, warm; `gap` may put others in their places.
        own: the workload's prompts; each quad takes the next one.
        generated: tokens that are chosen in each request, the first one included.
        warm: their warm-up.
        clock: monotonic nanoseconds.
        plan: how many quads.
        rng: decides the order of each quad.
        gap: called between quads.
        conditions: reads the conditions of a request.
    """
    done = _Requests(decoders, clock, ConditionLog(conditions))
    started = clock()
    while True:
        quad = len(done.rows) // 4
        first = int(rng.integers(2))
        for which in (first, 1 - first, 1 - first, first):
            done.time(which, own[quad % len(own)], generated, quad=quad)
        samples = done.samples(warm, "")
        precise = partial(_is_precise, samples, plan)
        stopped = why_stop(samples.which.size // 4, clock() - started, plan, precise)
        if stopped:
            return replace(samples, stopped=stopped)
        gap()


def _is_precise(samples: GenerationSamples, plan: ProfilePlan) -> bool:
    kept, _ = kept_requests(samples)
    ratios = request_log_ratios(kept)
    return all(one.size and is_precise(one, plan.margin) for one in ratios if one is not None)
