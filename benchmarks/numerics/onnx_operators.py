"""Integer operators of ONNX and of onnxruntime's com.microsoft domain, read from their nodes.

Nodes are protobuf messages of the onnx package, which is imported inside functions. The order of
inputs is that of ONNX's Operators.md and of onnxruntime's ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import code_operator as codes
from .code_operator import LEAKY_SLOPE, CodeInput, CodeOperator
from .graph import ATTENTION, CONVOLUTION, MATRIX, RECURRENT, SCORES
from .integer_operator import Geometry, IntegerOperator
from .quantizing import U8_OF_CALL


class _Unread(Exception):
    """A form of an operator that is not computed again."""


INPUTS: dict[str, tuple[str, ...]] = {
    op_type: tuple(roles.split())
    for op_type, roles in {
        "QLinearMatMul": "a a_scale a_zero b b_scale b_zero y_scale y_zero",
        "QLinearConv": "a a_scale a_zero b b_scale b_zero y_scale y_zero bias",
        "QGemm": "a a_scale a_zero b b_scale b_zero bias y_scale y_zero",
        "MatMulInteger": "a b a_zero b_zero",
        "ConvInteger": "a b a_zero b_zero",
        "MatMulIntegerToFloat": "a b a_scale b_scale a_zero b_zero bias",
        "DynamicQuantizeMatMul": "a b b_scale b_zero bias",
    }.items()
}
"""What each input of an integer operator is, a field of `IntegerOperator`; others are not read."""

FUNCTIONS: dict[str, str] = {
    "QLinearAdd": codes.ADD,
    "QLinearMul": codes.MULTIPLY,
    "QLinearConcat": codes.CONCATENATE,
    "QLinearSigmoid": codes.SIGMOID,
    "QLinearLeakyRelu": codes.LEAKY_RELU,
    "QLinearSoftmax": codes.SOFTMAX,
    "QLinearGlobalAveragePool": codes.MEAN,
}
"""What an operator on codes makes of the numbers that they stand for."""

_OUTPUT_SCALE: dict[str, tuple[int, int]] = {
    "QuantizeLinear": (1, 2),
    "QLinearAdd": (6, 7),
    "QLinearMul": (6, 7),
    "QLinearConcat": (0, 1),
    "QLinearWhere": (7, 8),
}


_FORM_OF: dict[str, str] = {
    **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"), RECURRENT),
    **dict.fromkeys(("Attention", "QAttention"), ATTENTION),
    "MultiHeadAttention": SCORES,
}
"""How operators multiply whose name does not hold `Conv`; all others take rows by columns."""


def form_of(op_type: str) -> str:
    """How an operator multiplies: a key of `graph.FORMS`."""
    return CONVOLUTION if "Conv" in op_type else _FORM_OF.get(op_type, MATRIX)


def output_scale(op_type: str) -> tuple[int, int]:
    """Which inputs of an operator that makes codes hold scale and zero point of its output."""
    roles = INPUTS.get(op_type, ())
    if "y_scale" in roles:
        return roles.index("y_scale"), roles.index("y_zero")
    return _OUTPUT_SCALE.get(op_type, (3, 4))


def read_codes(node: Any) -> CodeOperator | None:
    """How to compute an operator on codes again; None for one whose formula is not known."""
    op_type, names, given = str(node.op_type), [str(name) for name in node.input], attributes(node)
    function = FUNCTIONS.get(op_type)
    if function is None:
        return None
    scale, zero = output_scale(op_type)
    inputs = names[2:] if op_type == "QLinearConcat" else names[:scale]
    return CodeOperator(
        function=function,
        inputs=tuple(CodeInput(*inputs[at : at + 3]) for at in range(0, len(inputs), 3)),
        y_scale=names[scale],
        y_zero=names[zero] if len(names) > zero else "",
        output=str(node.output[0]),
        axis=int(given.get("axis", -1)),
        trailing=int(given.get("opset", 13)) < 13,
        alpha=float(given.get("alpha", LEAKY_SLOPE)),
        channels_last=bool(given.get("channels_last", 0)),
    )


def read_integer(node: Any) -> tuple[IntegerOperator | None, str]:
    """How to compute a node again, or None and why not; ("" for a type that is not in `INPUTS`)."""
    op_type, given = str(node.op_type), attributes(node)
    if op_type not in INPUTS:
        return None, ""
    named: dict[str, Any] = dict(zip(INPUTS[op_type], map(str, node.input), strict=False))
    try:
        if given.get("alpha", 1.0) != 1.0:
            raise _Unread("it multiplies by a factor of its own (alpha)")
        operator = IntegerOperator(
            name=str(node.name or node.output[0]),
            op_type=op_type,
            output=str(node.output[0]),
            geometry=_geometry(given) if "Conv" in op_type else None,
            transposes=(bool(given.get("transA", 0)), bool(given.get("transB", 0))),
            quantizes_input=U8_OF_CALL if op_type == "DynamicQuantizeMatMul" else "",
            scales_output="b_scale" in named and not named.get("y_scale"),
            **named,
        )
    except _Unread as error:
        return None, str(error)
    return operator, ""


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node by name."""
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def graphs(graph: Any) -> Iterator[Any]:
    """A graph, and those inside its nodes at any depth."""
    yield graph
    for node in graph.node:
        for item in node.attribute:
            for inner in (*([item.g] if item.HasField("g") else []), *item.graphs):
                yield from graphs(inner)


def messages(message: Any, kind: str) -> Iterator[Any]:
    """Every message of a kind within another one, at any depth, in file order.

    Fields are asked of the message itself, so that no place is forgotten: inner graphs, functions
    and the defaults of their attributes, training graphs, and what a later ONNX adds. Nothing lies
    within a tensor, whose fields are its values.
    """
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        name = field.message_type.name
        for one in (value,) if hasattr(value, "ListFields") else value:
            if name == kind:
                yield one
            if name != "TensorProto":
                yield from messages(one, kind)


def _geometry(given: dict[str, Any]) -> Geometry:
    if given.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID", b""):
        raise _Unread("it leaves its padding to the runtime (auto_pad)")
    kernel = given.get("kernel_shape")
    if kernel is None or len(kernel) != 2:
        raise _Unread("it is no two-dimensional convolution of a stated size")
    return Geometry(
        kernel=tuple(kernel),
        strides=tuple(given.get("strides", (1, 1))),
        dilations=tuple(given.get("dilations", (1, 1))),
        pads=tuple(given.get("pads", (0, 0, 0, 0))),
        groups=int(given.get("group", 1)),
        channels_last=bool(given.get("channels_last", 0)),
    )
