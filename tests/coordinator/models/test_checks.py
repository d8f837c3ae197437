"""Evaluation sets and outputs are held against what a model says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.outputs import SEQUENCE
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.models.base import ModelFacts, OutputSpec
from bitgauge.coordinator.models.checks import check_evaluation, check_stands_in
from bitgauge.coordinator.models.recognise import inspect_model
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from tests.labs.rooms.onnx_models import FLOAT, MLP, facts, facts_of, model_of, refusal

# -- evaluation sets and stand-ins --------------------------------------------------------------


def evaluation(**changes: Any) -> EvaluationSet:
    values: dict[str, Any] = {
        "inputs": {"pixels": np.zeros((6, 1, 8, 8), np.float32)},
        "labels": np.array([0, 1, 2, 3, 4, 9]),
        "ids": np.array(list("abcdef")),
    }
    return EvaluationSet(**{**values, **changes})


def test_the_zoo_takes_its_evaluation_set_at_any_batch() -> None:
    shared = read_evaluation_set(zoo.evaluation_path())
    for model in zoo.models():
        for batch in (1, 64):
            check_evaluation(inspect_model(model.path), shared, batch, "evaluation.npz")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"inputs": {"image": np.zeros((6, 1, 8, 8), np.float32)}}, "takes inputs pixels"),
        ({"inputs": {"pixels": np.zeros((6, 1, 8, 8))}}, "is float64, the model takes float32"),
        ({"inputs": {"pixels": np.zeros((6, 8, 8), np.float32)}}, "has shape (8, 8)"),
        ({"labels": np.array([0, 1, 2, 3, 4, 10])}, "labels run from 0 to 10"),
        ({"labels": np.array([-1, 1, 2, 3, 4, 5])}, "the model has 10 classes"),
        ({"task": "segmentation"}, "For the task segmentation, it lacks truth/mask"),
        ({"task": "drawing"}, "drawing"),
    ],
)
def test_an_evaluation_set_of_another_model_is_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_evaluation(inspect_model(MLP.path), evaluation(**changes), 1, "mine.npz")
    assert caught.value.code is Code.BAD_EVALUATION_SET
    assert caught.value.sentence.startswith("mine.npz: ")
    assert what in caught.value.sentence


MAPS = OutputSpec("maps", SEQUENCE, ())
HIDDEN = OutputSpec("hidden", "float32", (None, 32))
LOGITS = OutputSpec("logits", "float32", (None, 10))


def checked(outputs: Sequence[OutputSpec], output: str = "", **changes: Any) -> None:
    facts = replace(inspect_model(MLP.path), outputs=tuple(outputs))
    check_evaluation(facts, evaluation(**changes), 1, "mine.npz", output)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ([HIDDEN, LOGITS], [0, 1, 2, 3, 4, 9]),
        ([LOGITS, HIDDEN], [0, 1, 2, 3, 4, 31]),
        ([OutputSpec("y", "float32", (None, 10, 1, 1))], [0, 1, 2, 3, 4, 9]),
        ([OutputSpec("y", "float32", (None, 1))], [0, 1, 1, 1, 0, 0]),
        ([OutputSpec("y", "float32", (None, None))], [0, 1, 2, 3, 4, 99]),
        ([OutputSpec("y", "int64", (None,)), MAPS], [0, 1, 2, 3, 4, 99]),
        ([OutputSpec("y", "float32", ())], [0, 1, 2, 3, 4, 99]),
    ],
)
def test_labels_are_held_against_the_outputs_that_may_be_judged(
    outputs: list[OutputSpec], labels: list[int]
) -> None:
    checked(outputs, labels=np.array(labels))


@pytest.mark.parametrize(
    ("outputs", "output", "labels", "what"),
    [
        ([LOGITS, MAPS], "", [0, 1, 2, 3, 4, 10], "the model has 10 classes"),
        ([HIDDEN, LOGITS], "logits", [0, 1, 2, 3, 4, 10], "the model has 10 classes"),
        ([OutputSpec("y", "float32", (None, 1))], "", [0, 1, 2, 1, 0, 0], "has 2 classes"),
        ([HIDDEN, LOGITS], "logit", [0] * 6, "no output 'logit'; its outputs are hidden, logits"),
        ([LOGITS, MAPS], "maps", [0] * 6, "export the model with zipmap=False"),
        ([LOGITS], "", [[0, 1, 1]] * 6, "the labels are about 3 classes"),
    ],
)
def test_an_output_that_cannot_be_judged_is_refused_before_anything_runs(
    outputs: list[OutputSpec], output: str, labels: list[Any], what: str
) -> None:
    with pytest.raises(BadInput) as caught:
        checked(outputs, output, labels=np.array(labels))
    assert what in caught.value.sentence


def test_a_sequence_is_an_output_and_no_input() -> None:
    made = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N,4] x) => (float[N,4] y, seq(float[N,4]) parts) {
            y = Identity(x)  parts = SequenceConstruct(x)
        }
    """)
    facts = facts_of(made)
    assert [one.dtype for one in facts.outputs] == ["float32", SEQUENCE]
    taken = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (seq(float[N,4]) x) => (float[N,4] y) {
            i = Constant<value_int=0>()  y = SequenceAt(x, i)
        }
    """)
    assert "is not a tensor" in refusal(taken.SerializeToString()).sentence


def test_a_fixed_batch_is_the_only_one() -> None:
    fixed = [helper.make_tensor_value_info("x", FLOAT, [2, 4])]
    facts = facts_of(model_of([helper.make_node("Relu", ["x"], ["y"])], inputs=fixed))
    rows = evaluation(inputs={"x": np.zeros((6, 4), np.float32)}, labels=None)
    check_evaluation(facts, rows, 2, "mine.npz")
    with pytest.raises(BadInput, match=r"'x' takes batches of 2 only, .* asks for 64") as caught:
        check_evaluation(facts, rows, 64, "mine.npz")
    assert caught.value.code is Code.BAD_ARGUMENT


PLAIN = facts()
SAMPLES = EvaluationSet(
    {"x": np.zeros((6, 4), np.float32)}, np.arange(6) % 3, np.arange(6).astype("U")
)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (facts(inputs=(("z", "float32", (None, 4)),)), "takes inputs z, its baseline takes x."),
        (facts(inputs=(("x", "float16", (None, 4)),)), "as float16 with 2 axes, its baseline as"),
        (facts(inputs=(("x", "float32", (8, 4)),)), "batches of 8 only in 'x', the job asks for 2"),
        (facts(inputs=(("x", "float32", (None, 5)),)), "is (5) in a.onnx and (4) in the eval"),
        (
            facts(outputs=(("a", "float32", (None, 3)), ("b", "float32", (None, 3)))),
            "a.onnx returns a, b and its baseline y; outputs are held against each other by name",
        ),
        (facts(outputs=(("y", "uint8", (None, 3)),)), "returns 'y' as uint8, its baseline 'y' as"),
        (facts(outputs=(("y", "float32", (None, 5)),)), "'y' as (any, 5), its baseline 'y' as"),
        (facts(outputs=(("y", "float32", (None, 3, 1)),)), "'y' as (any, 3, 1), its baseline"),
    ],
)
def test_what_cannot_stand_in_for_its_baseline_is_refused_with_what_would(
    other: ModelFacts, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        check_stands_in(PLAIN, other, SAMPLES, 2, "a.onnx")
    assert said in caught.value.sentence
    assert caught.value.code is Code.BAD_MODEL
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(
    "other",
    [
        PLAIN,
        facts(inputs=(("x", "float32", (2, 4)),)),
        facts(inputs=(("x", "float32", (None, None)),)),
        facts(outputs=(("y", "float16", (None, 3)),)),
        facts(outputs=(("hidden", "float32", (None, 8)), ("y", "float32", (None, 3)))),
        facts(outputs=(("renamed", "float32", (None, 3)),)),
        facts(outputs=(("y", "float32", (None, None)),)),
    ],
)
def test_what_only_looks_different_is_measured(other: ModelFacts) -> None:
    check_stands_in(PLAIN, other, SAMPLES, 2, "a.onnx")


def test_outputs_in_another_order_are_the_same_outputs() -> None:
    both = (("y", "float32", (None, 3)), ("h", "float32", (None, 8, 16)))
    check_stands_in(facts(outputs=both), facts(outputs=both[::-1]), SAMPLES, 2, "a.onnx")
    lost = facts(outputs=both[1:])
    with pytest.raises(BadInput, match="returns h and its baseline y, h"):
        check_stands_in(facts(outputs=both), lost, SAMPLES, 2, "a.onnx")


@given(st.lists(st.one_of(st.none(), st.integers(1, 9)), min_size=1, max_size=4), st.integers(1, 9))
def test_an_artifact_that_declares_what_the_job_feeds_stands_in(
    sizes: list[int | None], batch: int
) -> None:
    shape = tuple(4 if size is None else size for size in sizes[1:])
    data = EvaluationSet({"x": np.zeros((3, *shape), np.float32)}, None, np.array(["a", "b", "c"]))
    free = facts(inputs=(("x", "float32", (None,) * len(sizes)),))
    first = None if sizes[0] is None else batch
    named = facts(inputs=(("x", "float32", (first, *sizes[1:])),))
    check_stands_in(free, named, data, batch, "a.onnx")
    wrong = facts(inputs=(("x", "float32", (batch + 1, *sizes[1:])),))
    with pytest.raises(BadInput, match=f"--batch {batch + 1}"):
        check_stands_in(free, wrong, data, batch, "a.onnx")


def test_a_task_needs_an_output_that_it_is_about() -> None:
    more: dict[str, Any] = {"task": "regression", "truth": {"target": np.arange(6.0)}}
    checked([LOGITS], **more)
    checked([LOGITS, HIDDEN], "logits", **more)
    with pytest.raises(BadInput, match="name it with --output"):
        checked([LOGITS, HIDDEN], **more)
