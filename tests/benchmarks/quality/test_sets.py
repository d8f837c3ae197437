"""Evaluation sets: the round trip, and one clear sentence for everything that can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.common.npz import Npz
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    InputSpec,
    check_inputs,
    content_hashes,
    read_evaluation_set,
    require_disjoint,
    write_evaluation_set,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.labs.sets import npz

ZOO = Path(__file__).parents[3] / "benchmarks" / "zoo"
PIXELS = np.arange(24, dtype=np.float32).reshape(4, 1, 2, 3)
SPEC = InputSpec("pixels", "float32", (None, 1, 2, 3))


def set_of(**arrays: Any) -> bytes:
    return npz(**({"inputs/pixels": PIXELS} | arrays))


def test_everything_optional_is_optional() -> None:
    evaluation = read_evaluation_set(set_of())
    assert len(evaluation) == 4
    assert evaluation.ids.tolist() == ["0", "1", "2", "3"]
    assert (evaluation.labels, evaluation.strata, evaluation.cluster) == (None, None, None)


def test_round_trip(tmp_path: Path) -> None:
    written = EvaluationSet(
        {"pixels": PIXELS, "mask": np.ones((4, 2), bool)},
        np.arange(4),
        np.array(["a", "b", "c", "d"]),
        strata=np.array(["x", "x", "y", "y"]),
    )
    write_evaluation_set(tmp_path / "set.npz", written)
    back = read_evaluation_set(tmp_path / "set.npz")
    assert sorted(back.inputs) == ["mask", "pixels"]
    np.testing.assert_array_equal(back.inputs["pixels"], PIXELS)
    assert back.labels is not None
    assert back.labels.tolist() == [0, 1, 2, 3]
    assert back.ids.tolist() == ["a", "b", "c", "d"]
    assert back.strata is not None
    assert back.strata.tolist() == ["x", "x", "y", "y"]


@pytest.mark.parametrize("name", ["evaluation", "calibration"])
def test_the_zoos_sets_are_good(name: str) -> None:
    evaluation = read_evaluation_set(ZOO / f"{name}.npz")
    check_inputs(evaluation, [InputSpec("pixels", "float32", (None, 1, 8, 8))])


def test_the_zoos_sets_are_disjoint() -> None:
    calibration = read_evaluation_set(ZOO / "calibration.npz", Code.BAD_CALIBRATION_SET)
    require_disjoint(calibration, read_evaluation_set(ZOO / "evaluation.npz"))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"junk", "npz archive"),
        (npz(), "inputs/<name>"),
        (npz(pixels=PIXELS), "pixels"),
        (set_of(extra=np.zeros(4)), "extra"),
        (set_of(schema=np.array("bitgauge.eval/9")), "bitgauge.eval/1"),
        (set_of(labels=np.zeros(3, int)), "labels 3"),
        (npz(**{"inputs/x": np.zeros((0, 2), np.float32)}), "samples"),
        (npz(**{"inputs/x": np.float32(3)}), "samples"),
        (npz(**{"inputs/x": np.array([1.0, np.nan, np.inf])}), "2 values that are NaN"),
        (npz(**{"inputs/x": np.array(["a", "b"])}), "not numbers"),
        (set_of(labels=np.zeros(4)), "whole number"),
        (set_of(labels=np.full((4, 2), 3)), "a 0 or 1 for each class"),
        (set_of(ids=np.array(["a", "a", "b", "c"])), "3 of 4 ids"),
        (set_of(ids=np.zeros(4)), "one text per sample"),
        (set_of(ids=np.array(["a" * 300, "b", "c", "d"])), "longer"),
        (set_of(ids=np.array([{}] * 4, dtype=object)), "type object"),
    ],
)
@pytest.mark.parametrize("code", [Code.BAD_EVALUATION_SET, Code.BAD_CALIBRATION_SET])
def test_one_sentence_says_what_is_wrong(content: bytes, word: str, code: Code) -> None:
    with pytest.raises(BadInput, match=word) as error:
        read_evaluation_set(content, code)
    assert error.value.code is code
    assert error.value.sentence.endswith(".")
    assert "\n" not in error.value.sentence


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (set_of(strata=np.array(["a" * 300, "b", "c", "d"])), "text of strata is longer than 200"),
        (set_of(schema=np.array(["bitgauge.eval/1"] * 3)), "schema is no text of bearable length"),
        (set_of(preprocessing=np.array("x" * 2_000_000)), "preprocessing is no text of bearable"),
        (npz(**{"inputs/x": np.zeros(1_000_001, np.int8)}), "1000001 samples; 1000000 are taken"),
        (
            npz(**{"inputs/x": np.zeros(600_000, np.int8), "ids": np.zeros(600_000, "<U60")}),
            "texts of ids take 144000000 bytes",
        ),
        (
            npz(**{"inputs/x": np.zeros(9000, np.int8), "labels": np.zeros((9000, 2000), np.int8)}),
            "18000000 labels; 16777216 are taken",
        ),
    ],
)
def test_what_would_grow_is_refused_by_its_header(
    content: bytes, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Npz, "array", None)
    with pytest.raises(BadInput, match=word):
        read_evaluation_set(content)


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (InputSpec("image", "float32", (None, 1, 2, 3)), "takes inputs image, the set has pixels"),
        (InputSpec("pixels", "float16", (None, 1, 2, 3)), "takes float16"),
        (InputSpec("pixels", "float32", (None, 1, 2, 4)), r"takes \(1, 2, 4\)"),
        (InputSpec("pixels", "float32", (None, 1, 6)), r"takes \(1, 6\)"),
        (
            InputSpec("pixels", "float32", ()),
            "'pixels' of the model is one number for a whole call",
        ),
    ],
)
def test_a_set_that_the_model_cannot_take(spec: InputSpec, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        check_inputs(read_evaluation_set(set_of()), [spec])


def test_free_dimensions_take_any_size() -> None:
    check_inputs(read_evaluation_set(set_of()), [SPEC])
    free = InputSpec("pixels", "float32", (None, None, None, None))
    check_inputs(read_evaluation_set(set_of()), [free])


def test_disjointness_is_by_content_not_by_id() -> None:
    one = read_evaluation_set(set_of(ids=np.array(["a", "b", "c", "d"])))
    other = read_evaluation_set(npz(**{"inputs/pixels": PIXELS[2:] * np.float32(1)}))
    assert len(content_hashes(one)) == 4
    with pytest.raises(BadInput, match="2 calibration samples") as error:
        require_disjoint(other, one)
    assert error.value.code is Code.BAD_CALIBRATION_SET
    require_disjoint(read_evaluation_set(npz(**{"inputs/pixels": PIXELS + 100})), one)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_sets_are_refused_or_still_good(data: st.DataObject) -> None:
    content = bytearray(set_of(labels=np.arange(4), ids=np.array(["a", "b", "c", "d"])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    try:
        check_inputs(read_evaluation_set(bytes(content)), [SPEC])
        code = Code.BAD_EVALUATION_SET
    except BadInput as error:
        code = error.code
    assert code is Code.BAD_EVALUATION_SET
