"""Integer operators of ONNX and of onnxruntime's com.microsoft domain, read from their nodes.

Nodes are protobuf messages of the onnx package, which is imported inside functions. The order of
inputs is that of ONNX's Operators.md and of onnxruntime's ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .code_operator import CodeInput, CodeOperator
from .integer_operator import Geometry, IntegerOperator


class _Unread(Exception):
    """A form of an operator that is not computed again."""


def _name(names: list[str], index: int) -> str:
    return names[index] if len(names) > index else ""


def _qlinear_matmul(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[3], output=str(node.output[0]),
        a_scale=names[1], a_zero=names[2], b_scale=names[4], b_zero=names[5],
        y_scale=names[6], y_zero=names[7],
    )  # fmt: skip


def _qlinear_conv(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[3], output=str(node.output[0]),
        a_scale=names[1], a_zero=names[2], b_scale=names[4], b_zero=names[5],
        y_scale=names[6], y_zero=names[7], bias=_name(names, 8), geometry=_geometry(given),
    )  # fmt: skip


def _qgemm(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    if given.get("alpha", 1.0) != 1.0:
        raise _Unread("it multiplies by a factor of its own (alpha)")
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[3], output=str(node.output[0]),
        a_scale=names[1], a_zero=names[2], b_scale=names[4], b_zero=names[5],
        bias=_name(names, 6), y_scale=_name(names, 7), y_zero=_name(names, 8),
        transposes=(bool(given.get("transA", 0)), bool(given.get("transB", 0))),
        scales_output=not _name(names, 7),
    )  # fmt: skip


def _matmul_integer(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[1], output=str(node.output[0]),
        a_zero=_name(names, 2), b_zero=_name(names, 3),
    )  # fmt: skip


def _conv_integer(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[1], output=str(node.output[0]),
        a_zero=_name(names, 2), b_zero=_name(names, 3), geometry=_geometry(given),
    )  # fmt: skip


def _matmul_to_float(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[1], output=str(node.output[0]),
        a_scale=names[2], b_scale=names[3], a_zero=_name(names, 4), b_zero=_name(names, 5),
        bias=_name(names, 6), scales_output=True,
    )  # fmt: skip


def _dynamic_matmul(node: Any, names: list[str], given: dict[str, Any]) -> IntegerOperator:
    return IntegerOperator(
        *_identity(node), a=names[0], b=names[1], output=str(node.output[0]),
        b_scale=names[2], b_zero=_name(names, 3), bias=_name(names, 4),
        quantizes_input=True, scales_output=True,
    )  # fmt: skip


_READERS: dict[str, Callable[[Any, list[str], dict[str, Any]], IntegerOperator]] = {
    "QLinearMatMul": _qlinear_matmul,
    "QLinearConv": _qlinear_conv,
    "QGemm": _qgemm,
    "MatMulInteger": _matmul_integer,
    "ConvInteger": _conv_integer,
    "MatMulIntegerToFloat": _matmul_to_float,
    "DynamicQuantizeMatMul": _dynamic_matmul,
}


def _binary(node: Any, names: list[str], given: dict[str, Any]) -> CodeOperator:
    inputs = (CodeInput(*names[:3]), CodeInput(*names[3:6]))
    return _of_codes(node, inputs, names[6], _name(names, 7))


def _unary(node: Any, names: list[str], given: dict[str, Any]) -> CodeOperator:
    own = _of_codes(node, (CodeInput(*names[:3]),), names[3], _name(names, 4))
    return replace(
        own,
        alpha=float(given.get("alpha", own.alpha)),
        axis=int(given.get("axis", -1)),
        trailing=int(given.get("opset", 13)) < 13,
        channels_last=bool(given.get("channels_last", 0)),
    )


def _concat(node: Any, names: list[str], given: dict[str, Any]) -> CodeOperator:
    inputs = tuple(CodeInput(*names[at : at + 3]) for at in range(2, len(names), 3))
    return replace(_of_codes(node, inputs, names[0], names[1]), axis=int(given["axis"]))


def _of_codes(node: Any, inputs: tuple[CodeInput, ...], scale: str, zero: str) -> CodeOperator:
    return CodeOperator(str(node.op_type), inputs, scale, zero, str(node.output[0]))


_CODE_READERS: dict[str, Callable[[Any, list[str], dict[str, Any]], CodeOperator]] = {
    "QLinearAdd": _binary,
    "QLinearMul": _binary,
    "QLinearConcat": _concat,
    "QLinearSigmoid": _unary,
    "QLinearLeakyRelu": _unary,
    "QLinearSoftmax": _unary,
    "QLinearGlobalAveragePool": _unary,
}


def read_codes(node: Any) -> CodeOperator | None:
    """How to compute an operator on codes again; None for one whose formula is not known."""
    reader = _CODE_READERS.get(str(node.op_type))
    if reader is None:
        return None
    return reader(node, [str(name) for name in node.input], attributes(node))


READ = frozenset(_READERS)
"""Operator types that `read_integer` knows."""


def read_integer(node: Any) -> tuple[IntegerOperator | None, str]:
    """How to compute a node again, or None and why not; ("" for a type that is not in `READ`)."""
    reader = _READERS.get(str(node.op_type))
    if reader is None:
        return None, ""
    try:
        return reader(node, [str(name) for name in node.input], attributes(node)), ""
    except _Unread as error:
        return None, str(error)


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


def _identity(node: Any) -> tuple[str, str]:
    return str(node.name or node.output[0]), str(node.op_type)


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
