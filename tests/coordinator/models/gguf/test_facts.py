"""What a GGUF file is: its recipe by the types of its tensors, its tokens, or one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.digests import sha256_of_tokens
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.models.base import DecoderFacts, ModelFacts, OutputSpec
from bitgauge.coordinator.models.recognise import inspect_model, kind_of

from tests.labs.decoders.gguf import TOKENS, Gguf, tiny

RECIPES = {
    ("f32", 0): "fp32",
    ("f16", 1): "fp16",
    ("bf16", 32): "bf16",
    ("q8_0", 7): "int8-q8_0",
    ("q6_k", 18): "int6-q6_k",
    ("q5_0", 8): "int5-q5_0",
    ("q5_k", 17): "int5-q5_k_m",
    ("q4_0", 2): "int4-q4_0",
    ("q4_k", 15): "int4-q4_k_m",
    ("q4_k", 14): "int4-q4_k_s",
    ("q4_k", 1): "int4-q4_k_s",  # it does not say what it is, and has no larger type
    ("iq4_nl", 25): "int4-iq4_nl",
    ("q3_k", 12): "int3-q3_k_m",
    ("q2_k", 10): "int2-q2_k",
}


def seen(whole: Gguf, folder: Path) -> ModelFacts:
    path = whole.write(folder / "model.gguf")
    assert kind_of(path) == "gguf"
    return inspect_model(path, "model.gguf")


def changed(whole: Gguf, kinds: dict[str, str]) -> Gguf:
    """With other types of the tensors whose names hold a word."""
    tensors = [
        replace(
            one, type=next((kind for word, kind in kinds.items() if word in one.name), one.type)
        )
        for one in whole.tensors
    ]
    return replace(whole, tensors=tensors)


def test_a_language_model(tmp_path: Path) -> None:
    found = seen(tiny(), tmp_path)
    assert found.inputs == (InputSpec("tokens", "int64", (None, None), ("batch", "position")),)
    assert found.outputs == (OutputSpec("logits", "float32", (None, None, 16)),)
    assert (found.model_class, str(found.recipe)) == (ModelClass.TRANSFORMER, "fp32")
    assert found.decoder == DecoderFacts(
        architecture="llama",
        context_tokens=64,
        vocabulary=16,
        bos=1,
        tokenizer_sha256=sha256_of_tokens(one.encode() for one in TOKENS),
    )
    assert found.operator_counts == {"MatMul": 8}
    assert found.parameter_count == 2 * 16 * 32 + 4 * 32 * 32 + 3 * 32 * 64 + 3 * 32
    assert found.size_bytes == (tmp_path / "model.gguf").stat().st_size


@pytest.mark.parametrize(("kind", "told"), RECIPES)
def test_the_recipe_is_that_of_most_weights(kind: str, told: int, tmp_path: Path) -> None:
    whole = tiny(kind, width=256).with_values(general__file_type=told)
    assert str(seen(whole, tmp_path).recipe) == RECIPES[kind, told]


def test_what_a_file_says_of_itself_is_not_believed(tmp_path: Path) -> None:
    whole = tiny("q8_0").with_values(general__file_type=15)
    assert str(seen(whole, tmp_path).recipe) == "int8-q8_0"


def test_a_mixture_is_told_by_its_larger_type(tmp_path: Path) -> None:
    whole = changed(tiny("q4_k", width=256), {"attn_v": "q6_k", "output": "q6_k"})
    found = seen(whole.with_values(general__file_type=None), tmp_path)
    assert (str(found.recipe), found.family) == ("int4-q4_k_m", FormatFamily.INT4)


def test_importance_is_told_by_the_file(tmp_path: Path) -> None:
    whole = tiny("q4_0").with_values(quantize__imatrix__entries_count=7)
    assert str(seen(whole, tmp_path).recipe) == "int4-q4_0-cal"


def test_types_of_one_width_have_a_family_and_no_recipe(tmp_path: Path) -> None:
    whole = changed(tiny("q4_0", width=256), {"ffn": "q4_1", "attn": "iq4_nl"})
    found = seen(changed(whole, {"ffn_up": "q4_0"}), tmp_path)
    assert (found.recipe, found.family) == (None, FormatFamily.INT4)


def test_a_file_of_many_widths_is_mixed(tmp_path: Path) -> None:
    whole = changed(tiny("q8_0", width=256), {"ffn_up": "q4_0", "ffn_down": "q5_0", "gate": "f16"})
    found = seen(whole, tmp_path)
    assert (found.recipe, found.format_family) == (None, FormatFamily.MIXED)


def test_the_table_of_tokens_counts_where_it_is_the_output_too(tmp_path: Path) -> None:
    many = [f"t{at}" for at in range(4096)]
    whole = changed(tiny("q4_0", tokens=many), {"token_embd": "f16"})
    assert str(seen(whole, tmp_path).recipe) == "int4-q4_0"
    tied = replace(whole, tensors=[one for one in whole.tensors if one.name != "output.weight"])
    assert str(seen(tied, tmp_path).recipe) == "fp16"


def test_states_in_place_of_attention_are_recurrent(tmp_path: Path) -> None:
    whole = tiny().with_values(general__architecture="mamba", mamba__context_length=64)
    assert seen(whole, tmp_path).model_class is ModelClass.RECURRENT


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (tiny().with_values(general__type="adapter"), "it is an adapter"),
        (tiny().with_values(tokenizer__ggml__tokens=None), "it has no tokenizer"),
        (tiny().with_values(split__count=2), "it is one of 2 parts"),
    ],
    ids=["adapter", "no tokenizer", "part"],
)
def test_what_cannot_be_measured_is_one_sentence(whole: Gguf, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        seen(whole, tmp_path)
    assert refused.value.code is Code.BAD_MODEL
    assert words in refused.value.sentence
