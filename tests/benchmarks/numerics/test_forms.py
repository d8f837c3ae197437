"""The ledger reads each form of a quantized ONNX file as what its kernels do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import onnxruntime
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER, WEIGHT_ONLY
from bitgauge.benchmarks.numerics.onnx_graph import read_graph
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest

MODELS = {model.name.removeprefix("digits-"): model.path for model in zoo.models()}


@pytest.mark.parametrize(
    ("recipe", "model", "expected", "claims"),
    [
        ("int8-static-u8s8-pc-qop", "mlp", {INTEGER: 3}, True),
        ("int8-static-s8s8-pc-qop", "cnn", {INTEGER: 5}, True),
        ("int8-static-u8s8-pc-qop", "transformer", {INTEGER: 18}, True),
        ("int8-static-s16s8-pc", "mlp", {FLOAT: 3}, True),
        ("int8-static-u16s8-pc", "cnn", {FLOAT: 5}, True),
        ("int8-static-s16s8-pc", "transformer", {FLOAT: 18}, True),
        ("int8-static-u8s8-pc+head/conv", "cnn", {INTEGER: 4, FLOAT: 1}, True),
        ("int4-wo-pc", "mlp", {WEIGHT_ONLY: 3}, False),
        ("int4-wo-pc", "transformer", {WEIGHT_ONLY: 14, FLOAT: 4}, False),
    ],
)
def test_products_of_the_executed_graph(
    recipe: str, model: str, expected: dict[str, int], claims: bool, tmp_path: Path
) -> None:
    made, executed = tmp_path / "made.onnx", tmp_path / "executed.onnx"
    registry.build(
        BuildRequest(registry.parse(recipe), MODELS[model], made, zoo.calibration_path())
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(executed)
    onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    facts = read_graph(onnx.load(executed))
    found = Counter(one.compute for one in facts.operators)
    assert {kind: found[kind] for kind in (INTEGER, FLOAT, WEIGHT_ONLY) if found[kind]} == expected
    assert facts.claims_integer is claims
