"""Every tensor and every named node of a model has a name of its own, inner graphs included.

Quantizers look tensors up by name alone, and name what they add after what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from bitgauge.benchmarks.numerics.onnx_operators import graphs

from .base import OrderTerms, copy_of

_ADDED = (
    "_quantized",
    "_scale",
    "_zero_point",
    "_QuantizeLinear",
    "_QuantizeLinear_Output",
    "_QuantizeLinear_Input",
    "_DequantizeLinear",
    "_DequantizeLinear_Output",
    "_DequantizeLinear_Input",
    "_Q4",
    "_Q8",
    "_scales",
    "_fp16",
)
"""What quantizers put behind the name of a tensor for one of their own."""


def finds(model: Any, _wanted: OrderTerms) -> str:
    """Names that two tensors or two nodes have, and those that a quantizer would give anew."""
    tensors = [name for graph in graphs(model.graph) for name in _tensors(graph)]
    nodes = [node.name for graph in graphs(model.graph) for node in graph.node if node.name]
    interface = _interface(model)
    added = _as_added(tensors, interface) | _as_copied(model, interface)
    clashing = _twice(tensors) | _twice(nodes) | added
    return f"names that clash: {len(clashing)}" if clashing else ""


def taken(model: Any, _wanted: OrderTerms) -> Any:
    """Inputs and outputs of the model keep their names, as does the first to have a name."""
    import onnx_ir as ir

    given = ir.serde.deserialize_model(copy_of(model))  # it shares tensors with its message
    interface = _interface(model)
    ends = (*given.graph.inputs, *given.graph.outputs)
    kept = {id(value) for value in ends if value.name in interface}
    everything = [name for graph in graphs(model.graph) for name in _tensors(graph)]
    avoided = _as_added(everything, interface) | _as_copied(model, interface)
    used, nodes = set(everything), {node.name for one in graphs(model.graph) for node in one.node}
    seen, seen_nodes = set(interface), set[str]()
    for graph in given.graphs():
        for value in list(_values(graph)):
            if id(value) not in kept and (value.name in seen or value.name in avoided):
                value.name = _free(str(value.name), used)
            seen.add(str(value.name))
        for node in graph:
            if node.name and node.name in seen_nodes:
                node.name = _free(node.name, nodes)
            seen_nodes.add(node.name or "")
    return ir.serde.serialize_model(given)


def _interface(model: Any) -> frozenset[str]:
    """Names that a caller uses; an initializer that is listed as input is none of them."""
    constants = {tensor.name for tensor in model.graph.initializer}
    fed = {value.name for value in model.graph.input} - constants
    return frozenset(fed | {value.name for value in model.graph.output})


def _tensors(graph: Any) -> Iterator[str]:
    """Every name that a graph gives to a tensor; an initializer listed as input gives one."""
    own = [tensor.name for tensor in graph.initializer]
    yield from own
    yield from (tensor.values.name for tensor in graph.sparse_initializer)
    yield from (value.name for value in graph.input if value.name not in own)
    yield from (name for node in graph.node for name in node.output if name)


def _values(graph: Any) -> Iterator[Any]:
    initializers = list(graph.initializers.values())
    known = {id(value) for value in initializers}
    yield from initializers
    yield from (value for value in graph.inputs if id(value) not in known)
    yield from (value for node in graph for value in node.outputs if value.name)


def _twice(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _as_added(tensors: Iterable[str], fixed: frozenset[str]) -> set[str]:
    """Tensors, not of the model's own inputs and outputs, that are named as if a tool had."""
    names = set(tensors)
    return {
        name
        for name in names - fixed
        if any(name.endswith(end) and name.removesuffix(end) in names for end in _ADDED)
    }


def _as_copied(model: Any, fixed: frozenset[str]) -> set[str]:
    """Tensors that are named as a quantizer's copy of a constant that several operators read.

    It puts a number behind the constant's name, one that no constant has. Where such a tensor is
    the model's own input or output, the constant is what can be renamed.
    """
    nodes = [node for graph in graphs(model.graph) for node in graph.node]
    stored = {tensor.name for graph in graphs(model.graph) for tensor in graph.initializer}
    reads = Counter(name for node in nodes for name in node.input)
    copied = {name for name in stored if reads[name] > 1}
    made = {name for node in nodes for name in node.output} | fixed
    found = set[str]()
    for stem in copied - fixed:
        ends = (name for name in made - stored if name.startswith(stem))
        clashing = [name for name in ends if name.removeprefix(stem).isdecimal()]
        found.update(stem if name in fixed else name for name in clashing)
    return found


def _free(name: str, used: set[str]) -> str:
    number = next(n for n in range(1, len(used) + 2) if f"{name}__{n}" not in used)
    used.add(f"{name}__{number}")
    return f"{name}__{number}"
