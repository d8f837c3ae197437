"""Small models to build from: random weights of a seed, and their calibration sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FEATURES, HIDDEN, CLASSES = 16, 32, 10


class Net:
    """A graph in the making; every method returns the tensor that it makes."""

    def __init__(self, seed: int = 1) -> None:
        self.generator = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.stored: list[Any] = []
        self.functions: list[Any] = []

    def name(self, stem: str) -> str:
        return f"{stem}_{len(self.nodes) + len(self.stored)}"

    def constant(self, array: Any) -> str:
        name = self.name("constant")
        self.stored.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, *shape: int, dtype: Any = np.float32) -> str:
        scale = (2 / np.prod(shape[1:] if len(shape) > 2 else shape[:1])) ** 0.5
        return self.constant((self.generator.standard_normal(shape) * scale).astype(dtype))

    def node(self, op_type: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        made = output or self.name(op_type.lower())
        domain = "local" if any(one.name == op_type for one in self.functions) else ""
        label = f"{op_type.lower()}_node_{len(self.nodes)}"
        node = helper.make_node(op_type, inputs, [made], name=label, domain=domain, **attributes)
        self.nodes.append(node)
        return made

    def dense(self, x: str, inputs: int, outputs: int, made: str = "") -> str:
        y = self.node("MatMul", [x, self.weight(inputs, outputs)])
        return self.node("Add", [y, self.weight(outputs)], made)

    def convolution(self, x: str, inputs: int, outputs: int) -> str:
        weight, bias = self.weight(outputs, inputs, 3, 3), self.weight(outputs)
        return self.node("Conv", [x, weight, bias], pads=[1] * 4, kernel_shape=[3, 3])

    def branch(self, name: str, x: str) -> Any:
        """A graph that takes `x` from outside and has its own weights."""
        own = Net(len(name))
        own.nodes = [helper.make_node("Identity", [x], [f"{name}_in"])]
        made = own.dense(f"{name}_in" if name == "then" else x, HIDDEN, CLASSES)
        nodes = [one for one in own.nodes if name == "then" or one.op_type != "Identity"]
        for node in nodes:
            for at, one in enumerate(node.output):
                node.output[at] = one if one.startswith(name) else f"{name}_{one}"
            for at, one in enumerate(node.input):
                inner = one not in (x, f"{name}_in")
                node.input[at] = f"{name}_{one}" if inner else one
        for tensor in own.stored:
            tensor.name = f"{name}_{tensor.name}"
        shape: list[Any] = ["batch", CLASSES]
        out = helper.make_tensor_value_info(f"{name}_{made}", TensorProto.FLOAT, shape)
        return helper.make_graph(nodes, name, [], [out], own.stored)

    def function(self) -> None:
        """A local function that halves: the operator `Half` from here on."""
        nodes = [
            helper.make_node("Constant", [], ["half"], value_float=0.5),
            helper.make_node("Mul", ["x", "half"], ["y"]),
        ]
        opset = [helper.make_opsetid("", 17)]
        self.functions.append(helper.make_function("local", "Half", ["x"], ["y"], nodes, opset))

    def model(self, shape: list[Any], outputs: dict[str, list[Any]]) -> Any:
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [
                helper.make_tensor_value_info(
                    name, TensorProto.INT64 if name == "class" else TensorProto.FLOAT, dims
                )
                for name, dims in outputs.items()
            ],
            self.stored,
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
        return helper.make_model(
            graph,
            opset_imports=opsets if self.functions else opsets[:1],
            functions=self.functions,
            ir_version=8,
        )


def plain(seed: int = 1) -> Any:
    """Two dense layers with a Relu between them."""
    net = Net(seed)
    y = net.node("Relu", [net.dense("x", FEATURES, HIDDEN)])
    net.dense(y, HIDDEN, CLASSES, "logits")
    return net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})


def branching(seed: int = 1) -> Any:
    """A Relu whose values only the two graphs of an If read."""
    net = Net(seed)
    y = net.node("Relu", [net.dense("x", FEATURES, HIDDEN)])
    total = net.node("ReduceSum", ["x"], keepdims=0)
    positive = net.node("Greater", [total, net.constant(np.float32(0))])
    graphs = {f"{name}_branch": net.branch(name, y) for name in ("then", "else")}
    net.node("If", [positive], "logits", **graphs)
    return net.model(["batch", FEATURES], {"logits": ["batch", CLASSES]})


def saved(folder: Path, model: Any, count: int = 24) -> tuple[Path, Path]:
    """The model as a file, and a calibration set of normal deviates."""
    path, calibration = folder / "model.onnx", folder / "calibration.npz"
    onnx.save(model, path)
    (given,) = model.graph.input
    dims = [one.dim_value for one in given.type.tensor_type.shape.dim][1:]
    values = np.random.default_rng(5).standard_normal((count, *dims)).astype(np.float32)
    arrays: dict[str, Any] = {"inputs/x": values}
    np.savez(calibration, **arrays)
    return path, calibration
