"""A model's own tensors, looked at in a sandbox, say whether a calibration set stands for them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.coordinator.cli.app import run_command_line
from onnx import TensorProto, helper, numpy_helper

WIDTH = 64


def a_set(path: Path, seed: int, count: int, *, gain: float = 1.0, turned: bool = False) -> Path:
    """Samples of which one number is small and another large; `turned`, the other way round."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, WIDTH)) * gain
    values[:, :2] *= (1.5, 0.5) if turned else (0.5, 1.5)
    ids = np.array([str(at) for at in range(count)])
    write_evaluation_set(path, EvaluationSet({"x": values.astype(np.float32)}, None, ids))
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """One of its many inputs is nearly all of its inner tensors."""
    weights = np.full((WIDTH, 4), 0.01, np.float32)
    weights[0] = 10.0
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"], "product"),
            helper.make_node("Relu", ["product"], ["y"], "relu"),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(weights, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(tmp_path / "tiny.onnx"))
    return tmp_path / "tiny.onnx"


def checked(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    code = run_command_line(["calibration", "check", *words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {"error": err}


def test_the_models_tensors_find_what_numbers_of_samples_do_not(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = str(a_set(tmp_path / "cal.npz", 1, 500))
    good = str(a_set(tmp_path / "good.npz", 2, 2_000))
    shifted = str(a_set(tmp_path / "shifted.npz", 3, 2_000, turned=True))
    code, found = checked([mine, "--against", shifted], capsys)
    assert (code, found["verdict"]) == (0, "passed"), found["reasons"]
    code, found = checked([mine, "--against", good, "--model", str(model)], capsys)
    assert (code, found["verdict"]) == (0, "passed"), found["reasons"]
    code, found = checked([mine, "--against", shifted, "--model", str(model)], capsys)
    assert (code, found["verdict"]) == (1, "failed")
    activations = found["activations"]
    assert isinstance(activations, dict)
    worst = activations["tensors"][0]
    assert worst["tensor"] in ("product", "y")
    assert worst["clipped"] > 0.01
    assert "leave the ranges that calibration gives" in str(found["reasons"])


def test_what_cannot_be_looked_at_is_one_sentence(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = str(a_set(tmp_path / "cal.npz", 1, 200))
    words = [mine, "--against", mine, "--model"]
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07 no model")
    for more, sentence in (
        ([str(tmp_path / "broken.onnx")], "broken.onnx"),
        ([str(tmp_path / "none.onnx")], "none.onnx"),
        ([str(model), "--ranges", "entropy"], "method in --ranges"),
    ):
        code, found = checked([*words, *more], capsys)
        assert code == 2, found
        assert sentence in str(found["error"])
        assert "Traceback" not in str(found["error"])


def test_production_that_has_moved_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = str(a_set(tmp_path / "cal.npz", 1, 500))
    old = str(a_set(tmp_path / "old.npz", 2, 2_000))
    new = str(a_set(tmp_path / "new.npz", 4, 2_000, gain=1.5))
    code, found = checked([mine, "--against", old, "--production", old], capsys)
    assert code == 0, found
    code, found = checked([mine, "--against", old, "--production", new], capsys)
    assert code == 1
    assert "Production has moved: " in str(found["reasons"])
    few = str(a_set(tmp_path / "few.npz", 5, 60))
    code, found = checked([few, "--against", old], capsys)
    assert (code, found["verdict"]) == (3, "warned")
