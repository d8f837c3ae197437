"""What PyTorch's builder takes, and what of a built program is refused without the library."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.exported import program
from bitgauge.benchmarks.common.exported.program import Pickled, Program
from bitgauge.benchmarks.vocabulary.recipes import Scheme, parse
from bitgauge.coordinator.builders import registry, torch
from bitgauge.coordinator.builders._checks.pt2 import require_quantized, require_signature
from bitgauge.coordinator.builders._checks.pt2.share import share
from bitgauge.coordinator.builders.base import Unsupported
from bitgauge.coordinator.builders.torch.rules import rule

FOLDER = zoo.evaluation_path().parent


@pytest.fixture(scope="module")
def transformer() -> Program:
    return program.read(FOLDER / "digits-transformer.pt2", "the model")


def test_its_builder_is_found_and_says_what_it_was_made_with() -> None:
    for text in torch.USUAL:
        name, _ = registry.builder_for(parse(text), ("pt2",))
        assert name == "torch"
        assert "torch@" in registry.toolchain(parse(text), ("pt2",))


def test_what_it_has_no_rule_for_is_none_of_its_recipes() -> None:
    for text in ("fp32", "int8-static-s8s8-pc", "int8-static-u8s8-pc-entropy", "int8-wo-b32"):
        assert rule(parse(text)) is None
    assert rule(parse("int4-wo-b64")) == {"format": "layers", "how": "int4-wo", "block": 64}


def test_products_are_counted_by_their_work(transformer: Program) -> None:
    found = share(transformer, Scheme.WEIGHT_ONLY)
    assert found.operators == (0, 18)
    assert found.left == {"Gemm (left by the quantizer)": 14, "MatMul (no constant weight)": 4}
    work = [one.work for one in found.products if one.op_type == "Gemm"]
    assert work[0] == 8 * 8 * 96  # of one sample: 8 tokens
    assert work[-1] == 96 * 10
    scores = next(one.work for one in found.products if one.op_type == "MatMul")
    assert scores == 4 * 8 * 8 * 24


def test_a_program_in_which_nothing_became_smaller_is_refused(transformer: Program) -> None:
    found = share(transformer, Scheme.WEIGHT_ONLY)
    with pytest.raises(Unsupported) as caught:
        require_quantized(found, transformer, transformer, integers=True)
    assert "nothing was quantized: 14 Gemm (left by the quantizer)" in caught.value.reason


def test_a_program_whose_weights_stay_large_is_refused(transformer: Program) -> None:
    found = share(transformer, Scheme.WEIGHT_ONLY)
    some = replace(found, products=(replace(found.products[0], skipped=""), *found.products[1:]))
    with pytest.raises(Unsupported) as caught:
        require_quantized(some, transformer, transformer, integers=True)
    assert "keep 100 % of the model's size" in caught.value.reason


def test_a_program_of_other_inputs_or_with_pickles_is_refused(transformer: Program) -> None:
    require_signature(transformer, transformer)
    renamed = replace(transformer, inputs={"x": transformer.inputs["pixels"]})
    with pytest.raises(Unsupported, match="its inputs are x, the model's pixels"):
        require_signature(transformer, renamed)
    half = replace(transformer.outputs["logits"], dtype="float16")
    with pytest.raises(Unsupported, match="'logits' is not of the model's type"):
        require_signature(transformer, replace(transformer, outputs={"logits": half}))
    pickled = replace(transformer, pickled=(Pickled("data/weights/weight_0", "w"),))
    with pytest.raises(Unsupported, match="'w' is a pickle"):
        require_signature(transformer, pickled)
    wide = replace(transformer.inputs["pixels"], sizes=((1, 2000), (1, 1), (8, 8), (8, 8)))
    fixed = replace(transformer.inputs["pixels"], sizes=((8, 8), (1, 1), (8, 8), (8, 8)))
    require_signature(transformer, replace(transformer, inputs={"pixels": fixed}))
    require_signature(replace(transformer, inputs={"pixels": wide}), transformer)
    with pytest.raises(Unsupported, match="'pixels' is not of the model's type and sizes"):
        require_signature(transformer, replace(transformer, inputs={"pixels": wide}))
