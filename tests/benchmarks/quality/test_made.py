"""Inputs that are made from a model's signature, and what is not said of them."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.quality.made import SAMPLES, is_made, made_inputs
from bitgauge.benchmarks.quality.sets import (
    InputSpec,
    check_inputs,
    encoded_set,
    read_evaluation_set,
)
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.given import given_meta, given_of
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from hypothesis import given
from hypothesis import strategies as st

TYPES = st.sampled_from(["float32", "float16", "float64", "int64", "int32", "uint8", "bool"])
SPECS = st.builds(
    InputSpec,
    name=st.sampled_from(["x", "input_ids", "attention_mask"]),
    dtype=TYPES,
    shape=st.lists(st.integers(1, 5), max_size=3).map(lambda sizes: (None, *sizes)),
)


@given(st.lists(SPECS, min_size=1, max_size=3, unique_by=lambda spec: spec.name))
def test_they_are_what_the_model_takes_and_always_the_same(specs: list[InputSpec]) -> None:
    content = encoded_set(made_inputs(specs, {}))
    found = read_evaluation_set(content)
    check_inputs(found, specs)
    assert (len(found), found.labels, is_made(found)) == (SAMPLES, None, True)
    assert encoded_set(made_inputs(specs, {})) == content


def test_whole_numbers_are_in_every_table_and_a_mask_hides_nothing() -> None:
    specs = [InputSpec(name, "int64", (None, 50)) for name in ("input_ids", "attention_mask")]
    found = made_inputs(specs, {})
    assert set(np.unique(found.inputs["input_ids"])) == {0, 1}
    assert set(np.unique(found.inputs["attention_mask"])) == {1}


def test_an_axis_of_any_size_is_named() -> None:
    spec = InputSpec("ids", "int64", (None, None), ("n", "length"))
    assert made_inputs([spec], {"length": 7}).inputs["ids"].shape == (SAMPLES, 7)
    with pytest.raises(BadInput, match="axis 1 of its input 'ids' has any size: give --dim length"):
        made_inputs([spec], {})
    with pytest.raises(BadInput, match="give an evaluation set"):
        made_inputs([InputSpec("ids", "int64", (None, None))], {"length": 7})


def test_a_launch_says_so_and_what_rests_on_data_is_known() -> None:
    assert given_of(RawFile(given_meta(1, "", (), (), made=True), {})).made
    assert not given_of(RawFile(given_meta(1, "", (), ()), {})).made
    on_data = {key for key, metric in METRICS.items() if metric.on_data}
    assert {"accuracy_pct", "flips_pct", "kl_mean", "clip_pct", "saturated_pct"} <= on_data
    assert not {"latency_ratio", "peak_memory_bytes", "int_coverage", "size_ratio"} & on_data
