"""Tasks that are not about classes, from a real model through the pass to the published numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.agents.passes import quality
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from onnx import TensorProto, helper, numpy_helper

from tests.labs.rooms.passes import measured
from tests.labs.rooms.raw_files import FACTS, by_key
from tests.labs.values import detail

N = 300
Truth = dict[str, np.ndarray]


def model(path: Path, shape: tuple[int, ...], weights: np.ndarray | float) -> Path:
    """`y = x * weights`: it answers what it is given, well or badly."""
    full = np.broadcast_to(np.float32(weights), shape).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"], "product")],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", *shape])],
        [numpy_helper.from_array(full, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(path))
    return path


def boxes(rng: np.random.Generator) -> tuple[np.ndarray, Truth]:
    corners = rng.uniform(1, 50, (N, 2, 2))
    true = np.concatenate([corners, corners + rng.uniform(10, 30, (N, 2, 2))], axis=2)
    classes = rng.integers(0, 2, (N, 2))
    told = np.concatenate([true, np.full((N, 2, 1), 0.9), classes[:, :, None]], axis=2)
    return told, {"boxes": true, "classes": classes}


def answers(task: str) -> tuple[np.ndarray, Truth]:
    """Inputs that are good answers already, and the truth."""
    rng = np.random.default_rng(7)
    if task == "detection":
        return boxes(rng)
    if task == "embedding":
        item = rng.integers(0, 30, N)
        return rng.normal(size=(30, 16))[item] + rng.normal(scale=0.3, size=(N, 16)), {"item": item}
    if task == "ranking@5":
        relevance = rng.integers(0, 4, (N, 12))
        return relevance + rng.normal(scale=0.3, size=(N, 12)), {"relevance": relevance}
    if task == "regression":
        target = rng.normal(size=(N, 3))
        return target + rng.normal(scale=0.05, size=(N, 3)), {"target": target}
    mask = rng.integers(0, 3, (N, 4, 4))
    logits = np.moveaxis(np.eye(3)[mask], 3, 1) + rng.normal(scale=0.2, size=(N, 3, 4, 4))
    return logits, {"mask": mask}


TASKS = ("detection", "embedding", "ranking@5", "regression", "segmentation")
BROKEN = {
    "detection": np.array([1.0, 1.0, 1.6, 1.6, 1.0, 1.0]),
    "embedding": np.array([1.0] + [0.0] * 15),
    "ranking@5": np.array([-1.0, 1.0] * 6),
    "regression": np.array([0.2, 1.0, 1.0]),
    "segmentation": np.array([0.1, 1.0, 1.0]).reshape(3, 1, 1),
}


def published(
    tmp_path: Path, task: str, candidate: np.ndarray | float, *, shuffled: bool = False
) -> dict[str, MetricValue]:
    values, truth = answers(task)
    if shuffled:
        values = values[np.random.default_rng(1).permutation(N)]
    ids = np.array([str(at) for at in range(N)])
    evaluation = EvaluationSet({"x": values.astype(np.float32)}, None, ids, task=task, truth=truth)
    write_evaluation_set(tmp_path / "eval.npz", evaluation)
    back = read_evaluation_set(tmp_path / "eval.npz")
    assert (back.task, set(back.truth)) == (task, set(truth))
    shape = values.shape[1:]
    paths = (model(tmp_path / "a.onnx", shape, 1.0), model(tmp_path / "b.onnx", shape, candidate))
    raw = measured(quality, tmp_path / "raw.npz", *paths, evaluation=tmp_path / "eval.npz")
    return by_key([raw], replace(FACTS, accuracy_margin_pp=1.0))


@pytest.mark.parametrize("task", TASKS)
def test_an_equal_artifact_passes_and_a_broken_one_fails(tmp_path: Path, task: str) -> None:
    same = published(tmp_path, task, 1.0)
    score, delta = same["accuracy_pct"], same["accuracy_delta_pp"]
    assert score.value is not None
    assert score.value > 80
    assert score.low is not None
    assert score.low <= score.value
    assert (delta.value, delta.verdict, delta.n) == (0.0, "PASS", N)
    assert detail(delta)["task"] == task.partition("@")[0]
    assert "@5" in detail(delta)["measure"] or task != "ranking@5"
    assert same["flips_pct"].reason == "no_classes"
    bad = published(tmp_path, task, BROKEN[task])["accuracy_delta_pp"]
    assert bad.value is not None
    assert bad.value < -2
    assert (bad.verdict, bad.difference) == ("FAIL", "detected")


@pytest.mark.parametrize("task", TASKS)
def test_a_baseline_that_answers_at_random_is_said_before_anything_is_judged(
    tmp_path: Path, task: str
) -> None:
    found = published(tmp_path, task, 1.0, shuffled=True)["accuracy_delta_pp"]
    assert (found.value, found.reason) == (None, "baseline_at_chance")
    assert "guessed_pct" in detail(found)


def test_an_output_that_does_not_fit_is_a_reason_and_not_a_number(tmp_path: Path) -> None:
    found = published(tmp_path, "regression", np.nan)
    assert found["accuracy_delta_pp"].verdict == "FAIL"
    assert found["nonfinite_count"].verdict == "FAIL"
