"""What a GGUF file says of its language model, or why it holds none."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.gguf.decoder import DecoderHeader, decoder_of
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.vocabulary.errors import BadInput

from tests.labs.decoders.gguf import TOKENS, Gguf, tiny


def found(whole: Gguf, folder: Path) -> DecoderHeader:
    return decoder_of(read_header(whole.write(folder / "m.gguf"), "m.gguf"))


def test_a_decoder(tmp_path: Path) -> None:
    joined = "".join(one + "\0" for one in TOKENS).encode()
    assert found(tiny(), tmp_path) == DecoderHeader(
        architecture="llama",
        context_tokens=64,
        vocabulary=len(TOKENS),
        bos=1,
        tokenizer_sha256=hashlib.sha256(joined).hexdigest(),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer__ggml__bos_token_id": None},
        {"tokenizer__ggml__add_bos_token": False},
    ],
    ids=["has none", "uses none"],
)
def test_a_text_without_a_token_that_begins_it(changes: dict[str, object], tmp_path: Path) -> None:
    assert found(tiny().with_values(**changes), tmp_path).bos is None


OTHERS: dict[str, tuple[Gguf, str]] = {
    "adapter": (tiny().with_values(general__type="adapter"), "is an adapter"),
    "projector": (tiny().with_values(general__type="mmproj"), "is a projector of images"),
    "matrix": (tiny().with_values(general__type="imatrix"), "is an importance matrix"),
    "part": (tiny().with_values(split__count=3), "is one of 3 parts of a model; put them together"),
    "no architecture": (tiny().with_values(general__architecture=None), "does not say its arch"),
    "encoder": (tiny().with_values(general__architecture="bert"), "is an encoder (bert)"),
    "not causal": (tiny().with_values(llama__attention__causal=False), "without causal attention"),
    "no tensors": (replace(tiny(), tensors=()), "is a vocabulary without a model"),
    "no tokenizer": (tiny().with_values(tokenizer__ggml__tokens=None), "has no tokenizer"),
    "another tokenizer": (
        tiny().with_values(tokenizer__ggml__tokens=[*TOKENS, "more"]),
        "a tokenizer of 17 tokens, and its model has 16",
    ),
    "no embedding": (replace(tiny(), tensors=tiny().tensors[1:]), "has no token_embd.weight"),
    "no context": (tiny().with_values(llama__context_length=None), "how many tokens fit"),
    "context of none": (tiny().with_values(llama__context_length=0), "how many tokens fit"),
    "unknown beginning": (
        tiny().with_values(tokenizer__ggml__bos_token_id=16),
        "begins texts with token 16, and has 16 tokens",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_decoder_is_one_sentence(name: str, tmp_path: Path) -> None:
    whole, words = OTHERS[name]
    with pytest.raises(BadInput) as refused:
        found(whole, tmp_path)
    assert words in refused.value.sentence
    assert refused.value.sentence.startswith("m.gguf is no language model to measure: it ")
    assert refused.value.sentence.endswith(".")
