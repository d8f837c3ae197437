"""The look at a built GGUF file, on files that are written here tensor by tensor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders._checks._verdict import Verdict
from bitgauge.coordinator.builders._checks.gguf import check
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

from tests.labs.decoders.gguf import TOKENS, Gguf, tiny


def changed(whole: Gguf, kinds: dict[str, str]) -> Gguf:
    """With other types of the tensors whose names hold a word."""
    tensors = [
        replace(
            one, type=next((kind for word, kind in kinds.items() if word in one.name), one.type)
        )
        for one in whole.tensors
    ]
    return replace(whole, tensors=tensors)


def looked_at(recipe: str, made: Gguf, folder: Path, source: Gguf | None = None) -> Verdict:
    baseline = (source or tiny(width=256)).write(folder / "source.gguf")
    output = made.write(folder / "made.gguf")
    return check(BuildRequest(parse(recipe), baseline, output))


def test_what_was_quantized_is_said(tmp_path: Path) -> None:
    mixture = changed(tiny("q4_k", width=256), {"attn_v": "q6_k", "output.w": "q6_k"})
    words = looked_at("int4-q4_k_m", mixture, tmp_path).words
    assert words[0] == "8 of 8 products of matrices are quantized (100 % of the multiplications)"
    assert words[1] == (
        "q6_k by llama.cpp's own mixture: blk.0.attn_v.weight, blk.0.attn_output.weight,"
        " output.weight"
    )


def test_what_stayed_in_float_is_named(tmp_path: Path) -> None:
    made = changed(tiny("q8_0", width=256), {"attn_k": "f16"})
    words = looked_at("int8-q8_0", made, tmp_path).words
    assert words[1:] == (
        "not quantized: 1 MatMul (kept in float)",
        "f16 kept in float: blk.0.attn_k.weight",
    )


def test_rows_of_another_length_are_named(tmp_path: Path) -> None:
    """A row of 256 is what K-quants store together; llama.cpp takes another type for others."""
    odd = tiny(width=288)
    down = "blk.0.ffn_down.weight"
    long = [replace(one, shape=(512, 288)) if one.name == down else one for one in odd.tensors]
    source = replace(tiny(width=256), tensors=_with(tiny(width=256), "attn_k", (288, 256)))
    made = replace(source, tensors=_kinds(source, "attn_k", "q5_0", "q4_k"))
    words = looked_at("int4-q4_k_m", made, tmp_path, source).words
    assert words[-1] == (
        "rows are no multiple of 256, so that another type had to be taken: blk.0.attn_k.weight"
    )
    assert long


def _with(whole: Gguf, word: str, shape: tuple[int, ...]) -> list:  # type: ignore[type-arg]
    return [replace(one, shape=shape) if word in one.name else one for one in whole.tensors]


def _kinds(whole: Gguf, word: str, kind: str, other: str) -> list:  # type: ignore[type-arg]
    return [
        replace(one, type=kind if word in one.name else other if len(one.shape) > 1 else "f32")
        for one in whole.tensors
    ]


BROKEN: dict[str, tuple[str, Gguf, str]] = {
    "nothing quantized": ("int8-q8_0", tiny("f16", width=256), "nothing was quantized"),
    "grown": (
        "int8-q8_0",
        changed(tiny(width=256), {"attn_k": "q8_0"}),
        "of the model's size",
    ),
    "another tensor": (
        "int8-q8_0",
        replace(tiny("q8_0", width=256), tensors=tiny("q8_0", width=256).tensors[:-1]),
        "is not that of the model",
    ),
    "another tokenizer": (
        "int8-q8_0",
        tiny("q8_0", width=256, tokens=[*TOKENS[:-1], "other"]),
        "its tokenizer is not that of the model",
    ),
    "no tokenizer": (
        "int8-q8_0",
        tiny("q8_0", width=256).with_values(tokenizer__ggml__tokens=None),
        "it has no tokenizer",
    ),
    "another float": ("bf16", tiny("f16", width=256), "most of its weights are fp16"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_build_is_one_sentence(name: str, tmp_path: Path) -> None:
    recipe, made, words = BROKEN[name]
    with pytest.raises(Unsupported) as found:
        looked_at(recipe, made, tmp_path)
    assert words in found.value.reason
    assert found.value.reason.endswith(".")


def test_a_format_that_no_row_can_have_is_refused(tmp_path: Path) -> None:
    source, made = tiny(width=96), tiny("q5_0", width=96)
    with pytest.raises(Unsupported, match="no multiple of 256, which int4-q4_k_m needs"):
        looked_at("int4-q4_k_m", made, tmp_path, source)
