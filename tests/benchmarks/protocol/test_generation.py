"""Requests to decoders on a simulated clock: what is timed, in which order, and when it ends."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.protocol.generation import (
    MIN_REQUESTS,
    PROMPTS,
    SWEEP_REPEATS,
    measure_request_pairs,
    measure_requests,
    prompts,
    request,
    sweep_lengths,
    warm_calls,
)
from bitgauge.benchmarks.protocol.latency import warm_up
from bitgauge.benchmarks.samples import Conditions, GenerationSamples
from bitgauge.benchmarks.stats.discards import kept_requests
from bitgauge.benchmarks.stats.paired import request_log_ratios, wilcoxon_interval
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import MAX_OVERRUN, PLANS

from tests.labs.rooms.paced_decoder import MS, Machine, PacedDecoder
from tests.labs.values import warmed

QUICK = PLANS[Profile.QUICK]
LENGTH, GENERATED = 16, 8


def usual(machine: Machine, **changes: Any) -> dict[str, Any]:
    """What a measurement takes besides decoders and prompts."""
    plain: dict[str, Any] = {
        "warm": warmed(MS),
        "clock": machine.clock,
        "plan": QUICK,
        "rng": np.random.default_rng(1),
        "gap": lambda: None,
        "conditions": Conditions,
    }
    return plain | changes


def alone(machine: Machine, decoder: PacedDecoder, **changes: Any) -> GenerationSamples:
    own = prompts(decoder, LENGTH, np.random.default_rng(0))
    return measure_requests(decoder, own, GENERATED, **usual(machine, **changes))


def paired(machine: Machine, ratio: float, **changes: Any) -> GenerationSamples:
    both = [PacedDecoder(machine), PacedDecoder(machine, token_ns=0.2 * MS * ratio)]
    own = prompts(both[0], LENGTH, np.random.default_rng(0))
    return measure_request_pairs(both, own, GENERATED, **usual(machine, **changes))


def test_a_request_feeds_the_prompt_and_then_token_by_token() -> None:
    decoder = PacedDecoder(Machine())
    chosen = request(decoder, np.array([1, 2, 3]), 3)
    assert decoder.fed == [1, 2, 3, *chosen[:2]]
    assert len(chosen) == 3
    request(decoder, np.array([4]), 1)
    assert decoder.fed == [4], "the context was emptied, and what ends a request is not fed"


def test_a_request_as_a_whole_is_the_work_of_one_whose_tokens_are_timed() -> None:
    machine = Machine()
    decoder = PacedDecoder(machine)
    timed = alone(machine, decoder, sweep=False)
    start = machine.clock()
    request(decoder, np.arange(LENGTH), GENERATED)
    assert machine.clock() - start == timed.ttft_ns[0] + timed.decode_ns[0]


def test_first_token_and_further_ones_are_told_apart() -> None:
    machine = Machine()
    samples = alone(machine, PacedDecoder(machine))
    own = samples.prompt_tokens == LENGTH
    assert set(samples.ttft_ns[own]) == {round(0.01 * MS * LENGTH)}
    assert set(samples.decode_ns[own]) == {(GENERATED - 1) * round(0.2 * MS)}
    assert set(samples.decoded[own]) == {GENERATED - 1}
    assert samples.token_ns.size == (GENERATED - 1) * int(own.sum())
    assert set(samples.token_ns) == {round(0.2 * MS)}
    assert np.all(samples.which == 1)
    assert np.all(samples.quad == -1)
    assert samples.stopped == "budget"
    spent = (samples.ttft_ns + samples.decode_ns)[own]
    assert spent[:-1].sum() < QUICK.absolute_timed_ns <= spent.sum()


def test_prompts_take_turns_and_begin_as_texts_do() -> None:
    machine = Machine()
    decoder = PacedDecoder(machine)
    alone(machine, decoder, sweep=False)
    assert len(set(decoder.prompts)) == PROMPTS
    assert {one[0] for one in decoder.prompts} == {decoder.bos}
    assert {len(one) for one in decoder.prompts} == {LENGTH}
    without = replace_bos(decoder, None)
    assert [one.size for one in prompts(without, 3, np.random.default_rng(0))] == [3] * PROMPTS
    texts = [np.arange(5), np.arange(20), np.arange(20) + 1]
    taken = prompts(decoder, 11, np.random.default_rng(0), texts)
    assert [one.tolist() for one in taken] == [[1, *range(10)], [1, *range(1, 11)]]
    assert prompts(decoder, 1, np.random.default_rng(0))[0].tolist() == [1]


def replace_bos(decoder: PacedDecoder, bos: int | None) -> PacedDecoder:
    return replace(decoder, bos=bos)


def test_the_sweep_goes_from_one_token_to_a_full_context() -> None:
    assert sweep_lengths(64, 256) == (1, 4, 16, 256)
    assert sweep_lengths(100, 1000) == (1, 4, 16, 64, 256, 1000)
    assert sweep_lengths(1, 1) == ()
    machine = Machine()
    samples = alone(machine, PacedDecoder(machine))
    swept = samples.prompt_tokens != LENGTH
    lengths, counts = np.unique(samples.prompt_tokens[swept], return_counts=True)
    assert lengths.tolist() == [1, 4, 64, 256]
    assert set(counts) == {SWEEP_REPEATS}
    assert not samples.decoded[swept].any()
    assert not samples.decode_ns[swept].any()


def test_a_slow_decoder_ends_and_says_so() -> None:
    machine = Machine()
    second = PacedDecoder(machine, token_ns=100 * MS)
    samples = alone(machine, second, sweep=False)
    assert (samples.which.size, samples.stopped) == (MIN_REQUESTS, "budget")
    machine = Machine()
    samples = alone(machine, PacedDecoder(machine, token_ns=4000 * MS), sweep=False)
    assert (samples.which.size, samples.stopped) == (1, "too_slow")
    assert samples.decode_ns[0] > MAX_OVERRUN * QUICK.absolute_timed_ns


def test_one_token_alone_has_no_further_one() -> None:
    machine = Machine()
    decoder = PacedDecoder(machine)
    own = prompts(decoder, LENGTH, np.random.default_rng(0))
    samples = measure_requests(decoder, own, 1, **usual(machine, sweep=False))
    assert not samples.decoded.any()
    assert not samples.decode_ns.any()
    assert samples.token_ns.size == 0


def test_quads_have_one_prompt_each_and_a_random_order() -> None:
    samples = paired(Machine(noise=0.02), 1.5)
    orders = samples.which.reshape(-1, 4)
    assert {tuple(one) for one in orders.tolist()} == {(0, 1, 1, 0), (1, 0, 0, 1)}
    assert samples.quad.tolist() == [place // 4 for place in range(samples.quad.size)]
    assert samples.token_ns.size == 0
    assert samples.stopped == "precise"
    assert orders.shape[0] == QUICK.quads


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.7])
def test_the_ratio_is_that_of_the_decoders(ratio: float) -> None:
    first, each = request_log_ratios(paired(Machine(seed=3, noise=0.05), ratio))
    assert each is not None
    for values, true in ((first, 1.0), (each, ratio)):
        interval = wilcoxon_interval(values, 0.999)
        assert interval is not None
        assert interval.low < math.log(true) < interval.high
        assert interval.half_width < 0.05


def test_an_external_cause_takes_the_whole_quad() -> None:
    samples = paired(Machine(noise=0.02), 1.0)
    samples.conditions.throttle_count[:] = 0
    samples.conditions.throttle_count[5] = 1
    left, discarded = kept_requests(samples)
    assert (discarded.units, discarded.words()) == (1, "throttle:1")
    assert left.which.size == samples.which.size - 4
    assert left.quad.tolist() == [place // 4 for place in range(left.quad.size)]
    assert left.start_ns.tolist() == np.delete(samples.start_ns, range(4, 8)).tolist()


def test_the_warm_up_runs_requests() -> None:
    machine = Machine()
    both = [PacedDecoder(machine), PacedDecoder(machine)]
    own = prompts(both[0], LENGTH, np.random.default_rng(0))
    warm = warm_up(warm_calls(both, own, GENERATED), machine.clock, QUICK)
    assert warm.steady
    further = (GENERATED - 1) * round(0.2 * MS)
    assert set(warm.iteration_ns) == {round(0.01 * MS * LENGTH) + further}
