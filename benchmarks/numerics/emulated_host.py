"""A graph executed as a host without VNNI would: products by the pair emulator, all else here.

Nodes run one by one, each in a session of its own, so that the next one sees what saturated
kernels really hand on: an error in one layer changes what saturates in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .integer_operator import IntegerOperator, NotComputable, adds_pairs
from .kernel_check import emulate
from .onnx_operators import read_integer
from .shown import Arrays, Run


class EmulatedHost:
    """One graph on a processor with AVX2 and without VNNI.

    Args:
        model: the graph that is executed, encoded.
        plain: makes a runner that executes an encoded graph as it stands.
    """

    def __init__(self, model: bytes, plain: Callable[[bytes], Run]) -> None:
        import onnx

        self._model = onnx.load_model_from_string(model)
        self._plain = plain
        self._constants: Arrays = {
            tensor.name: onnx.numpy_helper.to_array(tensor)
            for tensor in self._model.graph.initializer
        }
        self._runs: dict[int, tuple[tuple[str, ...], Run]] = {}
        self._operators = {
            index: operator
            for index, node in enumerate(self._model.graph.node)
            if (operator := read_integer(node)[0]) is not None
        }

    def __call__(self, feeds: Arrays) -> list[npt.NDArray[Any]]:
        """The graph's outputs, in its order."""
        values: Arrays = {**self._constants, **feeds}
        for index, node in enumerate(self._model.graph.node):
            returned = self._node(index, node, values)
            operator = self._operators.get(index)
            if operator is not None:
                values[operator.output] = returned[0]
                returned = [self._paired(operator, values)]
            named = [name for name in node.output if name]
            values |= dict(zip(named, returned, strict=True))
        return [values[value.name] for value in self._model.graph.output]

    def _paired(self, operator: IntegerOperator, values: Arrays) -> npt.NDArray[Any]:
        a = values[operator.a]
        kind = np.dtype(np.uint8) if operator.quantizes_input else a.dtype
        if not adds_pairs(operator, kind, values[operator.b]):
            return values[operator.output]
        try:
            return emulate(operator, values)
        except NotComputable:
            return values[operator.output]

    def _node(self, index: int, node: Any, values: Arrays) -> Sequence[npt.NDArray[Any]]:
        if index not in self._runs:
            names = tuple(dict.fromkeys(name for name in _used(node) if name in values))
            self._runs[index] = (names, self._plain(self._alone(node, names, values)))
        names, run = self._runs[index]
        return run({name: values[name] for name in names if name not in self._constants})

    def _alone(self, node: Any, names: tuple[str, ...], values: Arrays) -> bytes:
        """A model of one node; what is constant for it stays constant."""
        from onnx import helper

        graph = helper.make_graph([node], "one", [], [])
        constant = [tensor for tensor in self._model.graph.initializer if tensor.name in names]
        graph.initializer.extend(constant)
        for name in names:
            if name not in self._constants:
                kind = helper.np_dtype_to_tensor_dtype(values[name].dtype)
                graph.input.append(helper.make_tensor_value_info(name, kind, None))
        for name in node.output:
            if name:
                graph.output.add().name = name
        alone = helper.make_model(
            graph,
            opset_imports=self._model.opset_import,
            ir_version=self._model.ir_version,
        )
        encoded: bytes = alone.SerializeToString()
        return encoded


def _used(node: Any) -> Iterator[str]:
    """Inputs of a node and of the graphs inside it."""
    yield from (str(name) for name in node.input if name)
    for item in node.attribute:
        for graph in (*([item.g] if item.HasField("g") else []), *item.graphs):
            for inner in graph.node:
                yield from _used(inner)
