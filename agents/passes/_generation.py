"""A decoder as a session, so that passes that time calls time requests: one call is one request.

A request empties the context, feeds a prompt, and chooses as many tokens as the workload says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.protocol.generation import prompts, request
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.quality.texts import TextSet, require_tokenizer
from bitgauge.benchmarks.samples import Ints
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from ..runtimes.base import Decoder, RuntimeModule, SessionOptions
from ._batches import TIMING_BATCHES, Feeds

LEAST_CONTEXT = 512
"""Tokens of a context that shorter requests get too, which has room for windows of texts."""

_TOKENS = "tokens"
_PROMPT = InputSpec(_TOKENS, "int64", (1, None))


def context_of(workload: Workload) -> int:
    """Tokens that a decoder has to hold for a workload; 0 outside scenario `llm`."""
    if not workload.is_llm:
        return 0
    return max(LEAST_CONTEXT, workload.prompt_tokens + workload.generated_tokens)


def open_decoder(runtime: RuntimeModule, path: Path, options: SessionOptions) -> Decoder:
    """The language model at `path`.

    Raises:
        Refused: `unsupported_artifact`, the runtime opens none.
    """
    if runtime.TRAITS.decoder is None:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"{runtime.NAME} runs no language model token by token, as scenario llm asks.",
        )
    return runtime.TRAITS.decoder(path, options)


class Requests:
    """A decoder whose calls are requests; see `runtimes.base.Session`.

    Args:
        decoder: what is asked.
        generated: tokens that a request chooses.
    """

    output_names = ("generated",)
    input_specs = (_PROMPT,)

    def __init__(self, decoder: Decoder, generated: int) -> None:
        self.decoder = decoder
        self._generated = generated

    def options_set(self) -> dict[str, str]:
        """Those of the decoder."""
        return self.decoder.options_set()

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A request with this prompt."""
        prompt: Ints = feeds[_TOKENS][0]

        def call() -> None:
            request(self.decoder, prompt, self._generated)

        return call

    def run(self, feeds: Feeds) -> list[npt.NDArray[Any]]:
        """One request; what was generated, (1, generated)."""
        chosen = request(self.decoder, feeds[_TOKENS][0], self._generated)
        return [np.array([chosen], np.int64)]

    def longest(self, feeds: Feeds) -> Feeds:
        """A prompt that leaves no room but for the answer, of the tokens of another."""
        room = self.decoder.context_tokens - self._generated
        return {_TOKENS: np.resize(feeds[_TOKENS], (1, room))}

    def close(self) -> None:
        """Closes the decoder."""
        self.decoder.close()


class Prompts:
    """Prompts of one length: beginnings of texts, or tokens at random where none is long enough.

    Args:
        texts: the set; None for an artifact that stands for nothing.
        decoder: what they are for.
        workload: how long they are.
        seed: draws tokens.

    Raises:
        BadInput: the texts were made with another tokenizer, or prompt and answer do not fit into
            the context.
    """

    batch = 1

    def __init__(
        self, texts: TextSet | None, decoder: Decoder, workload: Workload, seed: int
    ) -> None:
        length = workload.prompt_tokens
        if length + workload.generated_tokens > decoder.context_tokens:
            raise BadInput(
                Code.CONTEXT_OVERFLOW,
                f"A prompt of {length} tokens and {workload.generated_tokens} that follow do"
                f" not fit into the model's context of {decoder.context_tokens}.",
            )
        self._documents: tuple[Ints, ...] = ()
        if texts is not None:
            require_tokenizer(texts, decoder.tokenizer_sha256)
            self._documents = tuple(texts.documents.values())
        self._decoder = decoder
        self._rng = np.random.default_rng([seed, 2])
        self.own = prompts(decoder, length, self._rng, self._documents)

    @property
    def described(self) -> dict[str, str]:
        """Type and shape of a prompt."""
        return {_TOKENS: f"int64[1,{self.own[0].size}]"}

    def first(self) -> Feeds:
        """One prompt."""
        return {_TOKENS: self.own[0][None, :]}

    def for_timing(self, at_most: int = TIMING_BATCHES) -> list[Feeds]:
        """Different prompts, to be used in turn."""
        return [{_TOKENS: one[None, :]} for one in self.own[:at_most]]

    def of_length(self, tokens: int) -> Ints:
        """A prompt of another length, (tokens,)."""
        return prompts(self._decoder, tokens, self._rng, self._documents)[0]
