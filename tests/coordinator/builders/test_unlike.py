"""Models that are not like the zoo's are built as well, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import (
    parse,
)
from bitgauge.coordinator.models.recognise import inspect_model
from onnx import helper

from tests.labs.rooms.builds import build, save


def gemm_model(path: Path, batch: int | str) -> None:
    generator = np.random.default_rng(1)
    weights = {
        "weight": generator.normal(size=(10, 64)).astype(np.float32),
        "bias": generator.normal(size=10).astype(np.float32),
    }
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["flat"], name="flat"),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["out"], name="gemm", transB=1),
    ]
    save(path, nodes, weights, [batch, 10])


@pytest.mark.parametrize("recipe", ["int4-wo-b32", "int8-dynamic", "int8-static-u8s8-pc", "fp16"])
@pytest.mark.parametrize("batch", ["batch", 24])
def test_a_gemm_and_a_fixed_batch_are_taken(recipe: str, batch: int | str, tmp_path: Path) -> None:
    """As PyTorch exports linear layers; 24 does not divide the calibration set."""
    gemm_model(tmp_path / "gemm.onnx", batch)
    build(recipe, tmp_path / "gemm.onnx", tmp_path / "artifact.onnx")
    facts = inspect_model(tmp_path / "artifact.onnx", recipe)
    assert facts.recipe is not None
    assert facts.recipe.family is parse(recipe).family
    pixels = np.random.default_rng(2).random((24, 1, 8, 8), np.float32)
    expected, found = (
        ort.InferenceSession(tmp_path / name, providers=["CPUExecutionProvider"]).run(
            None, {"pixels": pixels}
        )[0]
        for name in ("gemm.onnx", "artifact.onnx")
    )
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("recipe", ["int8-dynamic", "int8-static-u8s8-pc"])
def test_a_weight_that_is_reshaped_before_its_gemm_is_taken(recipe: str, tmp_path: Path) -> None:
    """As Caffe models come: folding notes the shape of the weight, which a quantizer turns."""
    weight = np.random.default_rng(1).normal(size=(10, 64)).astype(np.float32)
    weights = {"weight": weight, "shape": np.array([10, 64]), "bias": np.zeros(10, np.float32)}
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["flat"], name="flat"),
        helper.make_node("Reshape", ["weight", "shape"], ["matrix"], name="reshape"),
        helper.make_node("Gemm", ["flat", "matrix", "bias"], ["out"], name="gemm", transB=1),
    ]
    save(tmp_path / "reshaped.onnx", nodes, weights, ["batch", 10])
    build(recipe, tmp_path / "reshaped.onnx", tmp_path / "artifact.onnx")
    assert inspect_model(tmp_path / "artifact.onnx", recipe).recipe is not None


def test_a_calibration_set_smaller_than_a_fixed_batch_is_refused(tmp_path: Path) -> None:
    gemm_model(tmp_path / "gemm.onnx", 300)
    with pytest.raises(BadInput, match="holds 256 samples, the model takes 300 at once"):
        build("int8-static-u8s8-pc", tmp_path / "gemm.onnx", tmp_path / "artifact.onnx")
