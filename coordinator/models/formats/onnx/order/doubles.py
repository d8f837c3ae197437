"""Doubles become float32, when that is asked for.

Inputs and outputs keep their type, so that an evaluation set still fits: a cast stands behind each
input of doubles and before each such output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from bitgauge.benchmarks.numerics.onnx_operators import graphs

from .base import LeftOut, OrderTerms, copy_of

_TYPED_BY = {"Cast": "to"}
"""The attribute that names an operator's type; for all others it is `dtype`."""


def counted(model: Any) -> int:
    """Tensors of doubles that a model holds; its inputs and outputs do not count."""
    return sum(1 for _ in _tensors(model))


def finds(model: Any, wanted: OrderTerms) -> str:
    """How many tensors hold doubles, if they are to become float32."""
    count = counted(model) if wanted.float32 else 0
    return f"doubles became float32: {count} tensors" if count else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """Every double tensor and type inside becomes float32.

    Raises:
        LeftOut: a value is beyond what float32 holds.
    """
    copy = copy_of(model)
    for tensor in _tensors(copy):
        _narrow(tensor)
    for node in _nodes(copy):
        _retype(node)
    kept = {value.name for value in (*copy.graph.input, *copy.graph.output)}
    for graph in graphs(copy.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            if graph is not copy.graph or value.name not in kept:
                _declare_float(value)
    _cast_interface(copy.graph)
    return copy


def _double() -> int:
    import onnx

    return int(onnx.TensorProto.DOUBLE)


def _nodes(model: Any) -> Iterator[Any]:
    for graph in graphs(model.graph):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _tensors(model: Any) -> Iterator[Any]:
    found = [one for graph in graphs(model.graph) for one in graph.initializer]
    found += [item.t for node in _nodes(model) for item in node.attribute if item.HasField("t")]
    return (one for one in found if one.data_type == _double())


def _narrow(tensor: Any) -> None:
    from onnx import numpy_helper

    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        narrowed = values.astype(np.float32)
    if not np.array_equal(np.isfinite(values), np.isfinite(narrowed)):
        raise LeftOut(f"{tensor.name or 'a constant'} holds a value that float32 cannot hold")
    tensor.CopyFrom(numpy_helper.from_array(narrowed, tensor.name))


def _retype(node: Any) -> None:
    import onnx

    for item in node.attribute:
        if item.name == _TYPED_BY.get(node.op_type, "dtype") and item.i == _double():
            item.i = onnx.TensorProto.FLOAT


def _declare_float(value: Any) -> None:
    import onnx

    kind = value.type.tensor_type
    if value.type.HasField("tensor_type") and kind.elem_type == _double():
        kind.elem_type = onnx.TensorProto.FLOAT


def _cast_interface(graph: Any) -> None:
    """Casts behind inputs and before outputs that stay doubles."""
    import onnx

    constants = {tensor.name for tensor in graph.initializer}
    renamed: dict[str, str] = {}
    first, last = [], []
    for value in graph.input:
        if value.type.tensor_type.elem_type == _double() and value.name not in constants:
            renamed[value.name] = f"{value.name}__float32"
            cast = (value.name, renamed[value.name], onnx.TensorProto.FLOAT)
            first.append(_cast(*cast))
    for value in graph.output:
        if value.type.tensor_type.elem_type == _double():
            inner = renamed.setdefault(value.name, f"{value.name}__float32")
            last.append(_cast(inner, value.name, onnx.TensorProto.DOUBLE))
    for inner_graph in graphs(graph):
        for node in inner_graph.node:
            _rename(node.input, renamed)
            _rename(node.output, renamed)
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)


def _cast(source: str, target: str, to: int) -> Any:
    import onnx

    return onnx.helper.make_node("Cast", [source], [target], name=f"{target}/Cast", to=to)


def _rename(names: Any, renamed: dict[str, str]) -> None:
    for at, name in enumerate(names):
        names[at] = renamed.get(name, name)
