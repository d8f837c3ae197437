"""A converted file is held against its source; the first tensor that differs is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders._checks._samples import Feeds
from bitgauge.coordinator.builders._conversion import Tensors, calls_for, require_equal
from bitgauge.coordinator.builders._lite import LiteInterpreter
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported

from tests.labs.graphs.built_lite import BUILT, WIDTH

SPECS = (InputSpec("x", "float32", (1, WIDTH)),)
SOURCE = BUILT / "dense.tflite"


def given(made: Path) -> tuple[list[Feeds], list[Tensors], LiteInterpreter]:
    request = BuildRequest(parse("fp32"), SOURCE, made, BUILT / "calibration.npz")
    calls, calibrated = calls_for(request, SPECS)
    assert calibrated
    source = LiteInterpreter(SOURCE.read_bytes(), as_it_stands=True, tensors=True)
    return calls, [source.run(feeds) for feeds in calls], source


def test_what_is_equal_is_said_to_be() -> None:
    calls, expected, _ = given(SOURCE)
    assert require_equal(SOURCE, calls, expected) == (
        "returns what its source does on 32 samples, within 0 of its size"
    )


def test_what_computes_something_else_is_refused_by_output_and_first_tensor() -> None:
    made = BUILT / "dense-int4-wo-pc.tflite"
    calls, expected, source = given(made)

    def inner(feeds: Feeds, names: Sequence[str]) -> Tensors:
        source.run(feeds)
        there = source.computed()
        return source.values({name: there[name] for name in names if name in there})

    with pytest.raises(Unsupported, match=r"its output 'y' is off by \d+ % .* differs is 'h', by"):
        require_equal(made, calls, expected, inner)
    with pytest.raises(Unsupported, match="no inner tensor goes by the same name in both"):
        require_equal(made, calls, expected)


def test_other_outputs_are_refused() -> None:
    calls, expected, _ = given(SOURCE)
    named = [{"z": one["y"]} for one in expected]
    with pytest.raises(Unsupported, match="its outputs are y, the model's z"):
        require_equal(SOURCE, calls, named)
