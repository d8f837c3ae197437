"""Small models that want more than there is: time without end, or memory."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES, CLASSES = 16, 10


def endless() -> onnx.ModelProto:
    """A loop whose trip count is 2**60; loading is quick."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["go_on"]),
            helper.make_node("Tanh", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["n", FEATURES]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["n", FEATURES]),
        ],
    )
    loop = helper.make_node("Loop", ["trips", "go", "x"], ["seen"], body=body)
    return _classifier([loop], trips=np.array(2**60, np.int64), go=np.array(True))


def vast() -> onnx.ModelProto:
    """90 GB of zeros, of which the mean is added to what it sees."""
    return _with_mean(
        [helper.make_node("ConstantOfShape", ["shape"], ["zeros"])],
        "zeros",
        shape=np.array([150_000, 150_000], np.int64),
    )


def exploding(doublings: int = 24) -> onnx.ModelProto:
    """A constant of 1 MiB that is put together with itself again and again."""
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["c0"])]
    for n in range(doublings):
        nodes.append(helper.make_node("Concat", [f"c{n}", f"c{n}"], [f"c{n + 1}"], axis=0))
    return _with_mean(nodes, f"c{doublings}", shape=np.array([1 << 18], np.int64))


def _with_mean(nodes: list[onnx.NodeProto], of: str, **constants: np.ndarray) -> onnx.ModelProto:
    mean = helper.make_node("ReduceMean", [of], ["mean"], keepdims=0)
    seen = helper.make_node("Add", ["x", "mean"], ["seen"])
    return _classifier([*nodes, mean, seen], **constants)


def _classifier(nodes: list[onnx.NodeProto], **constants: np.ndarray) -> onnx.ModelProto:
    """One layer that judges what the nodes make of `x`."""
    weights = np.random.default_rng(3).normal(0, 1, (FEATURES, CLASSES)).astype(np.float32)
    graph = helper.make_graph(
        [*nodes, helper.make_node("MatMul", ["seen", "weights"], ["logits"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES])],
        [
            numpy_helper.from_array(array, name)
            for name, array in {**constants, "weights": weights}.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def inputs(seed: int, samples: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((samples, FEATURES))
    return drawn.astype(np.float32)
