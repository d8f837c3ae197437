"""Writes ONNX files by hand, because an agent has no ONNX library.

An ONNX file is a protobuf message: fields of a number and a value
(protobuf.dev/programming-guides/encoding). The numbers follow onnx.proto:
ModelProto{ir_version=1, graph=7, opset_import=8}, GraphProto{node=1, name=2, initializer=5,
input=11, output=12}, NodeProto{input=1, output=2, op_type=4, attribute=5}, AttributeProto{name=1,
t=5, type=20}, TensorProto{dims=1, data_type=2, name=8, raw_data=9}, ValueInfoProto{name=1,
type=2}, TypeProto{tensor_type=1{elem_type=1, shape=2{dim=1{dim_value=1}}}}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FLOAT, INT64 = 1, 7
"""Element types of tensors."""

_IR_VERSION, _OPSET, _TENSOR = 7, 13, 4


def model(
    name: bytes, nodes: Iterable[bytes], shape: Sequence[int], constants: Iterable[bytes] = ()
) -> bytes:
    """A model of `nodes` from `x` to `y`, both of float32 in one shape."""
    axes = b"".join(_bytes(1, _int(1, size)) for size in shape)
    kind = _bytes(1, _int(1, FLOAT) + _bytes(2, axes))
    graph = (
        b"".join(_bytes(1, one) for one in nodes)
        + _bytes(2, name)
        + b"".join(_bytes(5, one) for one in constants)
        + _bytes(11, _bytes(1, b"x") + _bytes(2, kind))
        + _bytes(12, _bytes(1, b"y") + _bytes(2, kind))
    )
    opset = _bytes(1, b"") + _int(2, _OPSET)
    return _int(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, opset)


def node(
    operator: bytes, inputs: Sequence[bytes], output: bytes, value: bytes | None = None
) -> bytes:
    """One operator, with a tensor as its attribute `value` when given."""
    named = b"".join(_bytes(1, one) for one in inputs) + _bytes(2, output) + _bytes(4, operator)
    if value is None:
        return named
    return named + _bytes(5, _bytes(1, b"value") + _bytes(5, value) + _int(20, _TENSOR))


def tensor(size: int, kind: int, data: bytes, name: bytes = b"") -> bytes:
    """A tensor of one axis."""
    named = _bytes(8, name) if name else b""
    return _int(1, size) + _int(2, kind) + named + _bytes(9, data)


def _varint(value: int) -> bytes:
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content
