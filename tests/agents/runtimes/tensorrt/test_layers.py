"""What an engine executes is read from its layers: types, kernels, and how many products."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes._tensorrt.layers import facts, layers_of, operators, type_of
from bitgauge.benchmarks.numerics.ledger import FLOAT, OPAQUE
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from hypothesis import given
from hypothesis import strategies as st

TOLD = (Path(__file__).parent / "constructed/layers.json").read_text()


def test_products_are_found_with_the_types_that_they_multiply() -> None:
    found = {one.name: one for one in operators(layers_of(TOLD))}
    kinds = {name: (one.a.partition(" ")[0], one.weight_type) for name, one in found.items()}
    assert kinds == {
        "conv0/conv + conv0/relu": ("s8", "s8"),
        "conv1/conv": ("f16", "f16"),
        "head/matmul": ("e4m3", "e4m3"),
    }
    assert [one.compute for one in found.values()] == [OPAQUE, FLOAT, FLOAT]
    assert found["head/matmul"].placed == "sm89_xmma_gemm_e4m3e4m3_f32f32_f32"
    assert layers_of(TOLD)[0].nodes == ("conv0/conv", "conv0/relu")


def test_the_share_in_integers_is_counted_from_sizes() -> None:
    """8·8·32 values of 1·3·3 products, 4·4·64 of 16·3·3, and 10 of 64."""
    told = facts(layers_of(TOLD), ("logits",))
    builder = LedgerBuilder(told, 1)
    builder.add({"logits": np.zeros((16, 10), np.float32)}, 16, 16)
    ledger = builder.ledger("")
    macs = [8 * 8 * 32 * 9, 4 * 4 * 64 * 16 * 9, 640]
    assert [row.macs for row in ledger.operators] == macs
    assert ledger.int_coverage == macs[0] / sum(macs)
    assert ledger.claims_integer


@pytest.mark.parametrize(
    ("words", "short"),
    [
        ("Thirty-two wide channel vectorized row major Int8 format.", "s8"),
        ("Channel major FP16 format where channel % 8 == 0", "f16"),
        ("Row major linear FP32", "f32"),
        ("Row major linear BFloat16 format", "bf16"),
        *[("Float", "f32"), ("Half", "f16"), ("FP8", "e4m3"), ("Int4", "s4"), ("UInt8", "u8")],
        *[("Int32", "s32"), ("Bool", "bool"), ("N/A due to dynamic shapes", ""), ("", "")],
    ],
)
def test_types_have_short_and_long_names(words: str, short: str) -> None:
    assert type_of(words) == short


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"Layers": ["a name alone"]}', "3", "null"])
def test_names_alone_are_no_layers(text: str) -> None:
    assert operators(layers_of(text)) == ()


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@given(st.dictionaries(st.sampled_from(["Inputs", "Outputs", "Weights", "Kernel", "Groups"]), JSON))
def test_no_description_makes_it_fail(odd: dict[str, object]) -> None:
    one = {"LayerType": "gemm", "Name": "g", **odd}
    assert len(layers_of(json.dumps({"Layers": [one]}))) == 1
    operators(layers_of(json.dumps([one])))
