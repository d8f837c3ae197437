"""Small ONNX models, and what is found in them."""

from __future__ import annotations

from typing import Any

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.models.base import ModelFacts, OutputSpec
from bitgauge.coordinator.models.formats.onnx import facts_of as look
from onnx import TensorProto, helper, numpy_helper

MLP, CNN, TRANSFORMER = zoo.models()
FLOAT = TensorProto.FLOAT


def model_of(
    nodes: list[Any],
    weights: dict[str, Any] | None = None,
    *,
    inputs: list[Any] | None = None,
    opset: int = 21,
) -> Any:
    """A model message; its input is x [batch, 4], its output y [batch, 4]."""
    rows = helper.make_tensor_value_info("x", FLOAT, ["batch", 4])
    graph = helper.make_graph(
        nodes,
        "test",
        inputs or [rows],
        [helper.make_tensor_value_info("y", FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def facts_of(model: Any) -> ModelFacts:
    return look(model.SerializeToString(), "model.onnx")


def refusal(data: bytes, label: str = "model.onnx") -> BadInput:
    with pytest.raises(BadInput) as caught:
        look(data, label)
    assert label in caught.value.sentence
    assert "\n" not in caught.value.sentence
    return caught.value


def facts(
    inputs: tuple[tuple[str, str, tuple[int | None, ...]], ...] = (("x", "float32", (None, 4)),),
    outputs: tuple[tuple[str, str, tuple[int | None, ...]], ...] = (("y", "float32", (None, 3)),),
) -> ModelFacts:
    return ModelFacts(
        inputs=tuple(InputSpec(*one) for one in inputs),
        outputs=tuple(OutputSpec(*one) for one in outputs),
        operator_counts={},
        model_class=ModelClass.MLP,
        recipe=None,
        parameter_count=1,
        size_bytes=1,
    )
