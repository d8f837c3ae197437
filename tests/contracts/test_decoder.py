"""Every runtime that declares decoders keeps one contract; a new file is picked up by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.runtimes.base import Decoder, RuntimeModule, SessionOptions
from bitgauge.benchmarks.vocabulary.enums import Capability
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from tests.contracts.test_runtime import ELSEWHERE

FOUND = registry.find("runtimes", ())
THERE = {one.name for one in registry.probe_runtimes(FOUND)[0]}
DECODERS = [
    name
    for name in sorted(FOUND.modules)
    if Capability.DECODER in registry.runtime(name, ()).TRAITS.capabilities
]
TOLERANCE = 0.01
"""Of the spread of logits: kernels for one token and for several add up in another order, and
keys and values are kept in half precision."""


@pytest.fixture(params=DECODERS)
def runtime(request: pytest.FixtureRequest) -> RuntimeModule:
    if request.param not in THERE:
        pytest.skip(ELSEWHERE.get(request.param, f"NOT RUN: {request.param} is not installed here"))
    return registry.runtime(request.param, ())


@pytest.fixture
def decoder(runtime: RuntimeModule, tmp_path: Path) -> Iterator[Decoder]:
    runtime.prepare()
    made = opened(runtime, tmp_path, 64)
    yield made
    made.close()


def opened(runtime: RuntimeModule, folder: Path, context: int) -> Decoder:
    path = folder / "floor"
    path.write_bytes(runtime.empty_artifact())
    assert runtime.TRAITS.decoder is not None
    return runtime.TRAITS.decoder(path, SessionOptions(threads=1, context=context))


def some(decoder: Decoder, count: int, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, decoder.vocabulary, count)


def test_it_says_what_it_is(decoder: Decoder) -> None:
    assert decoder.vocabulary > 1
    assert decoder.context_tokens >= 64
    assert decoder.bos is None or 0 <= decoder.bos < decoder.vocabulary
    assert len(decoder.tokenizer_sha256) in (0, 64)
    told = decoder.options_set()
    assert told == decoder.options_set()
    assert all(name and text for name, text in told.items())


def test_a_reset_forgets(decoder: Decoder) -> None:
    first, second = some(decoder, 9), some(decoder, 12, seed=8)
    fresh = decoder.scores(second)
    decoder.feed(first)
    decoder.reset()
    decoder.feed(second)
    assert fresh[-1][decoder.greedy()] >= fresh[-1].max() - TOLERANCE * fresh.std()
    assert np.array_equal(decoder.scores(second), fresh)


def test_what_was_fed_matters(decoder: Decoder) -> None:
    """So that no test of this page holds of a decoder that answers always the same."""
    one, other = decoder.scores(some(decoder, 9)), decoder.scores(some(decoder, 9, seed=8))
    assert np.abs(one[-1] - other[-1]).max() > 10 * TOLERANCE * one.std()


def test_pieces_are_the_whole(decoder: Decoder) -> None:
    tokens = some(decoder, 20)
    whole = decoder.scores(tokens)
    assert whole.shape == (20, decoder.vocabulary)
    assert whole.dtype == np.float32
    decoder.reset()
    for piece in np.split(tokens, [1, 2, 9]):
        decoder.feed(piece)
    decided = np.sort(whole[-1])[-2:]
    assert decided[1] - decided[0] > TOLERANCE * whole.std(), (
        "another seed: two tokens are as good here"
    )
    assert decoder.greedy() == int(whole[-1].argmax())


def test_a_row_of_scores_is_what_greedy_says(decoder: Decoder) -> None:
    tokens = some(decoder, 10)
    whole = decoder.scores(tokens)
    decoder.reset()
    for at, token in enumerate(tokens):
        decoder.feed(tokens[at : at + 1])
        best = whole[at].max()
        assert whole[at][decoder.greedy()] >= best - TOLERANCE * whole.std(), (
            f"after {at + 1} tokens, {token}"
        )


def test_calls_in_any_order_give_what_a_fresh_one_gives(decoder: Decoder) -> None:
    """What a decoder computed ahead, or owes, is never seen: tokens that were fed count alone."""
    rng = np.random.default_rng(5)
    for _ in range(12):
        decoder.reset()
        fed: list[int] = []
        for _ in range(6):
            tokens = some(decoder, int(rng.integers(1, 4)), seed=int(rng.integers(1000)))
            choice = rng.integers(4)
            if choice == 1 and fed:
                tokens = np.array([decoder.greedy()])
            elif choice == 2 and fed:
                decoder.greedy()
            decoder.feed(tokens)
            fed += tokens.tolist()
            if choice == 3:
                refuses(Code.OUTSIDE_VOCABULARY, lambda: decoder.feed(np.asarray([-1])))
        found = decoder.greedy(), decoder.greedy()
        last = decoder.scores(np.array(fed))[-1]
        assert found[0] == found[1]
        assert last[found[0]] >= last.max() - TOLERANCE * last.std(), fed


def test_it_answers_the_same_again(decoder: Decoder) -> None:
    """Bit by bit: perplexities of two launches differ by the artifact and by nothing else."""
    tokens = some(decoder, 30)
    assert np.array_equal(decoder.scores(tokens), decoder.scores(tokens))


def test_the_context_can_be_filled_and_no_more(decoder: Decoder) -> None:
    decoder.feed(some(decoder, decoder.context_tokens - 1))
    decoder.feed(some(decoder, 1))
    assert 0 <= decoder.greedy() < decoder.vocabulary
    refuses(Code.CONTEXT_OVERFLOW, lambda: decoder.feed(some(decoder, 1)))
    refuses(
        Code.CONTEXT_OVERFLOW, lambda: decoder.scores(some(decoder, 1 + decoder.context_tokens))
    )
    assert decoder.scores(some(decoder, decoder.context_tokens)).shape[0] == decoder.context_tokens


def test_what_cannot_be_fed_is_one_sentence(decoder: Decoder) -> None:
    refuses(Code.EMPTY_PROMPT, decoder.greedy)
    for feeds in (decoder.feed, decoder.scores):
        refuses(Code.EMPTY_PROMPT, lambda feeds=feeds: feeds(some(decoder, 0)))
        for token in (-1, decoder.vocabulary, 2**40):
            strange = np.asarray([0, token, 0])
            refuses(Code.OUTSIDE_VOCABULARY, lambda feeds=feeds, strange=strange: feeds(strange))


def test_what_was_refused_was_not_fed(decoder: Decoder) -> None:
    tokens = some(decoder, 8)
    expected = int(decoder.scores(tokens)[-1].argmax())
    decoder.reset()
    decoder.feed(tokens)
    refuses(Code.OUTSIDE_VOCABULARY, lambda: decoder.feed(np.asarray([0, -1])))
    assert decoder.greedy() == expected


def test_a_reset_makes_it_ask_for_tokens(decoder: Decoder) -> None:
    decoder.feed(some(decoder, 3))
    decoder.reset()
    refuses(Code.EMPTY_PROMPT, decoder.greedy)


def test_a_larger_context_is_made_when_asked_for(runtime: RuntimeModule, tmp_path: Path) -> None:
    runtime.prepare()
    small, large = (opened(runtime, tmp_path, size) for size in (32, 256))
    assert small.context_tokens < large.context_tokens
    assert large.context_tokens >= 256
    small.close()
    large.close()


def test_a_file_that_is_no_artifact_is_one_sentence(runtime: RuntimeModule, tmp_path: Path) -> None:
    runtime.prepare()
    path = tmp_path / "junk"
    path.write_bytes(b"this is no model")
    assert runtime.TRAITS.decoder is not None
    open_it = runtime.TRAITS.decoder
    refuses(Code.BAD_MODEL, lambda: open_it(path, SessionOptions()))


def test_every_option_that_is_offered_can_be_set(runtime: RuntimeModule, tmp_path: Path) -> None:
    runtime.prepare()
    path = tmp_path / "floor"
    path.write_bytes(runtime.empty_artifact())
    assert runtime.TRAITS.decoder is not None
    for option in runtime.TRAITS.options:
        for value in option.values:
            given = (StackItem(option.name, value),)
            decoder = runtime.TRAITS.decoder(path, SessionOptions(further=given))
            decoder.feed(np.zeros(2, np.int64))
            assert decoder.options_set().get(option.name, value) == value
            decoder.close()


def refuses(code: Code, call: object) -> None:
    assert callable(call)
    with pytest.raises(BitgaugeError) as caught:
        call()
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence
    assert caught.value.sentence.endswith(".")
