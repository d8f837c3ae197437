"""The products of matrices in an ONNX graph, and how its tensors are quantized.

Reads protobuf messages of the onnx package, which is imported inside functions; runs nothing.
Operators of the com.microsoft domain are those of onnxruntime's ContribOperators.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from .graph import Codes, GraphFacts, GraphOperator, Inside
from .ledger import ELEMENTWISE, FLOAT, INTEGER, OPAQUE, WEIGHT_ONLY
from .multiplications import bodies, known_shapes
from .onnx_operators import INPUTS, attributes, form_of, output_scale, read_codes, read_integer

_QUANTIZERS = frozenset({"QuantizeLinear", "DynamicQuantizeLinear"})
_MATMULS = frozenset({"MatMul", "FusedMatMul", "Gemm", "FusedGemm"})
_CONVS = frozenset({"Conv", "FusedConv", "NhwcFusedConv"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_FLOATS = _MATMULS | _CONVS | _RECURRENT | {"Attention", "MultiHeadAttention", "ConvTranspose"}
_OPAQUE = frozenset({"QAttention", "DynamicQuantizeLSTM", "QOrderedMatMul", "QLinearConvTranspose"})
_WEIGHT_ONLY = frozenset({"MatMulNBits", "MatMulBnb4"})
_SAME_VALUES = frozenset(
    {
        *("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Expand"),
        *("Slice", "Split", "Gather", "ReorderInput", "ReorderOutput"),
        *("DequantizeLinear", "Cast"),
    }
)
"""Operators whose outputs hold values of their first input: not listed a second time."""
_OTHER_SHAPE = frozenset({"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity"})
"""Operators whose output holds every value of their first input, once."""
_FLOAT8 = {17: "e4m3", 19: "e5m2"}
"""By their numbers in ONNX: FLOAT8E4M3FN and FLOAT8E5M2."""
_OTHER_FLOAT8 = (18, 20, 24)
"""FLOAT8E4M3FNUZ, FLOAT8E5M2FNUZ and FLOAT8E8M0, of which the ledger says nothing."""
_COUNTED = re.compile(r"(_token_\d+)+$")
"""What onnxruntime appends to the names of nodes that it makes anew."""
_REWRITTEN = "qdq_s8_to_u8"
"""Onnxruntime names so what it makes where it rewrites s8 activations to u8 on x86-64."""
_SAME_CODES = _SAME_VALUES - {"DequantizeLinear", "Cast"} | {"MaxPool"}


def read_graph(model: Any) -> GraphFacts:
    """The facts of a decoded model (`onnx.ModelProto`)."""
    graph = _Graph(model.graph)
    operators = tuple(found for node in graph.nodes if (found := _operator(node, graph)))
    inner = tuple(_inner(graph))
    codes = _codes(graph)
    names = {name for one in operators for name in one.inputs}
    names |= {name for one in codes.values() for name in (one.scale, one.zero)}
    return GraphFacts(
        operators=(*operators, *(one for one, _ in inner)),
        producers={name: str(node.op_type) for node in graph.nodes for name in node.output if name},
        copies=frozenset(
            str(name)
            for node in graph.nodes
            if node.op_type in _SAME_VALUES
            for name in node.output
        ),
        codes=codes,
        constants=graph.arrays(names) | {k: v for _, arrays in inner for k, v in arrays.items()},
        dynamic=any(one.dynamic for one in codes.values())
        or any(one.integer is not None and one.integer.quantizes_input for one in operators),
        claims_integer=any(_makes_integers(node, graph) for node in graph.nodes)
        or any(
            one.compute in (INTEGER, OPAQUE) for one in (*operators, *(one for one, _ in inner))
        ),
        outputs=tuple(str(value.name) for value in model.graph.output),
        aliases={name: _alias(name, graph) for name in codes if name.startswith(_REWRITTEN)},
        given=_given(model.graph, graph),
    )


def _inner(graph: _Graph) -> Iterator[tuple[GraphOperator, dict[str, npt.NDArray[Any]]]]:
    """The operators of the graphs inside nodes, at any depth, and the constants that each takes."""
    for node in graph.nodes:
        for body, times in bodies(node, graph.tensors, graph.shapes):
            inner = _Graph(body, graph)
            inside = Inside(str(node.name or node.op_type), times, inner.shapes)
            for one in inner.nodes:
                if (found := _operator(one, inner)) is not None:
                    yield replace(found, inside=inside), inner.arrays(set(found.inputs))
            for deeper, arrays in _inner(inner):
                assert deeper.inside is not None, "it was found in there"
                again = replace(deeper.inside, times=times * deeper.inside.times)
                yield replace(deeper, inside=again), arrays


def _given(message: Any, graph: _Graph) -> frozenset[str]:
    found = {str(value.name) for value in message.input} - graph.tensors.keys()
    for node in graph.nodes:  # in the order of execution
        if node.op_type in _OTHER_SHAPE and node.input[0] in found:
            found.add(str(node.output[0]))
    return frozenset(found)


def exposable(facts: GraphFacts) -> tuple[str, ...]:
    """Tensors to look at: all that nodes make, but for plain copies that nothing needs."""
    needed = {name for one in facts.operators for name in (*one.inputs, one.output)}
    needed |= {one.real for one in facts.codes.values()}
    needed |= {name for one in facts.codes.values() for name in (one.scale, one.zero)}
    return tuple(
        name
        for name, producer in facts.producers.items()
        if producer != "Constant" and (name not in facts.copies or name in needed)
    )


def exposed(model: Any, names: tuple[str, ...]) -> bytes:
    """The model with further outputs `names`, behind its own, encoded."""
    import onnx

    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    known = {value.name: value for value in model.graph.value_info}
    present = {value.name for value in model.graph.output}
    for name in names:
        if name not in present:
            wider.graph.output.append(known.get(name) or onnx.ValueInfoProto(name=name))
    encoded: bytes = wider.SerializeToString()
    return encoded


class _Graph:
    """Lookups in one graph message."""

    def __init__(self, graph: Any, outer: _Graph | None = None) -> None:
        self.nodes = list(graph.node)
        self.tensors: dict[str, Any] = dict(outer.tensors) if outer is not None else {}
        self.tensors |= {tensor.name: tensor for tensor in graph.initializer}
        self.shapes: dict[str, tuple[int | None, ...]] = known_shapes(graph)
        if outer is not None:
            self.shapes = outer.shapes | self.shapes
        for node in self.nodes:
            if node.op_type == "Constant":
                value = attributes(node).get("value")
                if value is not None:
                    self.tensors[node.output[0]] = value
        self.maker = {name: node for node in self.nodes for name in node.output if name}
        self.users: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def arrays(self, names: set[str]) -> dict[str, npt.NDArray[Any]]:
        """The constants among `names`."""
        from onnx import numpy_helper

        return {
            name: numpy_helper.to_array(self.tensors[name])
            for name in sorted(names)
            if name in self.tensors
        }

    def op_type(self, name: str) -> str:
        """Operator that makes tensor `name`; "" for inputs and constants."""
        node = self.maker.get(name)
        return str(node.op_type) if node is not None else ""

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is a constant, or a dequantized one."""
        if name in self.tensors:
            return True
        return self.op_type(name) == "DequantizeLinear" and self.maker[name].input[0] in (
            self.tensors
        )


def _producer(node: Any) -> str:
    """Operator type; with its domain where tensors are in blocks of channels."""
    return f"nchwc.{node.op_type}" if "nchwc" in node.domain else str(node.op_type)


def _is_integer(op_type: str) -> bool:
    return op_type in INPUTS or op_type in _OPAQUE


def _operator(node: Any, graph: _Graph) -> GraphOperator | None:
    op_type = str(node.op_type)
    if op_type.startswith("QLinear") and not _is_integer(op_type):
        return _on_codes(node)
    if not (_is_integer(op_type) or op_type in _FLOATS or op_type in _WEIGHT_ONLY):
        return None
    integer, why = read_integer(node)
    compute, fix = FLOAT, ""
    if _is_integer(op_type):
        compute = INTEGER if integer is not None else OPAQUE
        why = why or ("" if integer is not None else "its kernel fuses more than one product")
    elif op_type in _WEIGHT_ONLY or _only_weights(node, graph):
        compute = WEIGHT_ONLY
    elif _quantizes(graph):
        fix = _fix(node, graph)
    a, b = _factors(node, op_type)
    # A recurrent layer may leave out its first output, or all but one.
    output = next((str(name) for name in node.output if name), "")
    return GraphOperator(
        name=_named(node, output),
        op_type=op_type,
        inputs=tuple(str(name) for name in node.input if name),
        output=output,
        a=a,
        b=b,
        compute=compute,
        constant_weight=graph.is_constant(b),
        form=form_of(op_type),
        fix=fix,
        why=why,
        integer=integer,
    )


def _named(node: Any, output: str) -> str:
    """A name for people: the node's own, else what it makes, else its type."""
    names = (_COUNTED.sub("", str(name)) for name in (node.name, output))
    return next(filter(None, names), str(node.op_type))


def _on_codes(node: Any) -> GraphOperator:
    """An integer operator that multiplies no matrices."""
    found = read_codes(node)
    names = tuple(str(name) for name in node.input if name)
    return GraphOperator(
        name=_named(node, str(node.output[0])),
        op_type=str(node.op_type),
        inputs=names,
        output=str(node.output[0]),
        a=found.inputs[0].codes if found is not None else names[0],
        b="",
        compute=ELEMENTWISE,
        constant_weight=False,
        why="" if found is not None else "its formula is not known here",
        codes=found,
    )


def _quantizes(graph: _Graph) -> bool:
    return any(_makes_integers(one, graph) or _is_integer(one.op_type) for one in graph.nodes)


def _makes_integers(node: Any, graph: _Graph) -> bool:
    """Whether a node quantizes to integers, and not to floats of 8 bits."""
    return node.op_type in _QUANTIZERS and _float8(node, graph) == ""


def _float8(node: Any, graph: _Graph) -> str | None:
    """Name of the 8-bit float that a node quantizes to; "" for integers, None for another one."""
    if node.op_type != "QuantizeLinear":
        return ""
    zero = graph.tensors.get(node.input[2]) if len(node.input) > 2 else None
    kind = attributes(node).get("output_dtype", 0) if zero is None else zero.data_type
    return _FLOAT8.get(int(kind), "") if int(kind) not in _OTHER_FLOAT8 else None


def _factors(node: Any, op_type: str) -> tuple[str, str]:
    """Names of activations and weights."""
    second = INPUTS.get(op_type, ("a", "b")).index("b")
    names = [str(name) for name in node.input]
    return names[0], names[second] if len(names) > second else ""


def _only_weights(node: Any, graph: _Graph) -> bool:
    """Whether only the weights of a float operator are stored as integers."""
    if len(node.input) < 2:
        return False
    first, second = (graph.op_type(name) for name in node.input[:2])
    return (
        second == "DequantizeLinear"
        and first not in ("DequantizeLinear", "")
        and (graph.is_constant(node.input[1]) and not _any_activation_quantized(graph))
    )


def _any_activation_quantized(graph: _Graph) -> bool:
    return any(
        node.op_type in _QUANTIZERS and node.input[0] not in graph.tensors for node in graph.nodes
    )


def _fix(node: Any, graph: _Graph) -> str:
    """What would bring a float operator of a quantized graph into integer kernels."""
    quantized = [graph.op_type(name) == "DequantizeLinear" for name in node.input[:2] if name]
    if not all(quantized):
        return "quantize_inputs"
    users = graph.users.get(node.output[0], [])
    activation = bool(attributes(node).get("activation"))
    if len(users) == 1 and users[0].op_type in ("Relu", "Clip"):
        activation, users = True, graph.users.get(users[0].output[0], [])
    if not any(user.op_type == "QuantizeLinear" for user in users):
        return "quantize_output"
    return "zero_point" if activation else "unsigned_activations"


def _alias(name: str, graph: _Graph) -> str:
    """The tensor that was quantized, or that the codes become again, named by the model."""
    maker = graph.maker[name]
    near = [maker.input[0]] if maker.op_type == "QuantizeLinear" else []
    near += [
        user.output[0] for user in graph.users.get(name, []) if user.op_type == "DequantizeLinear"
    ]
    named = (str(one) for one in near if not one.startswith(_REWRITTEN))
    return next(named, name)


def _codes(graph: _Graph) -> dict[str, Codes]:
    codes: dict[str, Codes] = {}
    for node in graph.nodes:
        op_type, names = str(node.op_type), [str(name) for name in node.input]
        output = str(node.output[0]) if node.output else ""
        if op_type == "DynamicQuantizeLinear":
            codes[output] = Codes(str(node.output[1]), str(node.output[2]), names[0], dynamic=True)
        elif op_type == "QuantizeLinear" or op_type.startswith("QLinear") or op_type == "QGemm":
            scale, zero = output_scale(op_type)
            float8 = _float8(node, graph)
            if len(names) > scale and names[scale] and float8 is not None:
                real = names[0] if op_type == "QuantizeLinear" else ""
                at = names[zero] if len(names) > zero and not float8 else ""  # that of floats is 0
                codes[output] = Codes(names[scale], at, real, float8=float8)
        elif names and names[0] in codes and op_type in _SAME_CODES:
            inherited = codes[names[0]]
            codes[output] = replace(inherited, real="")
    return codes
