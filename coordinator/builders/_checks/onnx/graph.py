"""A built graph beside the graph that it was built of: where the two must hold the same values.

The quantizers keep the names of tensors. A tensor that both graphs make is a point where they can
be compared; where every reader takes it through QuantizeLinear, what comes out of DequantizeLinear
is the point, because a clamp may have moved into the codes. Reads and copies protobuf messages of
the onnx package; runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.onnx_operators import attributes, graphs

from .._agreement import GIVEN, Counterpart, Quantizer, shifts

_DYNAMIC = frozenset({"DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"})
_WEIGHTS: Mapping[str, tuple[int, ...]] = {
    "DequantizeLinear": (0,),
    "Gather": (0,),
    "MatMulInteger": (0, 1),
    "ConvInteger": (1,),
    "DynamicQuantizeMatMul": (1,),
    "MatMulIntegerToFloat": (1,),
    "MatMulNBits": (1,),
    "DynamicQuantizeLSTM": (1, 2),
    "QLinearConv": (3,),
    "QLinearMatMul": (3,),
    "QGemm": (3,),
}
"""Which inputs of an operator are weights in codes, when they are constant."""

Array = npt.NDArray[Any]


def made(graph: Any) -> dict[str, Any]:
    """The nodes of the main graph by the tensors that they make."""
    return {name: node for node in graph.node for name in node.output if name}


def all_nodes(model: Any) -> Iterator[tuple[Any, str]]:
    """Every node, and in words where it lies; "" in the main graph."""
    for at, graph in enumerate(graphs(model.graph)):
        for node in graph.node:
            yield node, "an inner graph" if at else ""
    for function in model.functions:
        for node in function.node:
            yield node, f"function {function.name}"


def constants(model: Any) -> dict[str, Any]:
    """Initializers of all graphs by name."""
    return {tensor.name: tensor for graph in graphs(model.graph) for tensor in graph.initializer}


def quantizers(model: Any) -> dict[str, Quantizer]:
    """Every QuantizeLinear of an activation with a fixed scale, by what it makes."""
    fixed, found = constants(model), {}
    for node in model.graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] in fixed:
            continue
        if (one := _quantizer(node, fixed)) is not None:
            found[str(node.output[0])] = one
    return found


def _quantizer(node: Any, fixed: Mapping[str, Any]) -> Quantizer | None:
    from onnx import helper, numpy_helper

    if node.input[1] not in fixed:
        return None
    scale = numpy_helper.to_array(fixed[node.input[1]]).astype(np.float64)
    zero = fixed.get(node.input[2]) if len(node.input) > 2 else None
    dtype = np.dtype(np.uint8) if zero is None else helper.tensor_dtype_to_np_dtype(zero.data_type)
    if dtype.kind not in "iu" or not scale.size:
        return None
    offset = 0.0 if zero is None else numpy_helper.to_array(zero).astype(np.float64)
    limits = np.iinfo(dtype)
    return Quantizer(
        str(node.input[0]),
        str(node.input[1]),
        float(scale.max()),
        float(((limits.min - offset) * scale).min()),
        float(((limits.max - offset) * scale).max()),
    )


def points(model: Any, known: frozenset[str]) -> tuple[Counterpart, ...]:
    """Where a built model can be compared.

    Args:
        model: the built one.
        known: the tensors that the float model makes or is given.
    """
    graph, codes, makers = model.graph, quantizers(model), made(model.graph)
    readers = _readers(graph)
    outputs = {value.name for value in graph.output}
    found: list[Counterpart] = []
    for name in (*(value.name for value in graph.input), *makers):
        if name not in known:
            continue
        users = readers.get(name, [])
        behind = [use for use in users if use.op_type == "QuantizeLinear" and use.input[0] == name]
        if users and len(behind) == len(users) and name not in outputs:
            found += [
                Counterpart(str(out), name, codes[str(use.output[0])])
                for use in behind
                if str(use.output[0]) in codes
                for reader in readers.get(use.output[0], [])
                if reader.op_type == "DequantizeLinear"
                for out in reader.output
            ]
        elif (maker := makers.get(name)) is not None:
            before = codes.get(maker.input[0]) if maker.op_type == "DequantizeLinear" else None
            dynamic = any(use.op_type in _DYNAMIC for use in users)
            found.append(Counterpart(name, name, before, dynamic))
    return tuple(dict.fromkeys(found))


def _readers(graph: Any) -> dict[str, list[Any]]:
    """The nodes of the main graph by the tensors that they, or their inner graphs, read."""
    found: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in {*node.input, *captured(node)}:
            found.setdefault(name, []).append(node)
    return found


def captured(node: Any) -> set[str]:
    """What the inner graphs of a node take from outside."""
    found: set[str] = set()
    for item in node.attribute:
        for inner in (*([item.g] if item.HasField("g") else []), *item.graphs):
            own = {value.name for value in (*inner.input, *inner.initializer)}
            for one in inner.node:
                found |= {*one.input, *captured(one)} - own
                own |= set(one.output)
            found |= {value.name for value in inner.output} - own
    return found - {""}


def with_outputs(model: Any, names: Sequence[str]) -> Any:
    """A copy that returns `names` and nothing else; the runtime finds their types itself."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return copy


def forced(model: Any, given: Mapping[str, int], names: Sequence[str]) -> Any:
    """A copy in which every reader of a tensor takes a value that is handed in instead.

    So an error shows where it is made, and does not add up along the graph.

    Args:
        model: the built model.
        given: ONNX element type by tensor.
        names: what the copy returns: the tensors as they are computed.
    """
    import onnx

    copy = with_outputs(model, names)
    for graph in graphs(copy.graph):
        for node in graph.node:
            for at, name in enumerate(node.input):
                if name in given:
                    node.input[at] = name + GIVEN
        if graph is not copy.graph:
            for value in graph.output:
                value.name = value.name + GIVEN if value.name in given else value.name
    for name, kind in given.items():
        value = onnx.ValueInfoProto(name=name + GIVEN)
        value.type.tensor_type.elem_type = kind
        copy.graph.input.append(value)
    return copy


def disturbed(model: Any, generator: np.random.Generator | None) -> Any:
    """A copy whose stored weights differ by about one step each.

    Args:
        model: the built model.
        generator: moves each code up, down or not at all; None moves all of them up.
    """
    import onnx
    from onnx import numpy_helper

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    bits = dict(_stored(copy))
    for tensor in constants(copy).values():
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        if tensor.name in bits and kind in (np.int8, np.uint8):
            array = numpy_helper.to_array(tensor)
            moved = _moved(array, generator, bits[tensor.name])
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
        elif kind == np.float16:
            half: Array = numpy_helper.to_array(tensor).astype(np.float64)
            half = half * (1 + 2.0**-10 * shifts(half.shape, generator))
            tensor.CopyFrom(numpy_helper.from_array(half.astype(np.float16), tensor.name))
    return copy


def _stored(model: Any) -> Iterator[tuple[str, int]]:
    """Names of what may be a weight in codes, and how many bits a code has."""
    for node, _ in all_nodes(model):
        bits = int(attributes(node).get("bits", 4)) if node.op_type == "MatMulNBits" else 8
        for at in _WEIGHTS.get(node.op_type, ()):
            if at < len(node.input):
                yield str(node.input[at]), bits


def _moved(array: Array, generator: np.random.Generator | None, bits: int) -> Array:
    if bits == 4:
        low, high = (
            np.clip(half.astype(np.int16) + shifts(half.shape, generator), 0, 15)
            for half in (array & 15, array >> 4)
        )
        return (low + 16 * high).astype(np.uint8)
    limits = np.iinfo(array.dtype)
    moved = array.astype(np.int16) + shifts(array.shape, generator)
    return np.clip(moved, limits.min, limits.max).astype(array.dtype)
