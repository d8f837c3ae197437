"""A build in this process, in few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.recipes import (
    parse,
)
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from onnx import TensorProto, helper, numpy_helper

CALIBRATION = zoo.calibration_path()


def build(recipe: str, model: Path, output: Path, calibration: Path | None = CALIBRATION) -> None:
    registry.build(BuildRequest(parse(recipe), model, output, calibration))


# -- models that are not like the zoo's -------------------------------------------------------


def save(path: Path, nodes: list[Any], weights: dict[str, Any], shape: list[int | str]) -> None:
    """A model from `pixels` [batch, 1, 8, 8] to `out` [batch, ...]."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [shape[0], 1, 8, 8])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
