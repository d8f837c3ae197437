"""A decoded ONNX model as the questions of `inspect` and `recognise` need it.

The functions here read protobuf messages of the onnx package (untyped) and never run a model.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnx
import onnx.numpy_helper
from bitgauge.benchmarks.numerics.external_data import inside, is_external, tensors
from bitgauge.benchmarks.numerics.onnx_operators import graphs

_WEIGHTED_PRODUCTS = frozenset({"MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul"})


class Graph:
    """Nodes and constants of a model, those of inner graphs and local functions included.

    Attributes:
        nodes: every node, in file order.
        constants: every constant tensor by name: initializers and outputs of Constant nodes.
        tensors: every tensor message, attributes included.
        folder: where the model lies, with the files that hold its external tensors.
    """

    def __init__(self, model: Any, folder: Path | None = None) -> None:
        found = list(graphs(model.graph))
        self.nodes = [node for graph in found for node in graph.node]
        self.nodes += [node for function in model.functions for node in function.node]
        self.constants = {tensor.name: tensor for graph in found for tensor in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant":
                value = attribute(node, "value")
                if value is not None:
                    self.constants[node.output[0]] = value
        self.tensors = list(tensors(model))
        self.folder = folder
        self._fixed = self._constant_names()

    def is_constant(self, name: str) -> bool:
        """Whether tensor `name` is the same at every call: a constant or computed from such."""
        return name in self._fixed

    @property
    def is_external(self) -> bool:
        """Whether any of its tensors is in another file."""
        return any(map(is_external, self.tensors))

    def values(self, tensor: Any) -> npt.NDArray[Any]:
        """The values of one of its tensors."""
        held = tensor if self.folder is None else inside(tensor, self.folder)
        values: npt.NDArray[Any] = onnx.numpy_helper.to_array(held)
        return values

    def activation_products(self) -> int:
        """Matrix products of two tensors that both depend on the model's input."""
        count = 0
        for node in self.nodes:
            if node.op_type in _WEIGHTED_PRODUCTS and len(node.input) > 1:
                second = node.input[3 if node.op_type == "QLinearMatMul" else 1]
                count += not (self.is_constant(node.input[0]) or self.is_constant(second))
        return count

    def _constant_names(self) -> set[str]:
        """Constants and what is computed from them alone; nodes come in topological order."""
        fixed = set(self.constants)
        for node in self.nodes:
            inputs = [name for name in node.input if name]
            computed = bool(inputs) and all(name in fixed for name in inputs)
            if node.op_type == "Constant" or computed:
                fixed.update(node.output)
        return fixed


def sort_nodes(graph: Any) -> None:
    """Put the nodes of `graph` into an order in which every tensor is made before it is used.

    The standard asks for it, but onnxruntime does not, and its own float16 tool writes files in
    another order. A graph with a cycle is left as it is.
    onnx_ir sorts as well, but writes the whole file anew: every artifact would get another digest.
    """
    made_by = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    waits_for = [
        {made_by[name] for name in _used_names(node) if name in made_by} for node in graph.node
    ]
    users: list[list[int]] = [[] for _ in waits_for]
    for index, makers in enumerate(waits_for):
        for maker in makers:
            users[maker].append(index)
    missing = [len(makers) for makers in waits_for]
    ready = [index for index, count in enumerate(missing) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for user in users[index]:
            missing[user] -= 1
            if missing[user] == 0:
                heapq.heappush(ready, user)
    if len(order) == len(waits_for) and order != sorted(order):
        nodes = [graph.node[index] for index in order]
        del graph.node[:]
        graph.node.extend(nodes)


def _used_names(node: Any) -> Iterator[str]:
    """Inputs of a node, and whatever its inner graphs take from outside."""
    yield from node.input
    for item in node.attribute:
        inner = [item.g] if item.type == onnx.AttributeProto.GRAPH else []
        for graph in (*inner, *item.graphs):
            for inner_node in graph.node:
                yield from _used_names(inner_node)


def attribute(node: Any, name: str) -> Any:
    """The value of an attribute of `node`, or None when it is not set."""
    for item in node.attribute:
        if item.name == name:
            return onnx.helper.get_attribute_value(item)
    return None
