"""The zoo's decoder is to llama.cpp what it is to torch; else the conversion is wrong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import llamacpp
from bitgauge.agents.runtimes.base import Decoder, SessionOptions
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.texts import read_text_set

for library in ("gguf", "safetensors"):
    pytest.importorskip(library, reason="NOT RUN: pip install 'bitgauge[runtimes]'")

from tests.labs.zoo.decoder import forms  # noqa: E402  which imports both

DECODER = zoo.decoder()
WINDOW = 255
"""Tokens after the one that begins a text, as `known_perplexity` was measured."""


def opened(path: Path) -> Decoder:
    llamacpp.prepare()
    assert llamacpp.TRAITS.decoder is not None
    return llamacpp.TRAITS.decoder(path, SessionOptions(threads=1))


def perplexity(decoder: Decoder) -> float:
    """exp of the mean negative log-likelihood of each token, one window after another."""
    total, count = 0.0, 0
    for tokens in read_text_set(DECODER.evaluation_path).documents.values():
        for start in range(0, len(tokens), WINDOW):
            window = np.array([decoder.bos, *tokens[start : start + WINDOW]])
            scores = decoder.scores(window)[:-1].astype(np.float64)
            whole = np.log(np.exp(scores - scores.max(1, keepdims=True)).sum(1)) + scores.max(1)
            total += float(np.sum(whole - np.take_along_axis(scores, window[1:, None], 1)[:, 0]))
            count += len(window) - 1
    return math.exp(total / count)


def test_llamacpp_gives_the_perplexity_that_torch_gave(tmp_path: Path) -> None:
    forms.main(tmp_path)
    decoder = opened(tmp_path / "tiny-llama-f32.gguf")
    assert (decoder.vocabulary, decoder.context_tokens, decoder.bos) == (260, 512, 1)
    assert decoder.tokenizer_sha256 == read_text_set(DECODER.evaluation_path).tokenizer_sha256
    assert perplexity(decoder) == pytest.approx(DECODER.known_perplexity, rel=1e-3)
    decoder.close()
